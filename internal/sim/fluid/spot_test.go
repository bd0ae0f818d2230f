package fluid

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/internal/sim/trace"
	"github.com/forewarm/forewarm/policy"
)

// mixed is a world of two pools, 1 request/s per replica, a warm-up of two ticks: on-demand at 1 and spot at 0.3.
func mixed(tb testing.TB, change func(*World), rates ...float64) *Course {
	tb.Helper()
	return course(tb, func(w *World) {
		w.Pools = []Pool{
			{Name: "on-demand", Price: 1, GPUs: 1},
			{Name: "spot", Type: policy.Spot, Price: 0.3, GPUs: 1},
		}
		if change != nil {
			change(w)
		}
	}, rates...)
}

// orders wants these counts of each pool, tick by tick, and keeps what it saw.
type orders struct {
	wants [][]int
	seen  []View // of the second pool
}

func (s *orders) Decide(*Observation) int { return 0 }
func (s *orders) DecideAll(o *Observation, want []int) {
	v := o.Pools[1]
	s.seen = append(s.seen, View{
		Spec: v.Spec, Ready: v.Ready, Serving: v.Serving, Reporting: v.Reporting, Starved: v.Starved,
		Warming: append([]time.Duration(nil), v.Warming...), WarmUps: append([]time.Duration(nil), v.WarmUps...),
	})
	copy(want, s.wants[min(o.Tick, len(s.wants)-1)])
}

func TestSpotByHand(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*World)
		wants  [][]int
		want   Result
		seen   []View
	}{
		"what finds no node waits, is free, and starts when there is one": {
			func(w *World) { w.Pools[1].Nodes = []int{0, 0, 1} },
			[][]int{{1, 1}},
			Result{LateTicks: 4, Paid: 6 + 4*0.3, ReplicaSeconds: 6 + 4, ColdStarts: 1, PeakWanted: 2, Ups: 1},
			[]View{
				{},
				{Spec: 1, Warming: []time.Duration{Tick}},
				{Spec: 1, Warming: []time.Duration{2 * Tick}},
				{Spec: 1, Warming: []time.Duration{3 * Tick}},
				{Spec: 1, Ready: 1, Serving: 1, WarmUps: []time.Duration{4 * Tick}},
				{Spec: 1, Ready: 1, Serving: 1, Reporting: 1},
			},
		},
		"a node goes: its replica serves through the notice, and its replacement waits": {
			func(w *World) { w.Pools[1].Nodes, w.Pools[1].Notice = []int{1, 1, 1, 0}, 2*Tick },
			[][]int{{1, 1}},
			// spot is ready in ticks 2 to 4, ordered in tick 0; the replacement is an order, too
			Result{LateTicks: 3, Paid: 6 + 5*0.3, ReplicaSeconds: 6 + 5, ColdStarts: 2, PeakWanted: 2, Ups: 1, Lost: 1},
			[]View{
				{},
				{Spec: 1, Warming: []time.Duration{Tick}},
				{Spec: 1, Ready: 1, Serving: 1, WarmUps: []time.Duration{2 * Tick}},
				{Spec: 1, Serving: 1, Reporting: 1, Warming: []time.Duration{0}},
				{Spec: 1, Serving: 1, Reporting: 1, Warming: []time.Duration{Tick}},
				{Spec: 1, Warming: []time.Duration{2 * Tick}},
			},
		},
		"what is still starting is lost at once": {
			func(w *World) { w.Pools[1].Nodes, w.Pools[1].Notice = []int{1, 0}, 2*Tick },
			[][]int{{1, 1}},
			Result{LateTicks: 6, Paid: 6 + 0.3, ReplicaSeconds: 7, ColdStarts: 2, PeakWanted: 2, Ups: 1, Lost: 1},
			nil,
		},
		"the quota binds both pools, and what leaves makes room": {
			func(w *World) { w.Quota = 2 },
			[][]int{{2, 1}, {2, 1}, {1, 1}},
			// on-demand 1 is there; the second is ready in tick 2, given back at once, and spot warms up until 4
			Result{LateTicks: 4, Paid: 2 + 2 + 4 + 4*0.3, ReplicaSeconds: 12, ColdStarts: 2, PeakWanted: 3, Ups: 2, Downs: 1, Flaps: 1},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := mixed(t, tc.change, 2, 2, 2, 2, 2, 2)
			s := &orders{wants: tc.wants}
			c = restart(t, c)
			got := c.Run(s)
			want := tc.want
			want.Ticks, want.Requests, want.Optimum = 6, 180, c.Optimum()
			want.Late, want.Unmet = 30*float64(want.LateTicks), 15*float64(want.LateTicks)
			want.ReplicaSeconds, want.Paid = 15*want.ReplicaSeconds, want.Paid*15/3600
			if diff := cmp.Diff(want, got, near); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tc.seen, s.seen); tc.seen != nil && diff != "" {
				t.Error(diff)
			}
		})
	}
}

