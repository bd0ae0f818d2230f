package fluid

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fixed is a fleet of a fixed size; its headroom is that size.
func fixed(name string, grid ...float64) Policy {
	return Policy{Name: name, Grid: grid, On: func(*Course) func(float64) Scaler {
		return func(n float64) Scaler { return ScalerFunc(func(*Observation) int { return int(n) }) }
	}}
}

// toy has two traces, one of them flat and one that doubles for a quarter of the time, in fleets of 4.
func toy() Yardstick {
	y := DefaultYardstick()
	flat := Load{Name: "flat", Step: Tick, Rate: make([]float64, 400)}
	burst := Load{Name: "burst", Step: Tick, Rate: make([]float64, 400)}
	for k := range flat.Rate {
		flat.Rate[k], burst.Rate[k] = 1, 0.8
		if k%100 >= 75 {
			burst.Rate[k] = 1.6
		}
	}
	y.Traces = []Trace{{flat, "calm"}, {burst, "bursty"}}
	y.WarmUps, y.Fleets, y.BurnIn = []time.Duration{time.Minute}, []float64{4}, 100*Tick
	y.World.Replica.Rate = 1
	y.Policies = []Policy{fixed("fixed", 3, 4, 5, 7, 8), fixed("eight", 8)}
	y.Versus = "eight"
	return y
}

// TestYardstickByHand: flat needs 4 replicas, so n cost n/4, and fewer than 4 are always late. Burst has a
// mean of 1, so it needs 4 (3.2 requests/s) or 7 (6.4), and 2/5 * 2 = 40 % of its requests come in bursts; its
// optimum holds 4 and orders 3 more for 29 of each 100 ticks (four to warm up), but holds nothing after the
// last burst.
func TestYardstickByHand(t *testing.T) {
	table, err := toy().Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	bound := 4 + 3*29.0/100
	want := []ClassRow{
		{Class: AllClasses, Score: Score{Cost: (7.0/4 + 7/bound) / 2}},
		{Class: "calm", Score: Score{Cost: 7.0 / 4}},
		{Class: "bursty", Score: Score{Cost: 7 / bound}},
	}
	r := table.Rows[0]
	if r.Headroom != 7 {
		t.Errorf("want the headroom frozen at 7, got %g", r.Headroom)
	}
	for i, w := range want {
		got := r.Classes[i]
		if got.Class != w.Class || math.Abs(got.Score.Cost-w.Score.Cost) > 1e-9 || got.Score.V1 != 0 ||
			got.J != got.Score.Cost {
			t.Errorf("class %d: want %v, got %v with J %g", i, w, got.Score, got.J)
		}
	}
	four := r.Classes[2].Frontier[1] // 4 replicas on burst
	if share := 0.25 * 1.6 / 1.0; math.Abs(four.V1-share) > 1e-9 {
		t.Errorf("want %g of the requests in bursts, got %g", share, four.V1)
	}
	if cost := r.Classes[0].CostAtV1[0]; !cost.Known || cost.Value > r.Classes[0].Score.Cost {
		t.Errorf("want a cost for V1 <= 1 %%, got %v", cost)
	}
	if a := table.Rows[1].Against; a != (Interval{}) {
		t.Errorf("a policy against itself: want nothing, got %v", a)
	}
	if a := r.Against; a.Mean >= 0 || a.Low > a.Mean || a.High < a.Mean {
		t.Errorf("seven against eight: want a gain inside its interval, got %v", a)
	}
	// Without burst, flat would freeze 4, which is late in bursts.
	flatAlone, burstAlone := 7.0/4, 4/bound+10*0.4
	if want := (flatAlone + burstAlone) / 2; math.Abs(r.LeftOut-want) > 1e-9 {
		t.Errorf("left out: want %g, got %g", want, r.LeftOut)
	}
}

func TestWorkersChangeNothing(t *testing.T) {
	y := toy()
	y.Workers = 1
	one, err := y.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	y.Workers = 4
	four, err := y.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(one, four); diff != "" {
		t.Error(diff)
	}
}

func TestFrontiers(t *testing.T) {
	line := []Score{{Cost: 1.4, V1: 0.01}, {Cost: 1.1, V1: 0.05}, {Cost: 1.2, V1: 0.06}, {Cost: 1.3, V1: 0.02}}
	for name, tc := range map[string]struct {
		got, want Estimate
	}{
		"between two points":                  {v1AtCost(line, 1.2), Estimate{0.035, true}}, // 1.2 itself is dominated
		"cheaper than any":                    {v1AtCost(line, 1), Estimate{}},
		"dearer than any":                     {v1AtCost(line, 2), Estimate{0.01, true}},
		"a cost for less misses than any":     {costAtV1(line, 0.005), Estimate{}},
		"a cost for more misses than any":     {costAtV1(line, 0.5), Estimate{1.1, true}},
		"a cost between two points":           {costAtV1(line, 0.03), Estimate{1.1 + 0.2*2/3, true}},
		"a policy with one point has no line": {v1AtCost(line[:1], 1.5), Estimate{0.01, true}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.got, near); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestYardsticksThatCannotRun(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Yardstick)
		want   string
	}{
		"no traces":       {func(y *Yardstick) { y.Traces = nil }, "at least one trace"},
		"no headrooms":    {func(y *Yardstick) { y.Policies = []Policy{fixed("none")} }, "policy none"},
		"no demand":       {func(y *Yardstick) { clear(y.Traces[0].Load.Rate) }, "want demand after the burn-in"},
		"an absurd world": {func(y *Yardstick) { y.World.Replica.KV = 3 }, "replica.kv"},
	} {
		t.Run(name, func(t *testing.T) {
			y := toy()
			tc.change(&y)
			if _, err := y.Run(t.Context()); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("want an error with %q, got %v", tc.want, err)
			}
		})
	}
}
