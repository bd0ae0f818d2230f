package sim

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestBatchAgainstSorting compares the heap with a slice that is searched anew each time.
func TestBatchAgainstSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b batch
		var dumb []sequence
		for _, op := range rapid.SliceOfN(rapid.IntRange(0, 5), 1, 200).Draw(t, "ops") {
			switch {
			case op < 4:
				last := float64(rapid.IntRange(0, 9).Draw(t, "last"))
				q := &Request{ID: b.born}
				b.add(q, last)
				dumb = append(dumb, sequence{last, b.born, q})
			case len(dumb) == 0:
			case op == 4:
				want := slices.MinFunc(dumb, func(x, y sequence) int {
					if x.before(&y) {
						return -1
					}
					return 1
				})
				if b.first() != want.last || b.pop() != want.req {
					t.Fatalf("want %+v first", want)
				}
				dumb = slices.DeleteFunc(dumb, func(s sequence) bool { return s.born == want.born })
			default:
				want := dumb[len(dumb)-1]
				if got := b.youngest(); got != want {
					t.Fatalf("youngest: want %+v, got %+v", want, got)
				}
				dumb = dumb[:len(dumb)-1]
			}
			if b.len() != len(dumb) {
				t.Fatalf("want %d, got %d", len(dumb), b.len())
			}
		}
	})
}

// TestPrefixCacheAgainstAList compares the cache with a list in the order of use.
func TestPrefixCacheAgainstAList(t *testing.T) {
	type entry struct {
		session uint64
		tokens  float64
	}
	rapid.Check(t, func(t *rapid.T) {
		var c prefixCache
		var dumb []entry // newest last
		drop := func(s uint64) {
			dumb = slices.DeleteFunc(dumb, func(e entry) bool { return e.session == s })
		}
		total := func() (sum float64) {
			for _, e := range dumb {
				sum += e.tokens
			}
			return sum
		}
		for range rapid.IntRange(1, 100).Draw(t, "n") {
			s := uint64(rapid.IntRange(1, 8).Draw(t, "session"))
			switch rapid.IntRange(0, 3).Draw(t, "op") {
			case 0, 1:
				n := float64(rapid.IntRange(0, 200).Draw(t, "tokens"))
				c.put(s, n)
				drop(s)
				if n = math.Floor(n/BlockTokens) * BlockTokens; n > 0 {
					dumb = append(dumb, entry{s, n})
				}
			case 2:
				c.drop(s)
				drop(s)
			default:
				room := float64(rapid.IntRange(0, 600).Draw(t, "room"))
				c.fit(room)
				for total() > room {
					dumb = dumb[1:]
				}
			}
			if c.tokens != total() || len(c.bySession) != len(dumb) {
				t.Fatalf("want %g tokens of %d, got %g of %d", total(), len(dumb), c.tokens, len(c.bySession))
			}
			for _, e := range dumb {
				if c.peek(e.session) != e.tokens {
					t.Fatalf("session %d: want %g, got %g", e.session, e.tokens, c.peek(e.session))
				}
			}
		}
	})
}

func TestSketchQuantiles(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var s Sketch
	values := make([]float64, 20_000)
	for i := range values {
		values[i] = lognormal(rng, 0.5, 2)
		s.Observe(values[i])
	}
	slices.Sort(values)
	for _, q := range []float64{0.01, 0.5, 0.95, 0.99, 1} {
		want := values[int(math.Ceil(q*float64(len(values))))-1]
		if got := s.Quantile(q); math.Abs(got/want-1) > 0.008 {
			t.Errorf("quantile %g: want %g, got %g", q, want, got)
		}
	}
	var edge Sketch
	for _, v := range []float64{-1, 0, 1e-9, 1e9} {
		edge.Observe(v)
	}
	if edge.Count() != 4 || edge.Max() != 1e9 || edge.Quantile(0.5) > 1e-4 {
		t.Errorf("at the edges: %d, %g, %g", edge.Count(), edge.Max(), edge.Quantile(0.5))
	}
}

func TestHistogramQuantileByHand(t *testing.T) {
	h := newHistogram([]float64{1, 2, 4})
	for v, n := range map[float64]float64{0.5: 2, 1.5: 4, 3: 4} {
		h.observe(v, n)
	}
	for q, want := range map[float64]float64{0.1: 0.5, 0.4: 1.5, 0.95: 3.75, 1: 4} {
		if got := h.Quantile(q); !near(got, want) {
			t.Errorf("quantile %g: want %g, got %g", q, want, got)
		}
	}
	h.observe(100, 90)
	if got := h.Quantile(0.95); got != 4 {
		t.Errorf("beyond the last bound: want it, got %g", got)
	}
	var none Histogram
	if !math.IsNaN(none.Quantile(0.5)) {
		t.Error("want NaN without observations")
	}
}

// TestSlotsAgainstQueueingTheory checks the second replica model against closed formulas.
func TestSlotsAgainstQueueingTheory(t *testing.T) {
	const slots, load = 4, 0.8 // requests/s = slots*load, one second of service each
	erlangC := func() float64 {
		sum, term := 0.0, 1.0
		for k := range slots {
			sum += term
			term *= slots * load / float64(k+1)
		}
		return term / (1 - load) / (sum + term/(1-load))
	}
	for name, tc := range map[string]struct {
		cfg  SlotsConfig
		rate float64
		want float64 // mean wait in seconds
	}{
		"M/M/4: Erlang's C": {
			SlotsConfig{Slots: slots, PrefillRate: 1e9, DecodeRate: 100, Exponential: true},
			slots * load,
			erlangC() / (slots - slots*load),
		},
		"M/D/1: Pollaczek and Khinchine": {
			SlotsConfig{Slots: 1, PrefillRate: 1e9, DecodeRate: 100}, load, load / (2 * (1 - load)),
		},
	} {
		t.Run(name, func(t *testing.T) {
			fc := DefaultFleet()
			fc.Slots = &tc.cfg
			wc := flat(tc.rate)
			wc.Prompt, wc.Output = Lengths{Mean: 1, Max: 1}, Lengths{Mean: 101, Max: 101}
			f := world(t, fc, wc)
			f.Advance(f.Now().Add(100 * time.Hour))
			wait := f.pods[0].rep.stats().QueueTime
			if got := wait.Sum() / wait.Count(); math.Abs(got/tc.want-1) > 0.04 {
				t.Errorf("mean wait: want %.3f s, got %.3f", tc.want, got)
			}
		})
	}
}
