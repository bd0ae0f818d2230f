package fluid

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// glimpse is what a policy was shown in a tick.
type glimpse struct {
	Rate    float64
	RateAge time.Duration
	Known   bool
	Running float64
	Age     time.Duration
	Blind   bool
}

// glimpses runs a fixed fleet of 20 through rates of 1, 2, 3, ... and keeps what was shown.
func glimpses(t *testing.T, n int, change func(*World)) []glimpse {
	t.Helper()
	rates := make([]float64, n)
	for k := range rates {
		rates[k] = float64(k + 1)
	}
	var out []glimpse
	course(t, func(w *World) {
		w.Sight, w.Replica.Service = Sight{}, time.Second // running = rate
		change(w)
	}, rates...).Run(ScalerFunc(func(o *Observation) int {
		out = append(out, glimpse{o.Rate, o.RateAge, o.Known, o.Engines.Running, o.EnginesAge, o.Blind})
		return 20
	}))
	return out
}

func TestFaultsByHand(t *testing.T) {
	const s = time.Second
	for name, tc := range map[string]struct {
		faults Faults
		want   map[int]glimpse // by tick
	}{
		"without faults the last tick is seen": {
			Faults{}, map[int]glimpse{
				0: {0, 0, false, 0, 15 * s, false},
				3: {3, 15 * s, true, 3, 15 * s, false},
			},
		},
		"a delay of two ticks makes everything older": {
			Faults{Delay: 2}, map[int]glimpse{
				1: {0, 30 * s, false, 0, 45 * s, false},
				5: {3, 45 * s, true, 3, 45 * s, false},
			},
		},
		"in an outage the last reading stays, until it is too old": {
			Faults{Outages: []Span{{4, 14}}}, map[int]glimpse{
				3:  {3, 15 * s, true, 3, 15 * s, false},
				4:  {3, 30 * s, true, 3, 30 * s, false},
				9:  {3, 105 * s, true, 3, 105 * s, false},
				10: {3, 120 * s, false, 3, 120 * s, true},
				14: {14, 15 * s, true, 14, 15 * s, false},
			},
		},
		"NaN is nothing known, however young": {
			Faults{NaN: 1}, map[int]glimpse{3: {3, 15 * s, false, 3, 15 * s, true}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := glimpses(t, 16, func(w *World) { w.Faults = tc.faults; w.Start = 20 })
			for tick, want := range tc.want {
				if diff := cmp.Diff(want, got[tick], near); diff != "" {
					t.Errorf("tick %d: %s", tick, diff)
				}
			}
		})
	}
}

func TestLostScrapesAreDrawnFromTheSeed(t *testing.T) {
	lost := func(seed uint64) (n int) {
		for _, g := range glimpses(t, 2000, func(w *World) { w.Faults.Lost, w.Seed = 0.2, seed }) {
			if g.Age > Tick {
				n++
			}
		}
		return n
	}
	if a, b, c := lost(1), lost(1), lost(2); a != b || a == c || math.Abs(float64(a)/2000-0.2) > 0.03 {
		t.Errorf("want about 400 lost scrapes, the same for the same seed: got %d, %d and with another seed %d", a, b, c)
	}
}

// TestTheProductUnderFaults lets the real engine lead a fleet whose metrics fail: nothing may be taken away in
// the dark, and once there is light the fleet must follow again.
func TestTheProductUnderFaults(t *testing.T) {
	rates := make([]float64, 12*240)
	for k := range rates {
		rates[k] = 10 + 4*math.Sin(float64(k)/400)
	}
	for name, tc := range map[string]struct {
		change func(*World)
		dark   Span // of the outage, in ticks
		most   float64
	}{
		"a fifth of the scrapes fails":        {func(w *World) { w.Faults.Lost = 0.2 }, Span{}, 0.02},
		"a fifth of the scrapes is NaN":       {func(w *World) { w.Faults.NaN = 0.2 }, Span{}, 0.02},
		"everything is a minute late":         {func(w *World) { w.Faults.Delay = 4 }, Span{}, 0.02},
		"a rate window over scraped counters": {func(w *World) { w.Sight = Scraped() }, Span{}, 0.02},
		"an hour of darkness while demand falls": {
			func(w *World) { w.Faults.Outages = []Span{{800, 1040}} }, Span{810, 1040}, 0.05,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := course(t, func(w *World) { w.BurnIn = 480; tc.change(w) }, rates...)
			s := &watcher{Forewarm: NewForewarm(c, Product{Headroom: 1, WarmUpKnown: true})}
			r := c.Run(s)
			if r.V1() > tc.most {
				t.Errorf("want at most %g late, got %g", tc.most, r.V1())
			}
			for k := tc.dark.From + 1; k < tc.dark.To; k++ {
				if s.wants[k] < s.wants[k-1] {
					t.Fatalf("tick %d: lowered from %d to %d in the dark", k, s.wants[k-1], s.wants[k])
				}
			}
			if low, high := s.wants[1900], s.wants[2700]; low >= high { // trough and crest of the wave
				t.Errorf("want a fleet that follows demand, got %d in the trough and %d on the crest", low, high)
			}
		})
	}
}

