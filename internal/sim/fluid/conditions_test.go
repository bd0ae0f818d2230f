package fluid

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/internal/sim"
)

func TestConditionsComeBackInWholeTicks(t *testing.T) {
	c := sim.Conditions{
		Quota: 3, WarmUpSpread: 0.2, SpeedSpread: 0.1, Lost: 0.1, NaN: 0.05, Delay: 31 * time.Second, Sight: sim.Scraped,
		AtFinish: true, Outages: []sim.Outage{{After: time.Hour, For: 20 * time.Second}},
	}
	w := DefaultWorld().Under(c, Tick)
	c.Delay, c.Outages[0].For = 45*time.Second, 30*time.Second
	if diff := cmp.Diff(c, w.Conditions(Tick)); diff != "" {
		t.Errorf("want the same, rounded up:\n%s", diff)
	}
	if got := DefaultWorld().Conditions(Tick); !got.Easy() || got.Sight != sim.Exact {
		t.Errorf("want the default world easy, got %+v", got)
	}
}

// TestEnginesCountWhatTheyFinish: one replica of 1 request/s that takes 20 s for each, offered 1 and then 3.
func TestEnginesCountWhatTheyFinish(t *testing.T) {
	rates := []float64{1, 1, 1, 1, 3, 3, 3, 3, 3, 3, 3, 3}
	var rate, balance []float64
	course(t, func(w *World) {
		w.AtFinish, w.Sight, w.Replica.Service, w.Start = true, Sight{}, 20*time.Second, 1
	}, rates...).Run(ScalerFunc(func(o *Observation) int {
		if !o.AtFinish {
			t.Fatal("want it said that nobody counts arrivals")
		}
		rate, balance = append(rate, o.Rate), append(balance, o.Balance)
		return 1
	}))
	// A request that gets a slot at s is done at s+20: nothing in the first tick, two thirds of it in the second.
	if diff := cmp.Diff([]float64{0, 0, 2. / 3, 1, 1, 1, 1, 1, 1, 1, 1, 1}, rate, near); diff != "" {
		t.Errorf("finished: %s", diff)
	}
	// The balance sees what comes, until the queue is as long as patience lets it be: a minute of 3 requests/s.
	if diff := cmp.Diff([]float64{0, 1, 1, 1, 1, 3, 3, 3, 3, 3}, balance[:10], near); diff != "" {
		t.Errorf("balance: %s", diff)
	}
}

// TestTheProductWorksArrivalsOut: where requests are counted when they are finished, a fleet that is too small finishes no
// more than it carries; the product sees the queue as well, and loses little.
func TestTheProductWorksArrivalsOut(t *testing.T) {
	rates := make([]float64, 400)
	for k := range rates {
		if rates[k] = 4; k >= 200 {
			rates[k] = 16
		}
	}
	late := func(atFinish bool) float64 {
		c := course(t, func(w *World) { w.AtFinish, w.Sight, w.BurnIn = atFinish, Scraped(), 100 }, rates...)
		return c.Run(NewForewarm(c, Product{Headroom: 1, WarmUpKnown: true})).V1()
	}
	if counted, finished := late(false), late(true); finished < counted || finished > counted+0.1 {
		t.Errorf("want little lost where arrivals have to be worked out, got %g and %g", counted, finished)
	}
}

// TestReplicasThatDiffer: they come and go with their speeds, which are 1 on average.
func TestReplicasThatDiffer(t *testing.T) {
	strong := func(seed uint64) (out []float64) {
		c := course(t, func(w *World) { w.Spread, w.Seed, w.Points, w.Start = 0.3, seed, 4, 400 }, 1, 1, 1, 1)
		for _, p := range c.Run(script(400, 100, 101, 400)).Timeline {
			out = append(out, p.Strong)
		}
		return out
	}
	one, again, other := strong(1), strong(1), strong(2)
	if diff := cmp.Diff(one, again); diff != "" || cmp.Equal(one, other) {
		t.Errorf("want speeds from the seed alone: %s", diff)
	}
	if math.Abs(one[0]-400) > 25 || math.Abs(one[1]-100) > 12 || one[1] != one[2] {
		t.Errorf("want about 400, then 100 and, while one starts, the same 100, got %v", one)
	}
}

func TestReplicasThatDifferLoseTheirNodes(t *testing.T) {
	c := mixed(t, func(w *World) {
		w.Spread, w.Points = 0.3, 6
		w.Pools[1].Start, w.Pools[1].Nodes, w.Pools[1].Notice = 8, []int{8, 3, 3, 8}, Tick
	}, 1, 1, 1, 1, 1, 1)
	r := c.Run(&orders{wants: [][]int{{1, 8}}})
	if r.Lost != 5 {
		t.Errorf("want five nodes lost, got %+v", r)
	}
	for k, p := range r.Timeline {
		alike := float64(p.Ready)
		if p.Strong <= 0.4*alike || p.Strong >= 2*alike || p.Strong == alike {
			t.Errorf("tick %d: want %d replicas about as strong as that many, got %g", k, p.Ready, p.Strong)
		}
	}
}

func TestTheClairvoyantKeepsToTheQuota(t *testing.T) {
	c := course(t, func(w *World) { w.Quota = 2 }, 4, 4, 4, 4)
	if got := c.Optimum(); got != 4*2*15 {
		t.Errorf("want two replicas for four ticks, got %g replica-seconds", got)
	}
}
