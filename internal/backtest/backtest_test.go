package backtest

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/signals"
	"github.com/forewarm/forewarm/policy"
)

var monday = time.Date(2026, 9, 7, 0, 0, 0, 0, time.UTC)

// chat is a model whose replicas carry 2 requests/s, take a minute to warm up, and have 4 GPUs of $ 2.
func chat() policy.Model {
	return policy.Model{
		ID: policy.ModelID{Namespace: "llm", Name: "chat"}, SLO: policy.SLO{TTFTP95: 2 * time.Second, Attainment: 0.99},
		Variants: []policy.Variant{{
			Name: "main", Min: 1, Max: 10, GPUs: 4, PricePerGPU: 2, WarmUp: time.Minute, WarmUpFixed: true,
			Capacity: policy.Capacity{Requests: 2}, CapacityFixed: true,
		}},
	}
}

// seen is a moment with so many requests/s and replicas.
func seen(at time.Time, rate float64, ready, starting int) policy.Input {
	return policy.Input{
		Model: chat().ID, Now: at, Signals: policy.Signals{Arrivals: policy.Seen(rate, 0), ArrivalSource: policy.FromGateway},
		Supply: []policy.Supply{{Variant: "main", Known: true, Spec: ready + starting, Ready: ready, Starting: starting}},
	}
}

// past is a source that answers from a function, and fails for loads that hold a moment.
type past struct {
	of    func(at time.Time) policy.Input
	fails time.Time
}

func (p past) Load(_ context.Context, from, to time.Time) error {
	if p.fails.After(from) && !p.fails.After(to) {
		return errors.New("out of memory")
	}
	return nil
}

func (p past) At(at time.Time) []policy.Input { return []policy.Input{p.of(at)} }

// fold1 folds a span of a source, half an hour at a time.
func fold1(t *testing.T, p past, span, step time.Duration) (*History, Report) {
	t.Helper()
	out := Report{ReadFrom: monday, To: monday.Add(span)}
	r := newRecorder(chat(), monday, step)
	if err := fold(t.Context(), p, []*recorder{r}, 30*time.Minute, Settings{Step: step}, &out); err != nil {
		t.Fatal(err)
	}
	return r.finish(time.Minute), out
}

// A reading at 2:00 is the mean of the two minutes before, so it tells of 1:00.
func TestRatesBelongToTheMiddleOfTheirWindow(t *testing.T) {
	h, _ := fold1(t, past{of: func(at time.Time) policy.Input {
		minute := at.Sub(monday).Minutes()
		return seen(at, minute, int(minute), 0)
	}}, 6*time.Minute, time.Minute)
	if diff := cmp.Diff([]float64{2, 3, 4, 5}, h.Rate); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{0, 1, 2, 3}, h.Ready[0]); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNotKnownIsAGap(t *testing.T) {
	unknown := func(in policy.Input) policy.Input { in.Signals.Arrivals = policy.Reading{}; return in }
	for name, tc := range map[string]struct {
		change func(minute int, in policy.Input) policy.Input
		fails  time.Time
		gaps   int
		length float64 // minutes
		begin  time.Duration
	}{
		"nothing is missing": {change: func(_ int, in policy.Input) policy.Input { return in }},
		"demand that nobody told": {
			change: func(m int, in policy.Input) policy.Input {
				if m >= 20 && m < 25 {
					return unknown(in)
				}
				return in
			}, gaps: 1, length: 5,
		},
		"demand that is a lower bound": {
			change: func(m int, in policy.Input) policy.Input {
				if m == 20 {
					in.Faults = []policy.Fault{{Code: signals.FaultArrivalsPartial}}
				}
				return in
			}, gaps: 1, length: 1,
		},
		"demand that is not a number": {
			change: func(m int, in policy.Input) policy.Input {
				if m == 20 {
					in.Signals.Arrivals = policy.Seen(math.NaN(), 0)
				}
				return in
			}, gaps: 1, length: 1,
		},
		"replicas that nobody told": {
			change: func(m int, in policy.Input) policy.Input {
				if m == 20 || m == 40 {
					in.Supply[0].Known = false
				}
				return in
			}, gaps: 2, length: 2,
		},
		"half an hour that could not be loaded, of demand and of replicas two minutes apart": {
			change: func(_ int, in policy.Input) policy.Input { return in }, fails: monday.Add(45 * time.Minute), gaps: 1, length: 32,
		},
		"what is before the first demand is no gap": {
			change: func(m int, in policy.Input) policy.Input {
				if m < 20 {
					return unknown(in)
				}
				return in
			}, begin: 18 * time.Minute,
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, out := fold1(t, past{fails: tc.fails, of: func(at time.Time) policy.Input {
				return tc.change(int(at.Sub(monday).Minutes()), seen(at, 3, 2, 0))
			}}, 2*time.Hour, time.Minute)
			m, err := evaluate(t.Context(), h, DefaultSettings(), config.Entry{})
			if err != nil {
				t.Fatal(err)
			}
			if m.Gaps.Count != tc.gaps || m.Gaps.Seconds != 60*tc.length || !m.Begin.Equal(monday.Add(tc.begin)) {
				t.Errorf("want %d gaps of %g min, beginning after %s; got %+v and %s", tc.gaps, tc.length, tc.begin, m.Gaps, m.Begin)
			}
			// Whatever is missing, the rest is 3 requests/s on two replicas that carry 4.
			f := m.Policies[0].Figures
			hours := m.Scored / 3600
			if math.Abs(*f.ReplicaHours-2*hours) > 1e-9 || *f.Misses != 0 || math.Abs(m.Requests-3*m.Scored) > 1e-6 {
				t.Errorf("want %g replica-hours and no misses, got %g and %g", 2*hours, *f.ReplicaHours, *f.Misses)
			}
			if wantFault := !tc.fails.IsZero(); (len(out.Faults) == 1) != wantFault {
				t.Errorf("want a fault for what failed only, got %v", out.Faults)
			}
		})
	}
}

