package predictor

import (
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"time"
)

// Forecast is an immutable horizon x quantile grid of the window maximum of
// demand: Max(h, q) is the rate that demand stays under over all of (At, At+h]
// with probability q. Rates are in requests per second. The zero value is
// unknown, which is not zero demand.
type Forecast struct {
	at        time.Time
	level     float64
	horizons  []time.Duration
	quantiles []float64
	values    []float64 // row-major: len(horizons) rows of len(quantiles)
	past      []float64 // observed maximum over [At-h, At], one per horizon; NaN where unknown
	residuals int
}

// Grid is the content of a Forecast. Values has a row per horizon and a column
// per quantile; Past has an entry per horizon. Horizons and Quantiles ascend.
type Grid struct {
	At        time.Time       `json:"at"`
	Level     float64         `json:"level"`     // demand now, requests per second
	Horizons  []time.Duration `json:"horizons"`  // nanoseconds
	Quantiles []float64       `json:"quantiles"` // 0..1
	Values    []float64       `json:"values"`    // requests per second, row-major
	Past      []float64       `json:"past"`      // requests per second; negative = unknown
	Residuals int             `json:"residuals"` // past errors that the spread was measured on
}

// NewForecast checks a grid and freezes a copy of it. Rows and columns are made
// monotone: a longer window or a higher quantile never has a lower maximum.
func NewForecast(g Grid) (Forecast, error) {
	if err := g.check(); err != nil {
		return Forecast{}, err
	}
	f := Forecast{
		at: g.At, level: g.Level, residuals: g.Residuals,
		horizons:  append([]time.Duration(nil), g.Horizons...),
		quantiles: append([]float64(nil), g.Quantiles...),
		values:    append([]float64(nil), g.Values...),
		past:      append([]float64(nil), g.Past...),
	}
	cols := len(f.quantiles)
	for i := range f.values {
		if i%cols > 0 {
			f.values[i] = math.Max(f.values[i], f.values[i-1])
		}
		if i >= cols {
			f.values[i] = math.Max(f.values[i], f.values[i-cols])
		}
	}
	return f, nil
}

func (g Grid) check() error {
	rows, cols := len(g.Horizons), len(g.Quantiles)
	switch {
	case rows == 0 || cols == 0:
		return fmt.Errorf("forecast grid: want at least one horizon and one quantile, got %d and %d", rows, cols)
	case len(g.Values) != rows*cols:
		return fmt.Errorf("forecast grid: want %d values, got %d", rows*cols, len(g.Values))
	case len(g.Past) != rows:
		return fmt.Errorf("forecast grid: want %d past maxima, got %d", rows, len(g.Past))
	case !sort.Float64sAreSorted(g.Quantiles):
		return fmt.Errorf("forecast grid: want ascending quantiles, got %v", g.Quantiles)
	case !sort.SliceIsSorted(g.Horizons, func(i, j int) bool { return g.Horizons[i] < g.Horizons[j] }):
		return fmt.Errorf("forecast grid: want ascending horizons, got %v", g.Horizons)
	}
	for _, v := range append([]float64{g.Level}, g.Values...) {
		if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
			return fmt.Errorf("forecast grid: want finite rates >= 0, got %g", v)
		}
	}
	return nil
}

// Known says whether there is a forecast at all.
func (f Forecast) Known() bool { return len(f.values) > 0 }

// At is the moment the forecast was made for.
func (f Forecast) At() time.Time { return f.at }

// Level is demand at At in requests per second.
func (f Forecast) Level() float64 { return f.level }

// Residuals is how many past errors the spread was measured on; 0 means that
// the spread is the Poisson prior.
func (f Forecast) Residuals() int { return f.residuals }

// Max is the q-quantile of the highest rate within (At, At+h], in requests per
// second, interpolated linearly in both directions and clamped to the grid.
func (f Forecast) Max(h time.Duration, q float64) float64 {
	if !f.Known() {
		return math.NaN()
	}
	r, rw := locate(len(f.horizons), func(i int) float64 { return float64(f.horizons[i]) }, float64(h))
	c, cw := locate(len(f.quantiles), func(i int) float64 { return f.quantiles[i] }, q)
	lo := mix(f.cell(r, c), f.cell(r, c+1), cw)
	hi := mix(f.cell(r+1, c), f.cell(r+1, c+1), cw)
	return mix(lo, hi, rw)
}

// Exceed is the probability that demand exceeds rate within (At, At+h],
// the inverse of Max, in [0, 1]; resolution ends at the grid's edges.
func (f Forecast) Exceed(h time.Duration, rate float64) float64 {
	if !f.Known() {
		return math.NaN()
	}
	n := len(f.quantiles)
	prev := 0.0
	for i, q := range f.quantiles {
		v := f.Max(h, q)
		if v > rate {
			if i == 0 {
				return 1
			}
			return 1 - (f.quantiles[i-1] + (q-f.quantiles[i-1])*(rate-prev)/(v-prev))
		}
		prev = v
	}
	return 1 - f.quantiles[n-1]
}

// Past is the highest observed rate within [At-h, At]; false where nothing is known.
func (f Forecast) Past(h time.Duration) (float64, bool) {
	for i, x := range f.horizons {
		if x >= h || i == len(f.horizons)-1 {
			return f.past[i], !math.IsNaN(f.past[i]) && f.past[i] >= 0
		}
	}
	return 0, false
}

// Grid returns a copy of the forecast's content.
func (f Forecast) Grid() Grid {
	return Grid{
		At: f.at, Level: f.level, Residuals: f.residuals,
		Horizons:  append([]time.Duration(nil), f.horizons...),
		Quantiles: append([]float64(nil), f.quantiles...),
		Values:    append([]float64(nil), f.values...),
		Past:      append([]float64(nil), f.past...),
	}
}

// MarshalJSON writes the grid, so that a decision can be replayed; unknown is null.
func (f Forecast) MarshalJSON() ([]byte, error) {
	if !f.Known() {
		return []byte("null"), nil
	}
	g := f.Grid()
	for i, v := range g.Past {
		if math.IsNaN(v) {
			g.Past[i] = -1
		}
	}
	return json.Marshal(g)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (f *Forecast) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*f = Forecast{}
		return nil
	}
	var g Grid
	if err := json.Unmarshal(b, &g); err != nil {
		return err
	}
	var err error
	*f, err = NewForecast(g)
	return err
}

func (f Forecast) cell(r, c int) float64 {
	r, c = min(r, len(f.horizons)-1), min(c, len(f.quantiles)-1)
	return f.values[r*len(f.quantiles)+c]
}

// locate finds i and w with x = axis(i)*(1-w) + axis(i+1)*w, clamped to the axis.
func locate(n int, axis func(int) float64, x float64) (int, float64) {
	i := sort.Search(n, func(i int) bool { return axis(i) >= x })
	switch i {
	case 0:
		return 0, 0
	case n:
		return n - 1, 0
	}
	return i - 1, (x - axis(i-1)) / (axis(i) - axis(i-1))
}

func mix(a, b, w float64) float64 { return a + (b-a)*w }
