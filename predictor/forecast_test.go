package predictor

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func grid() Grid {
	return Grid{
		At: noon, Level: 10,
		Horizons:  []time.Duration{time.Minute, 5 * time.Minute},
		Quantiles: []float64{0.5, 0.9},
		Values:    []float64{10, 14, 12, 20},
		Past:      []float64{11, math.NaN()},
	}
}

func must(t *testing.T, g Grid) Forecast {
	t.Helper()
	f, err := NewForecast(g)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestForecastReads(t *testing.T) {
	f := must(t, grid())
	for name, tc := range map[string]struct {
		h    time.Duration
		q    float64
		want float64
	}{
		"a cell":                         {time.Minute, 0.9, 14},
		"between horizons":               {3 * time.Minute, 0.5, 11},
		"between quantiles":              {time.Minute, 0.7, 12},
		"between both":                   {3 * time.Minute, 0.7, 14},
		"before the first horizon":       {time.Second, 0.5, 10},
		"beyond the last horizon":        {time.Hour, 0.9, 20},
		"beyond the highest quantile":    {time.Minute, 0.999, 14},
		"below the lowest quantile":      {time.Minute, 0.1, 10},
		"the far corner of what's known": {time.Hour, 1, 20},
	} {
		t.Run(name, func(t *testing.T) {
			if got := f.Max(tc.h, tc.q); math.Abs(got-tc.want) > 1e-9 {
				t.Errorf("Max(%v, %g) = %g, want %g", tc.h, tc.q, got, tc.want)
			}
		})
	}
}

// A level seen between two refreshes moves what is ordered for at once, and what
// is kept for as high as it ever moved.
func TestAShiftUpIsRememberedAndAShiftDownIsNot(t *testing.T) {
	g := grid()
	g.Gain, g.Held = 0.5, []float64{10, 15, 12, 21}
	for name, tc := range map[string]struct {
		rates, tops []float64
		order, keep float64
	}{
		"nothing new":                 {[]float64{10}, []float64{10}, 14, 15},
		"up":                          {[]float64{14}, []float64{14}, 16, 17},
		"up, and gone a tick later":   {[]float64{14, 10}, []float64{14, 14}, 14, 17},
		"gone, by the history's word": {[]float64{10}, []float64{14}, 14, 17},
		"down":                        {[]float64{6}, []float64{10}, 12, 15},
	} {
		t.Run(name, func(t *testing.T) {
			f := must(t, g)
			for i, r := range tc.rates {
				f = f.Shifted(r, tc.tops[i])
			}
			written := must(t, f.Grid())
			for how, f := range map[string]Forecast{"itself": f, "written and read": written} {
				order, keep := f.Max(time.Minute, 0.9), f.Recent().Max(time.Minute, 0.9)
				if order != tc.order || keep != tc.keep {
					t.Errorf("%s: order for %g and keep for %g, want %g and %g", how, order, keep, tc.order, tc.keep)
				}
			}
		})
	}
}

func TestForecastRefusesGridsThatLie(t *testing.T) {
	for name, spoil := range map[string]func(*Grid){
		"no horizons":            func(g *Grid) { g.Horizons = nil },
		"a cell too few":         func(g *Grid) { g.Values = g.Values[:3] },
		"a past maximum too few": func(g *Grid) { g.Past = g.Past[:1] },
		"quantiles out of order": func(g *Grid) { g.Quantiles = []float64{0.9, 0.5} },
		"horizons out of order":  func(g *Grid) { g.Horizons = []time.Duration{2, 1} },
		"NaN":                    func(g *Grid) { g.Values[2] = math.NaN() },
		"infinity":               func(g *Grid) { g.Values[2] = math.Inf(1) },
		"negative demand":        func(g *Grid) { g.Level = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			g := grid()
			spoil(&g)
			if f, err := NewForecast(g); err == nil {
				t.Errorf("accepted %+v", f)
			}
		})
	}
}

func TestForecastIsMonotone(t *testing.T) {
	g := grid()
	g.Values = []float64{10, 8, 9, 7} // a crossing grid
	f := must(t, g)
	if diff := cmp.Diff([]float64{10, 10, 10, 10}, f.Grid().Values); diff != "" {
		t.Error(diff)
	}
}

func TestForecastPast(t *testing.T) {
	f := must(t, grid())
	if v, ok := f.Past(time.Minute); !ok || v != 11 {
		t.Errorf("Past(1m) = %g, %v; want 11, true", v, ok)
	}
	if v, ok := f.Past(5 * time.Minute); ok {
		t.Errorf("Past(5m) = %g over a gap; want unknown", v)
	}
	if _, ok := (Forecast{}).Past(time.Minute); ok {
		t.Error("an unknown forecast has a past")
	}
}

func TestForecastSurvivesJSON(t *testing.T) {
	for name, f := range map[string]Forecast{"known": must(t, grid()), "unknown": {}} {
		t.Run(name, func(t *testing.T) {
			b, err := json.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}
			var back Forecast
			if err := json.Unmarshal(b, &back); err != nil {
				t.Fatal(err)
			}
			again, err := json.Marshal(back)
			if err != nil {
				t.Fatal(err)
			}
			if string(b) != string(again) || back.Known() != f.Known() {
				t.Errorf("%s came back as %s", b, again)
			}
		})
	}
}

func TestExceedInvertsMax(t *testing.T) {
	f := must(t, grid())
	rapid.Check(t, func(t *rapid.T) {
		q := rapid.Float64Range(0.5, 0.9).Draw(t, "q")
		h := time.Duration(rapid.Int64Range(0, int64(10*time.Minute)).Draw(t, "h"))
		if got := f.Exceed(h, f.Max(h, q)); math.Abs(got-(1-q)) > 1e-6 {
			t.Fatalf("Exceed(Max(%g)) = %g, want %g", q, got, 1-q)
		}
	})
	if got := f.Exceed(time.Minute, 9); got != 1 {
		t.Errorf("a rate below the lowest quantile is exceeded with %g, want 1", got)
	}
	if got := f.Exceed(time.Minute, 100); math.Abs(got-0.1) > 1e-9 {
		t.Errorf("a rate above the grid is exceeded with %g, want what the grid leaves open, 0.1", got)
	}
}