// restart is the same course from one replica of the first pool.
func restart(tb testing.TB, c *Course) *Course {
	tb.Helper()
	w := c.World()
	w.Start = 1
	c, err := NewCourse(c.Load(), w)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// TestPoolsThatChangePlacesMove has two pools whose total never changes after the first tick: every other order is
// a cold start, a change up of one pool and down of the other, and a flap of each.
func TestPoolsThatChangePlacesMove(t *testing.T) {
	c := restart(t, mixed(t, nil, 2, 2, 2, 2, 2, 2))
	got := c.Run(&orders{wants: [][]int{{2, 0}, {0, 2}, {2, 0}, {0, 2}, {2, 0}, {0, 2}}})
	type counts struct{ starts, ups, downs, flaps int }
	want := counts{starts: 1 + 5*2, ups: 3 + 3, downs: 3 + 2, flaps: 5 + 4}
	if got := (counts{got.ColdStarts, got.Ups, got.Downs, got.Flaps}); got != want {
		t.Errorf("want %+v, got %+v", want, got)
	}
}

func TestReplicasThatWaitTooLongAreStarved(t *testing.T) {
	rates := make([]float64, 60)
	c := mixed(t, func(w *World) { w.Pools[1].Nodes = []int{0} }, rates...)
	s := &orders{wants: [][]int{{1, 2}}}
	c.Run(s)
	// ordered in tick 0, so after 10 minutes and a tick
	if before, after := s.seen[40].Starved, s.seen[41].Starved; before != 0 || after != 2 {
		t.Errorf("want nobody starved after ten minutes and both a tick later, got %d and %d", before, after)
	}
}

func TestSplitsByHand(t *testing.T) {
	o := &Observation{Pools: []View{
		{Pool: Pool{Type: policy.OnDemand, Speed: 1}, Ready: 1},
		{Pool: Pool{Type: policy.Spot, Speed: 1}, Ready: 2},
		{Pool: Pool{Type: policy.Spot, Speed: 0.5}, Ready: 4},
	}}
	nine := func(*Observation) float64 { return 9 }
	for name, tc := range map[string]struct {
		s    Mixer
		want []int
	}{
		"on demand only":                              {OnDemandOnly(nine), []int{9, 0, 0}},
		"spot only, half the speed takes twice":       {EvenSpread(nine, true), []int{0, 5, 9}},
		"even over all":                               {EvenSpread(nine, false), []int{3, 3, 6}},
		"a hedge fills what is not ready":             {SpotHedge(nine, 1), []int{6, 5, 10}}, // 9 + 1 - (2 + 4*0.5)
		"a hedge never asks for more than the demand": {SpotHedge(nine, 20), []int{9, 15, 29}},
	} {
		t.Run(name, func(t *testing.T) {
			got := make([]int, 3)
			tc.s.DecideAll(o, got)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if one := tc.s.Decide(o); one != tc.want[0] {
				t.Errorf("the first pool alone: want %d, got %d", tc.want[0], one)
			}
		})
	}
}

// TestTheProductRunsSpotThroughItsOwnTick has a spot pool that vanishes for two hours: the real engine must be
// shown both pools, and must not leave the demand unserved for long.
func TestTheProductRunsSpotThroughItsOwnTick(t *testing.T) {
	s := SpotStudy{
		Load: Load{Name: "flat", Step: Tick, Rate: []float64{16}}, Price: 0.3, Notice: 2 * time.Minute,
		WarmUp: 3 * time.Minute, BurnIn: 4 * time.Hour, Product: Product{Headroom: 1, WarmUpKnown: true},
		Spot: trace.Spot{Name: "outage", Tick: time.Hour, Zones: []string{"a"}, Nodes: [][]float64{
			{20, 20, 20, 20, 20, 20, 20, 0, 0, 20, 20, 20, 20, 20, 20, math.NaN()},
		}},
	}
	rows, err := s.Run()
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]SpotRow{}
	for _, r := range rows {
		byName[r.Policy] = r
	}
	if r := byName["on-demand only"]; r.Cost != 1 || r.Unavailable != 0 || r.Lost != 0 {
		t.Errorf("on demand only: want a cost of 1 and nothing missed, got %+v", r)
	}
	if r := byName["spot only"]; math.Abs(r.Cost-0.3*10/12) > 0.02 || r.Unavailable < 2.0/12-0.01 || r.Lost != 8 {
		t.Errorf("spot only: want 0.25, two of twelve hours missed and eight nodes lost, got %+v", r)
	}
	if r := byName["forewarm"]; r.Unavailable > 0.05 {
		t.Errorf("forewarm: want the outage bridged, got %+v", r)
	}
	again, err := s.Run()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rows, again); diff != "" {
		t.Errorf("two runs differ: %s", diff)
	}
}

func TestSpotStudiesThatCannotRun(t *testing.T) {
	if _, err := (SpotStudy{}).Run(); err == nil {
		t.Error("a study of nothing ran")
	}
	for want, change := range map[string]func(*World){
		"quota":         func(w *World) { w.Quota = -1 },
		"pool \"spot\"": func(w *World) { w.Pools[1].GPUs = 0 },
		"faults.nan":    func(w *World) { w.Faults.NaN = 2 },
	} {
		w := mixed(t, nil, 1).World()
		change(&w)
		if _, err := NewCourse(Load{Step: Tick, Rate: []float64{1}}, w); err == nil {
			t.Errorf("%s: a world that cannot be was made", want)
		}
	}
}

// TestEachPoolHasItsShare: two replicas of speed 1 and one of speed 2 carry half of the load each.
func TestEachPoolHasItsShare(t *testing.T) {
	o := Observation{
		Rate: 8, Known: true, Engines: Engines{Pods: 3, Strong: 4, Pending: 6, Running: 4, KV: 0.5},
		Pools: []View{{Pool: Pool{Speed: 1}, Spec: 2, Ready: 2, Serving: 2}, {Pool: Pool{Speed: 2}, Spec: 4, Ready: 1, Serving: 1}},
	}
	got := o.Of(1)
	want := Observation{
		Rate: 4, Known: true, Engines: Engines{Pods: 1, Strong: 2, Pending: 3, Running: 2, KV: 0.5}, Spec: 4, Ready: 1, Pools: o.Pools[1:],
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
