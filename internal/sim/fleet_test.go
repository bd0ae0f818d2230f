package sim

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// TestConservation shakes a fleet with random counts and checks after each step that no request is lost.
func TestConservation(t *testing.T) {
	for name, change := range map[string]func(*FleetConfig){
		"as it comes":     func(*FleetConfig) {},
		"bounded queue":   func(c *FleetConfig) { c.Replica.MaxQueue = 5 },
		"impatient":       func(c *FleetConfig) { c.Replica.RequestTimeout = 10 * time.Second },
		"no grace period": func(c *FleetConfig) { c.Grace = time.Second },
		"tight cache":     func(c *FleetConfig) { c.Replica.KVBlocks = 700 },
	} {
		t.Run(name, func(t *testing.T) {
			fc := DefaultFleet()
			change(&fc)
			f := world(t, fc, flat(4))
			rng := rand.New(rand.NewPCG(1, 2))
			decided := uint64(0)
			run(f, 3*time.Hour, 13*time.Second, func() {
				if rng.IntN(4) == 0 {
					f.Scale(rng.IntN(5))
				}
				if got := f.Totals(); !got.conserved() {
					t.Fatalf("at %s: %+v", f.Now(), got)
				}
				for _, p := range f.pods {
					if p.rep != nil && (p.rep.KVUse() > 1 || p.Replica().kv > p.Replica().kvCap+1 || p.Replica().kv < -1) {
						t.Fatalf("KV of %s: %g of %g", p.name, p.Replica().kv, p.Replica().kvCap)
					}
				}
				share, n := f.Attainment()
				if share < 0 || share > 1 || n > f.Totals().Arrivals {
					t.Fatalf("attainment %g of %d decided", share, n)
				}
				decided = n
			})
			if decided < 30_000 {
				t.Errorf("want most of 43,000 requests decided, got %d", decided)
			}
		})
	}
}

func TestDeterminism(t *testing.T) {
	once := func(seed uint64) (string, Summary) {
		fc, wc := DefaultFleet(), DefaultWorkload()
		fc.Seed, wc.Seed = seed, seed
		f := world(t, fc, wc)
		h := NewReactive(20, 0, 8)
		run(f, 12*time.Hour, ReactiveSync, func() {
			n := f.Totals()
			f.Scale(h.Sync(f.Now(), f.Desired(), f.Count(Ready), float64(n.Running+n.Waiting)))
		})
		return expose(t, f), f.Drain()
	}
	text, sum := once(7)
	again, sumAgain := once(7)
	if text != again || sum != sumAgain {
		t.Error("the same seed gives different bytes")
	}
	if other, _ := once(8); other == text {
		t.Error("another seed gives the same bytes")
	}
}

func TestQueueGrowsUnderOverload(t *testing.T) {
	f := world(t, DefaultFleet(), flat(5))
	last := uint64(0)
	run(f, 30*time.Minute, 5*time.Minute, func() {
		if n := f.Totals().Waiting; n <= last {
			t.Errorf("at %s: want more than %d waiting, got %d", f.Now(), last, n)
		} else {
			last = n
		}
	})
	if share, _ := f.Attainment(); share > 0.2 {
		t.Errorf("want few requests within the goal, got %g", share)
	}
}

func TestZeroReplicasHoldAndWake(t *testing.T) {
	fc := DefaultFleet()
	fc.Replicas, fc.WarmUp.Sigma = 0, 0
	start := fc.Start
	requests := script{
		{At: start.Add(10 * time.Second), Prompt: 100, Output: 10},
		{At: start.Add(20 * time.Second), Prompt: 100, Output: 10},
	}
	f, err := NewFleet(fc, &requests)
	if err != nil {
		t.Fatal(err)
	}
	f.Advance(start.Add(30 * time.Second))
	s := f.Drain()
	if s.Arrivals != 2 || s.Held != 2 || s.Decided != 2 || s.Attainment != 0 || s.GPUHours != 0 {
		t.Errorf("at zero: want two held, counted and late, nothing billed, got %+v", s)
	}
	if s.TTFTP95 != 20*time.Second || !s.TTFTKnown {
		t.Errorf("want the oldest age as a lower bound, got %v", s.TTFTP95)
	}
	f.Scale(1)
	f.Advance(start.Add(132 * time.Second))
	if s = f.Drain(); s.Starting != 1 || s.Held != 2 {
		t.Errorf("102 s later: want still starting, got %+v", s)
	}
	f.Advance(start.Add(140 * time.Second))
	s = f.Drain()
	if s.Ready != 1 || s.Completions != 2 || s.Attainment != 0 {
		t.Errorf("after the warm-up: want both served, late, got %+v", s)
	}
	if want := 110.0 * 2 / 3600; math.Abs(s.GPUHours-want) > 1e-9 {
		t.Errorf("bill: want %g GPU-hours, warming included, got %g", want, s.GPUHours)
	}
	if s.From != start.Add(132*time.Second) || s.To != start.Add(140*time.Second) {
		t.Errorf("interval: got %s to %s", s.From, s.To)
	}
}

func TestScaleDownTakesStartingThenYoung(t *testing.T) {
	fc := DefaultFleet()
	fc.Replicas = 2
	f := world(t, fc, flat(1))
	f.Advance(fc.Start.Add(time.Minute))
	old := f.pods[0]
	f.Scale(4)
	f.Scale(2)
	if f.Count(Starting) != 0 || f.Count(Ready) != 2 {
		t.Fatalf("want the two starting ones gone, got %d starting, %d ready", f.Count(Starting), f.Count(Ready))
	}
	young := f.pods[1]
	f.Scale(1)
	if old.State() != Ready || young.State() != Draining {
		t.Fatalf("want the young one draining, got %s and %s", old.State(), young.State())
	}
	load := young.Replica().Load()
	if load == 0 {
		t.Fatal("want requests on the draining pod")
	}
	f.Advance(f.Now().Add(2 * time.Second))
	if now := young.Replica().Load(); now > load {
		t.Errorf("a draining pod takes new requests: %d, then %d", load, now)
	}
	f.Advance(f.Now().Add(2 * time.Minute))
	if len(f.pods) != 1 || f.Totals().Dropped > 2 {
		t.Errorf("want it gone with its requests served, got %d pods, %+v", len(f.pods), f.Totals())
	}
}

func TestRouterSharesEvenly(t *testing.T) {
	fc := DefaultFleet()
	fc.Replicas = 4
	f := world(t, fc, flat(4))
	f.Advance(fc.Start.Add(time.Hour))
	for _, p := range f.pods {
		if n := p.rep.stats().TTFT.Count(); n < 3300 || n > 3900 {
			t.Errorf("%s: want about 3,600 of 14,400 requests, got %g", p.name, n)
		}
	}
}

func TestWarmUpDistribution(t *testing.T) {
	fc := DefaultFleet()
	fc.Replicas = 0
	f := world(t, fc, flat(0))
	f.Scale(2000)
	sum, least, most := 0.0, math.Inf(1), 0.0
	for _, p := range f.pods {
		w := p.readyAt - p.created
		sum, least, most = sum+w, min(least, w), max(most, w)
	}
	if mean := sum / 2000; math.Abs(mean-103) > 2 || least < 50 || most > 200 {
		t.Errorf("want a mean of 103 s within 50 to 200, got %g, %g to %g", mean, least, most)
	}
}
