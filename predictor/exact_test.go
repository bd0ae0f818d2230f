package predictor

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// The fast ways of this package give the same bits as the plain ones here.

func TestASeriesThatGrowsIsTheOneThatWasReadAtOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := NewHistory(time.Minute, 90*time.Minute) // short, so that its beginning is cut off
		var grown series
		at := time.Unix(0, 0).Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "phase")) * time.Minute)
		for range rapid.IntRange(1, 60).Draw(t, "looks") {
			for range rapid.IntRange(0, 20).Draw(t, "samples") {
				pause := rapid.SampledFrom([]int{1, 1, 1, 1, 1, 2, 5, 30, 100}).Draw(t, "pause")
				at = at.Add(time.Duration(pause) * time.Minute)
				h.Add(at, rapid.Float64Range(0, 50).Draw(t, "rate"))
			}
			var fresh series
			grown.load(h)
			fresh.load(h)
			same := cmp.Options{
				cmp.AllowUnexported(series{}), cmpopts.EquateEmpty(), cmp.Comparer(func(a, b *History) bool { return a == b }),
			}
			if diff := cmp.Diff(fresh, grown, same); diff != "" {
				t.Fatalf("(-at once +grown):\n%s", diff)
			}
		}
	})
}

func TestMergedRunsAreSorted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var runs, spare [trees * (order + 1)]int32
		want := make([]int32, 0, trees*order)
		for k := range trees {
			run := rapid.SliceOfN(rapid.Int32Range(-1<<23, 1<<23-1), order, order).Draw(t, "run")
			slices.Sort(run)
			want = append(want, run...)
			runs[copy(runs[k*(order+1):], run)+k*(order+1)] = math.MaxInt32
		}
		slices.Sort(want)
		if got := mergeRuns(&runs, &spare); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func TestABinIsHowManyBordersLieBelow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c [cuts]float32
		for i := range c {
			c[i] = rapid.Float32Range(-2, 2).Draw(t, "border")
		}
		slices.Sort(c[:])
		x := rapid.OneOf(rapid.Float32Range(-3, 3), rapid.SampledFrom(c[:])).Draw(t, "x")
		want := 0
		for want < cuts && x > c[want] {
			want++
		}
		if got := binIn(&c, x); got != want {
			t.Fatalf("%g is in bin %d, want %d", x, got, want)
		}
	})
}

func TestManyRatesExceedAsOneDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := Grid{Horizons: []time.Duration{time.Minute, 7 * time.Minute}, Quantiles: []float64{0.3, 0.5, 0.5, 0.9, 0.99}, Past: []float64{0, 0}}
		for range len(g.Horizons) * len(g.Quantiles) {
			g.Values = append(g.Values, rapid.Float64Range(0, 90).Draw(t, "value"))
		}
		f, err := NewForecast(g)
		if err != nil {
			t.Fatal(err)
		}
		h := time.Duration(rapid.IntRange(0, 600).Draw(t, "horizon")) * time.Second
		e := f.Exceeding(h)
		for range 20 { // in any order
			rate := rapid.Float64Range(0, 100).Draw(t, "rate")
			if got, want := e.At(rate), plainExceed(f, h, rate); got != want {
				t.Fatalf("%g is exceeded with %g, want %g", rate, got, want)
			}
		}
	})
}

// plainExceed looks at every quantile each time.
func plainExceed(f Forecast, h time.Duration, rate float64) float64 {
	below := 0.0
	for i, q := range f.quantiles {
		v := f.Max(h, q)
		if v > rate {
			if i == 0 {
				return 1
			}
			return 1 - (f.quantiles[i-1] + (q-f.quantiles[i-1])*(rate-below)/(v-below))
		}
		below = v
	}
	return 1 - f.quantiles[len(f.quantiles)-1]
}
