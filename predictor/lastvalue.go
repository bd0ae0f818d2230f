package predictor

import (
	"math"
	"sort"
	"time"
)

// MaxLevelAge is how old the newest sample may be for the last value to stand
// for demand now. Beyond it there is no forecast.
const MaxLevelAge = 5 * time.Minute

// minResiduals is how many past errors are needed before the Poisson prior goes.
const minResiduals = 30

// poissonWindow is the window over which the prior assumes the rate was counted.
const poissonWindow = time.Minute

// LastValue forecasts that demand stays where it is, give or take the errors
// that this same rule made over the last Window:
//
//	Max(h, q) = y + s*Q_q{ (M_i(h) - y_i) / s_i },  s = sqrt(y + mean/20)
//
// with y the last rate, M_i(h) the highest rate within h after past minute i,
// and Q_q the conformal rank ceil((n+1)q). Scaling by the square root of the
// level fits counted arrivals (their variance grows with their mean). Until
// minResiduals errors were seen the spread is at least the Poisson one,
// z_q*sqrt(2y/60s). A window that touches a gap is no evidence and is skipped.
type LastValue struct {
	Window time.Duration // how far back errors count; 0 = 24 h
}

// Forecast returns the grid at a moment for ascending horizons; unknown if the
// newest sample is older than MaxLevelAge or lies after at.
func (l LastValue) Forecast(h *History, at time.Time, horizons []time.Duration) Forecast {
	if len(horizons) == 0 || h.seen.IsZero() || at.Before(h.seen) || at.Sub(h.seen) > MaxLevelAge {
		return Forecast{}
	}
	last, peak := h.rates(h.buckets(l.window()))
	y, mean := h.rate, knownMean(last)
	g := Grid{At: at, Level: y, Horizons: horizons, Quantiles: Quantiles}
	for _, d := range horizons {
		k := h.buckets(d)
		errs := residualsOf(last, peak, k, mean)
		for _, q := range Quantiles {
			g.Values = append(g.Values, math.Max(0, y+scale(y, mean)*spread(errs, q)))
		}
		g.Past = append(g.Past, h.past(k))
		g.Residuals = len(errs)
	}
	f, err := NewForecast(g)
	if err != nil {
		return Forecast{} // no grid that fails its own check is ever handed out
	}
	return f
}

func (l LastValue) window() time.Duration {
	if l.Window > 0 {
		return l.Window
	}
	return 24 * time.Hour
}

// scale is the unit that residuals are measured in; never zero.
func scale(y, mean float64) float64 { return math.Sqrt(y+mean/20) + 1e-9 }

// residualsOf returns the sorted scaled errors of the last-value rule for all
// origins whose next k buckets are known and past.
func residualsOf(last, peak []float64, k int, mean float64) []float64 {
	out := make([]float64, 0, len(last))
	most := slidingMax(peak, k)
	for i := 0; i+k < len(last); i++ {
		y, m := last[i], most[i+1]
		if math.IsNaN(y) || math.IsNaN(m) {
			continue
		}
		out = append(out, (m-y)/scale(y, mean))
	}
	sort.Float64s(out)
	return out
}

// slidingMax returns, for each i, the maximum of v[i:i+k]; NaN if the window is
// cut or holds a gap. Monotone queue, one pass from the right.
func slidingMax(v []float64, k int) []float64 {
	out := make([]float64, len(v))
	queue := make([]int, 0, k)
	gap := len(v) // index of the nearest gap to the right
	for i := len(v) - 1; i >= 0; i-- {
		if math.IsNaN(v[i]) {
			gap, queue = i, queue[:0]
		}
		for len(queue) > 0 && !math.IsNaN(v[i]) && v[queue[len(queue)-1]] <= v[i] {
			queue = queue[:len(queue)-1]
		}
		if !math.IsNaN(v[i]) {
			queue = append(queue, i)
		}
		for len(queue) > 0 && queue[0] >= i+k {
			queue = queue[1:]
		}
		if i+k > gap || len(queue) == 0 {
			out[i] = math.NaN()
			continue
		}
		out[i] = v[queue[0]]
	}
	return out
}

// spread is the scaled residual at quantile q.
func spread(sorted []float64, q float64) float64 {
	n := len(sorted)
	prior := normalQuantile(q) * math.Sqrt(2/poissonWindow.Seconds())
	if n == 0 {
		return prior
	}
	v := sorted[min(int(math.Ceil(float64(n+1)*q)), n)-1]
	if n < minResiduals {
		return math.Max(v, prior)
	}
	return v
}

// normalQuantile is the standard normal quantile function.
func normalQuantile(q float64) float64 { return math.Sqrt2 * math.Erfinv(2*q-1) }

func knownMean(v []float64) float64 {
	sum, n := 0.0, 0.0
	for _, x := range v {
		if !math.IsNaN(x) {
			sum, n = sum+x, n+1
		}
	}
	return sum / math.Max(n, 1)
}
