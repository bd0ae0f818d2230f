package policy

import (
	"testing"
	"time"
)

// counted is what a gateway counts at one tick; refused below zero is not known.
type counted struct{ arrivals, refused, served float64 }

func (c counted) input(at time.Time) Input {
	in := with(1, scene{arrivals: c.arrivals, completed: max(c.served, 1e-9)}).input()
	in.Now = at
	if c.refused >= 0 {
		in.Signals.Refused = Seen(c.refused, 5*time.Second)
	}
	return in
}

// after is what was learned of some hours of one counted, then minutes of another.
func after(hours int, usual counted, minutes int, then counted) (Learned, time.Time) {
	m, l, at := scene{}.model(), Learned{}, noon
	for i := range 60*hours + minutes {
		at = at.Add(time.Minute)
		c := usual
		if i >= 60*hours {
			c = then
		}
		l = Observe(m, l, c.input(at))
	}
	return l, at.Add(time.Minute)
}

func TestFirstAttempts(t *testing.T) {
	calm := counted{10, 0.1, 9.9}
	storm := counted{50, 42, 8}
	for name, tc := range map[string]struct {
		hours   int
		usual   counted
		minutes int
		now     counted
		want    float64
	}{
		"nothing out of the ordinary":                      {12, calm, 0, calm, 10},
		"a storm of retries: what came before it":          {12, calm, 0, storm, 10},
		"half an hour into it still":                       {12, calm, 30, storm, 10},
		"more is served than came before: all that is":     {12, calm, 0, counted{90, 60, 25}, 30.3},
		"an outage does not make fewer clients":            {12, calm, 0, counted{10, 10, 0}, 10},
		"steady 400s of a client are demand":               {12, counted{10, 5, 5}, 0, counted{10, 5, 5}, 10},
		"at the rise of the day as well":                   {12, counted{10, 5, 5}, 0, counted{30, 15, 15}, 30},
		"one error in two minutes is chance":               {12, counted{1, 0, 1}, 0, counted{1, 1. / 120, 1}, 1},
		"errors that last for a day have become usual":     {12, calm, 24 * 60, counted{20, 10, 10}, 20},
		"errors from the first look on are usual":          {1, storm, 0, storm, 50},
		"nothing watched yet: nothing is taken off":        {0, calm, 0, storm, 50},
		"unknown changes nothing":                          {12, calm, 0, counted{50, -1, 8}, 50},
		"unknown for half a day does not change the usual": {12, calm, 12 * 60, counted{10, -1, 10}, 10},
		"growth with the usual errors is growth":           {12, calm, 0, counted{40, 0.4, 39.6}, 40},
	} {
		t.Run(name, func(t *testing.T) {
			l, at := after(tc.hours, tc.usual, tc.minutes, tc.now)
			in := tc.now.input(at)
			got := FirstAttempts(&l, &in)
			if got < tc.want*0.98 || got > tc.want*1.02 || got > in.Signals.Arrivals.Value {
				t.Errorf("want %g of %g req/s, got %g (%+v)", tc.want, tc.now.arrivals, got, l.Refusals)
			}
		})
	}
}

func TestCompletionsHoldNoRetries(t *testing.T) {
	l, at := after(12, counted{10, 0.1, 9.9}, 0, counted{})
	in := counted{50, 42, 8}.input(at)
	in.Signals.ArrivalSource = FromCompletions
	if got := FirstAttempts(&l, &in); got != 50 {
		t.Errorf("want all of 50 req/s, got %g", got)
	}
}

func TestARefusedWakeIsDemand(t *testing.T) {
	l, at := after(12, counted{0.1, 0, 0.1}, 0, counted{})
	in := counted{10, 10, 0}.input(at)
	in.Signals.Pods = nil
	if got := FirstAttempts(&l, &in); got != 10 {
		t.Errorf("want all of 10 req/s, got %g", got)
	}
}

func TestAStormIsSaidAndDoesNotLowerThePresent(t *testing.T) {
	s := with(2, scene{arrivals: 50, completed: 8})
	l, in := s.learned(), s.input()
	quiet := Propose(s.model(), l, in, s.forecast(t))
	l.Refusals = Refusals{Share: 36, For: 3600, Calm: 10}
	in.Signals.Refused = Seen(42, 5*time.Second)
	p := Propose(s.model(), l, in, s.forecast(t))
	if p.Variants[0].Want != quiet.Variants[0].Want {
		t.Errorf("want %d as without, got %d", quiet.Variants[0].Want, p.Variants[0].Want)
	}
	for _, step := range p.Steps {
		if step.Why == "retries" {
			want := "Errors and 429s rose to 42 req/s, and clients try again: of 50 req/s, 10 are learned as demand."
			if got := Sentence(step); got != want {
				t.Errorf("want %q, got %q", want, got)
			}
			return
		}
	}
	t.Errorf("want a step of it, got %v", codes(p.Steps))
}
