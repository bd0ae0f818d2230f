package fluid

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// course is a world of 1 request/s per replica with a warm-up of two ticks.
func course(tb testing.TB, change func(*World), rates ...float64) *Course {
	tb.Helper()
	w := DefaultWorld()
	w.Replica.Rate, w.WarmUp.Median = 1, 30*time.Second
	if change != nil {
		change(&w)
	}
	c, err := NewCourse(Load{Name: "test", Step: Tick, Rate: rates}, w)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// script wants these counts, tick by tick.
func script(wants ...int) Scaler {
	return ScalerFunc(func(o *Observation) int { return wants[o.Tick] })
}

func TestRunsByHand(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*World)
		rates  []float64
		wants  []int
		want   Result // in ticks where it says seconds
	}{
		"an order serves two ticks later and costs from the start": {
			nil,
			[]float64{1, 2, 2, 2},
			[]int{1, 2, 2, 2},
			// ready 1 1 1 2, billed 1 2 2 2
			Result{Requests: 7, Late: 4, Unmet: 2, LateTicks: 2, ReplicaSeconds: 7, ColdStarts: 1, Ups: 1, PeakWanted: 2},
		},
		"what is given back is gone at once, starting ones first": {
			nil,
			[]float64{2, 2, 2, 1},
			[]int{2, 4, 2, 1},
			Result{Requests: 7, ReplicaSeconds: 9, ColdStarts: 2, Ups: 1, Downs: 2, Flaps: 1, PeakWanted: 4},
		},
		"a change back within ten minutes is a flap": {
			nil,
			[]float64{1, 1, 1, 1},
			[]int{1, 2, 1, 2},
			Result{Requests: 4, ReplicaSeconds: 6, ColdStarts: 2, Ups: 2, Downs: 1, Flaps: 2, PeakWanted: 2},
		},
		"the world's limits bind": {
			func(w *World) { w.Min, w.Max = 1, 2 },
			[]float64{1, 1, 1, 1},
			[]int{0, 9, 9, 9},
			Result{Requests: 4, ReplicaSeconds: 7, ColdStarts: 1, Ups: 1, PeakWanted: 2},
		},
		"the burn-in neither counts nor costs": {
			func(w *World) { w.BurnIn = 2 },
			[]float64{1, 5, 1, 1},
			[]int{1, 3, 3, 1},
			Result{Requests: 2, ReplicaSeconds: 4, Downs: 1, Flaps: 1, PeakWanted: 3},
		},
		"capacity that is just enough is enough": {
			func(w *World) { w.Replica.Rate = 0.1; w.Start = 3 },
			[]float64{0.3, 0.3},
			[]int{3, 3},
			Result{Requests: 0.6, ReplicaSeconds: 6, PeakWanted: 3},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := course(t, tc.change, tc.rates...)
			want := tc.want
			want.Ticks = len(tc.rates) - c.World().BurnIn
			want.Optimum = c.Optimum()
			want.Requests, want.Late, want.Unmet = 15*want.Requests, 15*want.Late, 15*want.Unmet
			want.ReplicaSeconds *= 15
			want.Paid = want.ReplicaSeconds / 3600
			if diff := cmp.Diff(want, c.Run(script(tc.wants...))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestResultArithmetic(t *testing.T) {
	r := Result{Requests: 200, Late: 20, Unmet: 5, ReplicaSeconds: 5400, Optimum: 3600}
	got := []float64{r.V1(), r.V2(), r.Cost(), r.J(10), r.ReplicaHours(), Result{}.V1(), Result{}.Cost()}
	if diff := cmp.Diff([]float64{0.1, 0.025, 1.5, 2.5, 1.5, 0, 0}, got); diff != "" {
		t.Error(diff)
	}
}

// TestEnginesByHand has one replica of 1 request/s and 10 s of service, full at 12.5 requests, and clients
// that wait 30 s.
func TestEnginesByHand(t *testing.T) {
	v := &vessel{step: 15, r: Replica{
		Rate: 1, Service: 10 * time.Second, KV: 0.8, TTFT: 200 * time.Millisecond, Patience: 30 * time.Second,
	}}
	for i, tc := range []struct {
		rate   float64
		ready  int
		recent float64
		want   Engines
	}{
		{0.5, 1, 15, Engines{Pods: 1, Strong: 1, Completions: 0.5, Running: 5, KV: 0.4, TTFT: 0.2}},
		{1, 1, 22.5, Engines{Pods: 1, Strong: 1, Completions: 1, Running: 10, KV: 0.8, TTFT: 0.2}},
		// 18 come, 15 are served: of the 13 inside 12.5 run.
		{1.2, 1, 33, Engines{Pods: 1, Strong: 1, Completions: 1, Running: 12.5, Pending: 0.5, KV: 1, TTFT: 0.7}},
		{0.8, 1, 30, Engines{Pods: 1, Strong: 1, Completions: 1, Running: 10, KV: 0.8, TTFT: 0.2}},
		// Nobody is ready: those of the last 30 s wait, the others have left.
		{1, 0, 27, Engines{Pending: 15, TTFT: 30.2}},
		{1, 0, 30, Engines{Pending: 30, TTFT: 30.2}},
		{1, 0, 30, Engines{Pending: 30, TTFT: 30.2}},
	} {
		v.flow(tc.rate, tc.ready, float64(tc.ready), tc.recent)
		if diff := cmp.Diff(tc.want, v.engines, near); diff != "" {
			t.Errorf("tick %d: %s", i, diff)
		}
	}
}

var near = cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-9 })

func TestWhatIsSeenIsTheNewestPast(t *testing.T) {
	var got []float64
	course(t, func(w *World) { w.Start = 1 }, 1, 2, 3, 4).Run(ScalerFunc(func(o *Observation) int {
		got = append(got, o.Rate, o.Recent, o.Engines.Completions)
		return 1
	}))
	want := []float64{0, 0, 0 /**/, 0, 1, 1 /**/, 1, 2, 1 /**/, 2, 3, 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTimelineKeepsTheExtremes(t *testing.T) {
	c := course(t, func(w *World) { w.Points = 2; w.BurnIn = 1; w.Start = 1 }, 9, 1, 2, 1, 0)
	got := c.Run(script(1, 3, 2, 1, 1)).Timeline
	want := []Point{{Tick: 1, Load: 2, Wanted: 3, Ready: 1, Strong: 1}, {Tick: 3, Load: 1, Wanted: 1, Ready: 1, Strong: 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLognormalWarmUps(t *testing.T) {
	run := func(seed uint64) (took []time.Duration, r Result) {
		c := course(t, func(w *World) {
			w.WarmUp, w.Seed = WarmUp{Median: 5 * time.Minute, Sigma: 0.5}, seed
		}, make([]float64, 4000)...)
		r = c.Run(ScalerFunc(func(o *Observation) int {
			took = append(took, o.WarmUps...)
			return 1 + o.Tick/100%2*20
		}))
		return took, r
	}
	took, once := run(7)
	again, twice := run(7)
	if diff := cmp.Diff(once, twice) + cmp.Diff(took, again); diff != "" {
		t.Errorf("one seed, two results: %s", diff)
	}
	longer := 0
	for _, d := range took {
		if d > 5*time.Minute+Tick {
			longer++
		}
	}
	if share := float64(longer) / float64(len(took)); len(took) < 300 || math.Abs(share-0.47) > 0.08 {
		t.Errorf("want about half of many warm-ups above the median, got %.2f of %d", share, len(took))
	}
	if other, _ := run(8); cmp.Equal(took, other) {
		t.Error("two seeds, one result")
	}
}

// TestTheOptimumIsABound: a fleet that is never late pays at least the clairvoyant's bill.
func TestTheOptimumIsABound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := DefaultWorld()
		w.Replica.Rate = 1
		w.WarmUp.Median = time.Duration(rapid.IntRange(0, 4).Draw(t, "warmUp")) * Tick
		w.Start = rapid.IntRange(1, 4).Draw(t, "start")
		rates := rapid.SliceOfN(rapid.Float64Range(0, 4), 1, 40).Draw(t, "rates")
		wants := rapid.SliceOfN(rapid.IntRange(0, 5), len(rates), len(rates)).Draw(t, "wants")
		c, err := NewCourse(Load{Name: "drawn", Step: Tick, Rate: rates}, w)
		if err != nil {
			t.Fatal(err)
		}
		r := c.Run(script(wants...))
		if r.Late == 0 && r.ReplicaSeconds < r.Optimum-1e-6 {
			t.Fatalf("nobody late for %g replica-seconds, the optimum claims %g", r.ReplicaSeconds, r.Optimum)
		}
	})
}

func TestBadWorldsAreRefusedWhole(t *testing.T) {
	_, err := NewCourse(Load{Name: "x", Step: Tick, Rate: []float64{1}}, World{Min: 2, Max: 1, Replica: Replica{KV: 2}})
	for _, want := range []string{"replica.rate", "replica.service", "replica.kv", "max: want at least min (2), got 1"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in the error, got %v", want, err)
		}
	}
	for _, l := range []Load{{}, {Name: "x", Step: Tick, Rate: []float64{math.NaN()}}} {
		if _, err := NewCourse(l, DefaultWorld()); err == nil {
			t.Errorf("accepted %v", l)
		}
	}
}
