package predictor

import (
	"math"
	"math/rand/v2"
	"sort"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// lived is a history that saw one rate a minute, ending at noon; NaN is a gap.
func lived(rates ...float64) *History {
	h := NewHistory(time.Minute, 24*time.Hour)
	for i, r := range rates {
		h.Add(noon.Add(time.Duration(i-len(rates)+1)*time.Minute), r)
	}
	return h
}

func repeat(n int, rates ...float64) []float64 {
	var out []float64
	for range n {
		out = append(out, rates...)
	}
	return out
}

func TestLastValue(t *testing.T) {
	horizons := []time.Duration{time.Minute, 5 * time.Minute}
	for name, tc := range map[string]struct {
		h        *History
		known    bool
		low, top float64 // bounds of Max(5m, .95)
	}{
		"nothing was seen":                       {lived(), false, 0, 0},
		"one sample has the Poisson spread":      {lived(16), true, 16 + 1, 16 + 2},
		"steady load needs no spread":            {lived(repeat(60, 5)...), true, 5, 5.001},
		"a jump each five minutes is expected":   {lived(repeat(20, 5, 5, 5, 5, 9)...), true, 9, 16},
		"gaps are not zeros":                     {lived(repeat(20, 5, math.NaN(), 5)...), true, 5, 6.5},
		"falling load does not forecast below 0": {lived(9, 7, 5, 3, 1, 0), true, 0, 6},
	} {
		t.Run(name, func(t *testing.T) {
			f := LastValue{}.Forecast(tc.h, noon, horizons)
			if f.Known() != tc.known {
				t.Fatalf("known = %v, want %v", f.Known(), tc.known)
			}
			if !tc.known {
				return
			}
			if got := f.Max(5*time.Minute, 0.95); got < tc.low || got > tc.top {
				t.Errorf("Max(5m, .95) = %g, want within [%g, %g]", got, tc.low, tc.top)
			}
		})
	}
}

func TestLastValueRefusesOldNews(t *testing.T) {
	h := lived(repeat(60, 5)...)
	if f := (LastValue{}).Forecast(h, noon.Add(MaxLevelAge+time.Second), []time.Duration{time.Minute}); f.Known() {
		t.Error("a level older than MaxLevelAge still stands for demand now")
	}
}

func TestLastValueCovers(t *testing.T) {
	// Poisson arrivals at 8/s counted over a minute: a .95 forecast of the next
	// five minutes' peak must hold in 93..98 % of cases out of sample.
	rng := rand.New(rand.NewPCG(1, 2))
	rates := make([]float64, 2000)
	for i := range rates {
		rates[i] = math.Max(0, 8+math.Sqrt(8.0/60)*rng.NormFloat64())
	}
	h, held, n := NewHistory(time.Minute, 24*time.Hour), 0, 0
	for i, r := range rates {
		at := noon.Add(time.Duration(i) * time.Minute)
		h.Add(at, r)
		if i < 300 || i+5 >= len(rates) {
			continue
		}
		f := LastValue{}.Forecast(h, at, []time.Duration{5 * time.Minute})
		peak := 0.0
		for _, v := range rates[i+1 : i+6] {
			peak = math.Max(peak, v)
		}
		if n++; peak <= f.Max(5*time.Minute, 0.95) {
			held++
		}
	}
	if share := float64(held) / float64(n); share < 0.93 || share > 0.98 {
		t.Errorf("the .95 quantile held in %.3f of cases", share)
	}
}

func TestHistory(t *testing.T) {
	t.Run("it forgets what is older than it keeps", func(t *testing.T) {
		h := NewHistory(time.Minute, time.Hour)
		for i := range 1000 {
			h.Add(noon.Add(time.Duration(i)*time.Minute), 1)
		}
		if h.Len() < 60 || h.Len() > 75 {
			t.Errorf("holds %d buckets, want 60 to 75", h.Len())
		}
	})
	t.Run("a pause longer than it keeps starts afresh", func(t *testing.T) {
		h := NewHistory(time.Minute, time.Hour)
		h.Add(noon, 1)
		h.Add(noon.Add(1000*time.Hour), 2)
		if h.Len() != 1 {
			t.Errorf("holds %d buckets, want 1", h.Len())
		}
	})
	t.Run("late, negative and non-finite samples are ignored", func(t *testing.T) {
		h := lived(5, 6)
		h.Add(noon.Add(-time.Hour), 99)
		h.Add(noon.Add(time.Second), -1)
		h.Add(noon.Add(time.Second), math.NaN())
		h.Add(noon.Add(time.Second), math.Inf(1))
		if got := h.past(10); got != 6 {
			t.Errorf("peak is %g, want 6", got)
		}
	})
}

// TestSlidingMaxAgreesWithTheNaiveOne checks the monotone queue against a
// deliberately dumb implementation.
func TestSlidingMaxAgreesWithTheNaiveOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SliceOf(rapid.OneOf(rapid.Float64Range(0, 9), rapid.Just(math.NaN()))).Draw(t, "v")
		k := rapid.IntRange(1, 5).Draw(t, "k")
		got := slidingMax(v, k)
		for i := range v {
			want := math.NaN()
			if i+k <= len(v) {
				w := append([]float64(nil), v[i:i+k]...)
				sort.Float64s(w) // NaN sorts first
				if !math.IsNaN(w[0]) {
					want = w[k-1]
				}
			}
			if got[i] != want && !(math.IsNaN(got[i]) && math.IsNaN(want)) {
				t.Fatalf("slidingMax(%v, %d)[%d] = %g, want %g", v, k, i, got[i], want)
			}
		}
	})
}

func BenchmarkLastValue(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	h := NewHistory(time.Minute, 24*time.Hour)
	for i := range 1440 {
		h.Add(noon.Add(time.Duration(i)*time.Minute), 5+rng.Float64())
	}
	horizons := []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute}
	b.ReportAllocs()
	for b.Loop() {
		LastValue{}.Forecast(h, noon.Add(1439*time.Minute), horizons)
	}
}
