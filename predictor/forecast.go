package predictor

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
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
	held      []float64 // like values: the highest of the recent forecasts
	past      []float64 // observed maximum over [At-h, At], one per horizon; NaN where unknown
	gain      float64
	shift     float64 // added to every value read; see Shifted
	crest     float64 // the highest that shift has been, at least 0
	residuals int
	seasonal  bool
	event     float64
	overshoot float64
	floor     []float64 // like values: what events announce, which no shift moves; nil = none
}

// Grid is the content of a Forecast. Values has a row per horizon and a column
// per quantile; Past has an entry per horizon. Horizons and Quantiles ascend.
type Grid struct {
	At        time.Time       `json:"at"`
	Level     float64         `json:"level"`           // demand now, requests per second
	Horizons  []time.Duration `json:"horizons"`        // nanoseconds
	Quantiles []float64       `json:"quantiles"`       // 0..1
	Values    []float64       `json:"values"`          // requests per second, row-major
	Held      []float64       `json:"held"`            // like Values: the highest of the recent forecasts; none = Values
	Past      []float64       `json:"past"`            // requests per second; negative = unknown
	Gain      float64         `json:"gain"`            // share of a change of level that the values follow; see Shifted
	Residuals int             `json:"residuals"`       // past errors that the spread was measured on
	Seasonal  bool            `json:"seasonal"`        // a daily or weekly season was found in the history
	Event     float64         `json:"event"`           // multiplier of a configured event that overlaps; 0 = none
	Overshoot float64         `json:"overshoot"`       // see Forecast.Overshoot; 0 = unknown
	Floor     []float64       `json:"floor,omitempty"` // like Values: what events announce, which no shift moves
}

// NewForecast checks a grid and freezes a copy of it. Rows and columns are made
// monotone: a longer window or a higher quantile never has a lower maximum.
func NewForecast(g Grid) (Forecast, error) {
	g.Horizons, g.Quantiles = slices.Clone(g.Horizons), slices.Clone(g.Quantiles)
	g.Values, g.Held, g.Past = slices.Clone(g.Values), slices.Clone(g.Held), slices.Clone(g.Past)
	g.Floor = slices.Clone(g.Floor)
	return freeze(&g)
}

// freeze is NewForecast of a grid that nobody else will write to.
func freeze(g *Grid) (Forecast, error) {
	if err := g.check(); err != nil {
		return Forecast{}, err
	}
	f := Forecast{
		at: g.At, level: g.Level, gain: g.Gain, residuals: g.Residuals, seasonal: g.Seasonal, event: g.Event,
		overshoot: g.Overshoot, floor: g.Floor,
		horizons: g.Horizons, quantiles: g.Quantiles, values: g.Values, held: g.Held, past: g.Past,
	}
	cols := len(f.quantiles)
	ascend(f.values, cols)
	ascend(f.floor, cols)
	if len(f.held) == 0 {
		f.held = f.values
		return f, nil
	}
	for i, v := range f.values {
		f.held[i] = math.Max(f.held[i], v)
	}
	ascend(f.held, cols)
	return f, nil
}

// ascend makes rows and columns monotone by raising what is too low.
func ascend(values []float64, cols int) {
	for i := range values {
		if i%cols > 0 {
			values[i] = math.Max(values[i], values[i-1])
		}
		if i >= cols {
			values[i] = math.Max(values[i], values[i-cols])
		}
	}
}

func (g *Grid) check() error {
	rows, cols := len(g.Horizons), len(g.Quantiles)
	switch {
	case rows == 0 || cols == 0:
		return fmt.Errorf("forecast grid: want at least one horizon and one quantile, got %d and %d", rows, cols)
	case !(g.Gain >= 0 && g.Gain <= 1):
		return fmt.Errorf("forecast grid: want a gain of 0 to 1, got %g", g.Gain)
	case len(g.Past) != rows:
		return fmt.Errorf("forecast grid: want %d past maxima, got %d", rows, len(g.Past))
	case !sort.Float64sAreSorted(g.Quantiles):
		return fmt.Errorf("forecast grid: want ascending quantiles, got %v", g.Quantiles)
	case !slices.IsSorted(g.Horizons):
		return fmt.Errorf("forecast grid: want ascending horizons, got %v", g.Horizons)
	}
	return errors.Join(g.checkCells(rows*cols), g.checkRates())
}