// Three hours: 3 requests/s, then 7, then 3 again, on two replicas that carry 4; in the last hour a third
// is ready and a fourth is starting.
func TestFleetByHand(t *testing.T) {
	h, _ := fold1(t, past{of: func(at time.Time) policy.Input {
		switch hour := int(at.Sub(monday).Hours()); {
		case hour == 1:
			return seen(at, 7, 2, 0)
		case hour >= 2:
			return seen(at, 3, 3, 1)
		}
		return seen(at, 3, 2, 0)
	}}, 3*time.Hour, 30*time.Second)
	m, err := evaluate(t.Context(), h, DefaultSettings(), config.Entry{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range m.Policies {
		names = append(names, p.Name)
		if p.Low != nil || p.High != nil {
			t.Errorf("%s: capacity is configured: want no error bar", p.Name)
		}
	}
	if want := []string{"fleet", "hpa", "keda-queue", "keda-kv", "forewarm", "optimum"}; !slices.Equal(names, want) {
		t.Fatalf("want %v, got %v", want, names)
	}
	f := m.Policies[0].Figures
	near := func(what string, got *float64, want, within float64) {
		t.Helper()
		if got == nil || math.Abs(*got/want-1) > within {
			t.Errorf("%s: want %g, got %v", what, want, got)
		}
	}
	near("replica-hours", f.ReplicaHours, 2+2+4, 0.02)
	near("GPU-hours", f.GPUHours, 32, 0.02)
	near("dollars", f.USD, 64, 0.02)
	near("misses", f.Misses, 7.0/13, 0.02)
	near("unmet", f.Unmet, 3.0/13, 0.02)
	// 2, 4 and 2 replicas carry it; the two more are paid for one minute of warm-up before.
	near("optimum", m.Policies[5].Figures.ReplicaHours, 2+4+2, 0.02)
	if *f.ColdStarts != 2 || *f.Flaps != 0 || *f.Peak != 4 {
		t.Errorf("want 2 cold starts, no flap, 4 at most; got %d, %d, %d", *f.ColdStarts, *f.Flaps, *f.Peak)
	}
	if o := m.Policies[5].Figures; o.Misses == nil || *o.Misses != 0 || o.ColdStarts != nil {
		t.Error("the bound misses nothing that its limit allows, and tells no cold starts: want 0 and null")
	}
}

// The first hour is 3 requests/s on two replicas, the third one cannot be read.
func TestTimelinesAreKeptForCharts(t *testing.T) {
	h, _ := fold1(t, past{fails: monday.Add(135 * time.Minute), of: func(at time.Time) policy.Input {
		return seen(at, 3, 2, 1)
	}}, 4*time.Hour, 30*time.Second)
	s := DefaultSettings()
	plain, err := evaluate(t.Context(), h, s, config.Entry{})
	if err != nil {
		t.Fatal(err)
	}
	s.Points = 48 // five minutes each
	m, err := evaluate(t.Context(), h, s, config.Entry{})
	if err != nil {
		t.Fatal(err)
	}
	if plain.Course != nil || !cmp.Equal(plain.Policies, m.Policies) {
		t.Error("want no timeline unless asked for, and the same figures with it")
	}
	var names []string
	for _, r := range m.Course.Runs {
		names = append(names, r.Policy)
		if (len(r.Band) > 0) != (r.Policy == "forewarm") {
			t.Errorf("%s: want what is expected from who forecasts only, got %d", r.Policy, len(r.Band))
		}
	}
	if want := []string{"fleet", "hpa", "keda-queue", "keda-kv", "forewarm"}; !slices.Equal(names, want) {
		t.Fatalf("want %v, got %v", want, names)
	}
	fleet := m.Course.Runs[0].Points
	if p := fleet[3]; p.Load != 3 || p.Wanted != 3 || p.Ready != 2 {
		t.Errorf("want 3 requests/s on 3 replicas, 2 of them ready; got %+v", p)
	}
	if p := fleet[27]; !math.IsNaN(p.Load) || !math.IsNaN(p.Wanted) || !math.IsNaN(p.Ready) {
		t.Errorf("want a gap where nothing could be read, got %+v", p)
	}
	if n := len(fleet); n > 48 {
		t.Errorf("want at most 48 points, got %d", n)
	}
}

func TestCapacityOf(t *testing.T) {
	for name, tc := range map[string]struct {
		configured   policy.Capacity
		lower, upper float64
		want         Capacity
		says         string
	}{
		"configured":                {policy.Capacity{Requests: 3}, 1, 9, Capacity{Configured, 3, 3, 3}, ""},
		"carried and overloaded":    {policy.Capacity{}, 1, 4, Capacity{Inferred, 1, 2, 4}, "while a queue stood"},
		"overloaded below carried":  {policy.Capacity{}, 4, 1, Capacity{Inferred, 1, 2, 4}, "while a queue stood"},
		"never overloaded":          {policy.Capacity{}, 2, 0, Capacity{Inferred, 2, 2 * math.Sqrt2, 4}, "no queue ever stood"},
		"only overloaded":           {policy.Capacity{}, 0, 4, Capacity{Inferred, 2, 2 * math.Sqrt2, 4}, "low end is an assumption"},
		"nothing seen is the prior": {policy.Capacity{}, 0, 0, Capacity{Assumed, 1, 2, 4}, "built-in prior"},
	} {
		t.Run(name, func(t *testing.T) {
			m := chat()
			m.Variants[0].Capacity, m.Variants[0].CapacityFixed = tc.configured, tc.configured.Requests > 0
			got, note := (&History{Model: m, Lower: []float64{tc.lower}, Upper: []float64{tc.upper}}).capacityOf(0)
			if math.Abs(got.Middle-tc.want.Middle) < 1e-9 {
				got.Middle = tc.want.Middle
			}
			if got != tc.want || !strings.Contains(note, tc.says) || (note == "") != (tc.says == "") {
				t.Errorf("want %+v saying %q, got %+v: %s", tc.want, tc.says, got, note)
			}
		})
	}
}

func TestSettingsAreChecked(t *testing.T) {
	bad := Settings{Range: time.Minute, Step: time.Second, BurnIn: -1, HPATarget: math.NaN(), KEDAQueue: 0, KEDAKV: 2}
	err := bad.Check()
	for _, name := range []string{"range", "step", "burn-in", "hpa-target", "keda-queue", "keda-kv"} {
		if err == nil || !strings.Contains(err.Error(), name+":") {
			t.Errorf("want all errors at once, %s among them, got %v", name, err)
		}
	}
	if err := DefaultSettings().Check(); err != nil {
		t.Error(err)
	}
}
