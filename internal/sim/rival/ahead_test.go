package rival

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/forewarm/forewarm/internal/sim/fluid"
)

func TestCraneErrorsByHand(t *testing.T) {
	for name, tc := range map[string]struct {
		actual, predicted []float64
		want              float64
	}{
		"a tenth too much":           {[]float64{10}, []float64{11}, 0.1},
		"a tenth too little":         {[]float64{10}, []float64{9}, 0.472},
		"their mean":                 {[]float64{10, 10}, []float64{11, 9}, 0.286},
		"near zero it is absolute":   {[]float64{0, 10}, []float64{1, 12}, 1.5},
		"nothing is right: no error": {[]float64{5}, []float64{5}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := craneError(tc.actual, tc.predicted); math.Abs(got-tc.want) > 1e-3 {
				t.Errorf("want %g, got %g", tc.want, got)
			}
		})
	}
}

// TestCraneForeseesWhatRepeats has office hours for four days: on the fifth, at half past eight, the present load
// is 1 and the plan says 10; on noise there is no plan, and the rule is the HPA's.
func TestCraneForeseesWhatRepeats(t *testing.T) {
	l := fluid.Load{Name: "office", Step: fluid.Tick, Rate: make([]float64, 5*5760)}
	noise := fluid.Load{Name: "noise", Step: fluid.Tick, Rate: make([]float64, 5*5760)}
	rng := rand.New(rand.NewPCG(1, 1))
	for k := range l.Rate {
		l.Rate[k], noise.Rate[k] = 1, 10*rng.Float64()
		if hour := k / 240 % 24; hour >= 9 && hour < 17 {
			l.Rate[k] = 10
		}
	}
	for name, tc := range map[string]struct {
		l     fluid.Load
		clock time.Duration
		least int
		most  int
	}{
		"an hour ahead it sees the office open":    {l, 8*time.Hour + 30*time.Minute, 5, 7},
		"at three in the morning there is nothing": {l, 3 * time.Hour, 1, 2},
		"what does not repeat is not foreseen":     {noise, 12 * time.Hour, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := fluid.NewCourse(tc.l, fluid.DefaultWorld())
			if err != nil {
				t.Fatal(err)
			}
			s, err := New("crane", 1, c)
			if err != nil {
				t.Fatal(err)
			}
			tick := 4*5760 + int(tc.clock/fluid.Tick)
			o := fluid.Observation{
				Tick: tick, Now: c.World().Begin.Add(time.Duration(tick) * fluid.Tick), Known: true, Rate: 1, Spec: 1, Ready: 1,
			}
			got := s.Decide(&o)
			o.Now, o.Spec = o.Now.Add(fluid.Tick), got
			if got = s.Decide(&o); got < tc.least || got > tc.most {
				t.Errorf("want %d to %d replicas, got %d", tc.least, tc.most, got)
			}
		})
	}
}

func TestHoltWintersFollowsAPatternOfItsPeriod(t *testing.T) {
	r := newRecent(wintersPeriod * wintersSeasons)
	pattern := []float64{3, 5, 9, 4, 2, 1}
	for i := range 40 {
		if i > wintersLeast {
			got, ok := holtWinters(r, 0)
			if want := pattern[i%6]; !ok || math.Abs(got-want) > 1e-9 {
				t.Errorf("count %d: want %g, got %g, %v", i, want, got, ok)
			}
		}
		r.add(pattern[i%6])
	}
	if _, ok := holtWinters(newRecent(24), 0); ok {
		t.Error("a prediction from nothing")
	}
}

// TestCronReadsTheBusyHours has two days of burn-in with 10 requests/s from 9 to 17 and 1 otherwise.
func TestCronReadsTheBusyHours(t *testing.T) {
	w := fluid.DefaultWorld()
	l := fluid.Load{Name: "office", Step: fluid.Tick, Rate: make([]float64, 3*5760)}
	w.BurnIn = 2 * 5760
	for k := range l.Rate {
		l.Rate[k] = 1
		if hour := k / 240 % 24; hour >= 9 && hour < 17 {
			l.Rate[k] = 10
		}
	}
	c, err := fluid.NewCourse(l, w)
	if err != nil {
		t.Fatal(err)
	}
	plan := busyHours(c)
	if want := (schedule{9, 8, 5}); plan != want {
		t.Fatalf("want %v, got %v", want, plan)
	}
	for clock, want := range map[string]float64{"08:49": 0, "08:50": 5, "12:00": 5, "16:49": 5, "16:50": 0, "03:00": 0} {
		at, err := time.Parse("15:04", clock)
		if err != nil {
			t.Fatal(err)
		}
		if got := plan.replicas(at); got != want {
			t.Errorf("%s: want %g, got %g", clock, want, got)
		}
	}
	s, err := New("keda-queue-cron", 5, c)
	if err != nil {
		t.Fatal(err)
	}
	o := fluid.Observation{Tick: 1, Now: time.Date(2026, 1, 7, 9, 0, 0, 0, time.UTC), Known: true, Spec: 4, Ready: 4}
	if got := s.Decide(&o); got != 5 {
		t.Errorf("an empty queue at nine: want the 5 of the schedule, got %d", got)
	}
}