func (g *Grid) checkCells(n int) error {
	switch {
	case len(g.Values) != n:
		return fmt.Errorf("forecast grid: want %d values, got %d", n, len(g.Values))
	case len(g.Held) != 0 && len(g.Held) != n:
		return fmt.Errorf("forecast grid: want %d held values or none, got %d", n, len(g.Held))
	case len(g.Floor) != 0 && len(g.Floor) != n:
		return fmt.Errorf("forecast grid: want %d floors or none, got %d", n, len(g.Floor))
	}
	return nil
}

func (g *Grid) checkRates() error {
	for _, rates := range [...][]float64{{g.Level, g.Event, g.Overshoot}, g.Values, g.Held, g.Floor} {
		for _, v := range rates {
			if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
				return fmt.Errorf("forecast grid: want finite rates >= 0, got %g", v)
			}
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

// Shifted is the forecast once demand is seen at a rate, and was at most top since
// the forecast was made: all of it moves by Gain of the change, which is what a
// newer level says about the window maximum on average. It shares memory with f
// and allocates nothing.
func (f Forecast) Shifted(rate, top float64) Forecast {
	if f.Known() && rate >= 0 {
		f.shift += f.gain * (rate - f.level)
		f.crest = math.Max(f.crest, f.shift+f.gain*math.Max(top-rate, 0))
		f.level = rate
	}
	return f
}

// Recent is the forecast with, in each cell, the highest of the recent forecasts,
// as they were shifted: what was expected a moment ago is not forgotten at once.
func (f Forecast) Recent() Forecast {
	g := f
	g.values, g.shift = f.held, f.crest
	return g
}

// Residuals is how many past errors the spread was measured on; 0 means that
// the spread is the Poisson prior.
func (f Forecast) Residuals() int { return f.residuals }

// Seasonal says that a season was found in the history, so that what is expected
// is what is usual at this hour.
func (f Forecast) Seasonal() bool { return f.seasonal }

// Event is the multiplier of a configured event that raised the forecast; 0 if
// there is none.
func (f Forecast) Event() float64 { return f.event }

// Overshoot is how demand exceeds what it was expected to stay under in 92.5 % of windows: by what share of it, in the
// mean, over the share of the window for which it does. 0 is unknown.
func (f Forecast) Overshoot() float64 { return f.overshoot }

// Max is the q-quantile of the highest rate within (At, At+h], in requests per
// second, interpolated linearly in both directions and clamped to the grid.
func (f Forecast) Max(h time.Duration, q float64) float64 {
	if !f.Known() {
		return math.NaN()
	}
	r, rw := locate(f.horizons, h)
	return f.quantile(r, rw, q)
}

// quantile is Max at a place among the horizons.
func (f *Forecast) quantile(r int, rw, q float64) float64 {
	c, cw := locate(f.quantiles, q)
	lo := mix(f.cell(r, c), f.cell(r, c+1), cw)
	hi := mix(f.cell(r+1, c), f.cell(r+1, c+1), cw)
	return mix(lo, hi, rw)
}

// Exceed is the probability that demand exceeds rate within (At, At+h],
// the inverse of Max, in [0, 1]; resolution ends at the grid's edges.
func (f Forecast) Exceed(h time.Duration, rate float64) float64 {
	e := f.Exceeding(h)
	return e.At(rate)
}

// Exceedance answers Exceed for one horizon and many rates. If these ascend, it looks at each quantile once.
type Exceedance struct {
	f      *Forecast
	row    int
	weight float64
	next   int // the first quantile that is not known to be at most rate
	below  float64
	value  float64 // of quantile next; of the one before it, below
	lo, hi float64 // cells of quantile next
	rate   float64 // the last one asked for
}

// Exceeding is the Exceedance of a horizon. It reads f.
func (f *Forecast) Exceeding(h time.Duration) Exceedance {
	e := Exceedance{f: f}
	if f.Known() {
		e.row, e.weight = locate(f.horizons, h)
		e.begin()
	}
	return e
}

func (e *Exceedance) begin() {
	e.next, e.below = 0, 0
	e.lo, e.hi = e.f.cell(e.row, 0), e.f.cell(e.row+1, 0)
	e.value = mix(e.lo, e.hi, e.weight)
}

// advance goes on to the next quantile. Max of a quantile that is in the grid mixes wholly towards its cell, and
// rounds in doing so.
func (e *Exceedance) advance() {
	e.next++
	e.below = e.value
	lo, hi := e.f.cell(e.row, e.next), e.f.cell(e.row+1, e.next)
	if qs := e.f.quantiles; qs[e.next] != qs[e.next-1] {
		e.value = mix(mix(e.lo, lo, 1), mix(e.hi, hi, 1), e.weight)
	}
	e.lo, e.hi = lo, hi
}

// At is the probability that demand exceeds a rate; NaN if there is no forecast.
func (e *Exceedance) At(rate float64) float64 {
	if !e.f.Known() {
		return math.NaN()
	}
	if rate < e.rate {
		e.begin()
	}
	e.rate = rate
	qs := e.f.quantiles
	for !(e.value > rate) {
		if e.next == len(qs)-1 {
			return 1 - qs[e.next]
		}
		e.advance()
	}
	if e.next == 0 {
		return 1
	}
	low := qs[e.next-1]
	return 1 - (low + (qs[e.next]-low)*(rate-e.below)/(e.value-e.below))
}

// Late is the expected demand in windows that exceed a rate, E[D 1(D > rate)] in
// requests per second for D the highest rate within (At, At+h]: piecewise linear
// through the quantiles, with the rest of the tail up to tailFactor times the
// highest one. What lies below the lowest quantile is not counted.
func (f Forecast) Late(h time.Duration, rate float64) float64 {
	if !f.Known() {
		return math.NaN()
	}
	high, top := f.quantiles[len(f.quantiles)-1], f.Max(h, 1)
	sum := between(high, 1, top, tailFactor*top, rate)
	for i := len(f.quantiles) - 2; i >= 0 && top > rate; i-- {
		v := f.Max(h, f.quantiles[i])
		sum += between(f.quantiles[i], f.quantiles[i+1], v, top, rate)
		top = v
	}
	return sum
}

const tailFactor = 1.1

// between is the integral of D over the part above a rate of one stretch of its
// quantile function, linear from (p, lo) to (q, hi).
func between(p, q, lo, hi, rate float64) float64 {
	if hi <= rate {
		return 0
	}
	if lo < rate {
		p, lo = p+(q-p)*(rate-lo)/(hi-lo), rate
	}
	return (q - p) * (lo + hi) / 2
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

// Grid returns a copy of the forecast's content, a shift included.
func (f Forecast) Grid() Grid {
	g := Grid{
		At: f.at, Level: f.level, Gain: f.gain, Residuals: f.residuals, Seasonal: f.seasonal, Event: f.event,
		Overshoot: f.overshoot,
		Horizons:  append([]time.Duration(nil), f.horizons...),
		Quantiles: append([]float64(nil), f.quantiles...),
		Values:    append([]float64(nil), f.values...),
		Held:      append([]float64(nil), f.held...),
		Floor:     append([]float64(nil), f.floor...),
		Past:      append([]float64(nil), f.past...),
	}
	for i := range g.Values {
		g.Values[i] = math.Max(g.Values[i]+f.shift, 0)
		g.Held[i] = math.Max(g.Held[i]+f.crest, 0)
	}
	return g
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

func (f *Forecast) cell(r, c int) float64 {
	r, c = min(r, len(f.horizons)-1), min(c, len(f.quantiles)-1)
	at := r*len(f.quantiles) + c
	least := 0.0
	if f.floor != nil {
		least = f.floor[at]
	}
	return math.Max(f.values[at]+f.shift, least)
}

// locate finds i and w with x = axis[i]*(1-w) + axis[i+1]*w, clamped to the axis, which is short.
func locate[T time.Duration | float64](axis []T, x T) (int, float64) {
	i := 0
	for i < len(axis) && axis[i] < x {
		i++
	}
	switch i {
	case 0:
		return 0, 0
	case len(axis):
		return i - 1, 0
	}
	return i - 1, (float64(x) - float64(axis[i-1])) / (float64(axis[i]) - float64(axis[i-1]))
}

func mix(a, b, w float64) float64 { return a + (b-a)*w }