// watcher keeps what the product wants, by tick.
type watcher struct {
	*Forewarm
	wants [12 * 240]int
}

// DecideAll implements Mixer.
func (w *watcher) DecideAll(o *Observation, want []int) {
	w.Forewarm.DecideAll(o, want)
	w.wants[o.Tick] = want[0]
}

// TestLateReadingsAreOfThePodsThatGaveThem: a fleet that doubles, or halves, while readings are a minute late. What each
// pod says of itself stays what it did then, never more than a replica can do; who came since says nothing of itself.
func TestLateReadingsAreOfThePodsThatGaveThem(t *testing.T) {
	rates := make([]float64, 40)
	for k := range rates {
		rates[k] = 4 // half of eight replicas' capacity, all of four's
	}
	for name, tc := range map[string]struct {
		before, after int
		late, then    float64 // completions of a pod, in the five ticks after the change and later
	}{
		"eight become four": {8, 4, 0.5, 1},
		"four become eight": {4, 8, 1, 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			c := course(t, func(w *World) { w.Faults.Delay, w.Start, w.WarmUp.Median = 4, tc.before, 0 }, rates...)
			f := NewForewarm(c, Product{Prior: 1})
			c.Run(ScalerFunc(func(o *Observation) int {
				w := f.source
				w.show(o)
				want := tc.then
				if o.Tick > 20 && o.Tick <= 20+4 {
					want = tc.late
				}
				told := 0
				for _, p := range w.in[0].Signals.Pods {
					if v := p.Completions.Value / w.unit; v > 0 {
						told++
						if math.Abs(v-want) > 1e-9 && o.Tick > 20 {
							t.Errorf("tick %d: want %g of each pod, got %g", o.Tick, want, v)
						}
					}
				}
				if most := min(tc.before, tc.after); o.Tick > 20 && o.Tick <= 24 && told > most {
					t.Errorf("tick %d: want at most %d to tell, got %d", o.Tick, most, told)
				}
				if o.Tick < 20 {
					return tc.before
				}
				return tc.after
			}))
		})
	}
}

// TestCapacityIsLearnedRightThroughADelay has demand that comes and goes by the hour, and a fleet that goes with it at
// once. With readings a minute late the few that stay once were shown with the load of the many: no replica may be
// learned to do more than it can.
func TestCapacityIsLearnedRightThroughADelay(t *testing.T) {
	const truth = 2 // requests/s as the product counts them, see Product.unit
	rates := make([]float64, 12*240)
	for k := range rates {
		rates[k] = 3.6
		if k/240%2 == 0 {
			rates[k] = 14.4
		}
	}
	for name, delay := range map[string]int{"at once": 0, "a minute late": 4} {
		t.Run(name, func(t *testing.T) {
			c := course(t, func(w *World) { w.Faults.Delay, w.WarmUp.Median = delay, 0 }, rates...)
			f := NewForewarm(c, Product{Prior: 1})
			c.Run(ScalerFunc(func(o *Observation) int {
				f.Decide(o)
				return int(math.Ceil(rates[o.Tick]/0.9 - 1e-9))
			}))
			got := f.Engine().Board().Load().Models[0].Learned.Variants[0].Lower.Requests
			if got < 0.85*truth || got > truth {
				t.Errorf("want what nine tenths of %d show, got %g", truth, got)
			}
		})
	}
}
