package rival

import "math"

// autoregress stands in for Dynamo's default, pmdarima's auto-ARIMA: an ARIMA(p, d, 0) with p up to 3 and d 0 or 1,
// by least AIC, its coefficients by Yule and Walker. Left out are moving-average terms and the likelihood search of
// statsmodels, a library that has no counterpart here; where the best order is (0, d, 0), the same is tried on
// log(1+x), as in the original. Under five points it is the last value.
type autoregress struct{ past *recent }

const (
	arimaLeast  = 5
	arimaOrder  = 3
	arimaWindow = 100 // intervals that are kept
)

func newAutoregress() *autoregress { return &autoregress{newRecent(arimaWindow)} }

func (a *autoregress) next(requests float64) float64 {
	a.past.add(requests)
	n := a.past.len()
	if n < arimaLeast {
		return requests
	}
	y, logs := make([]float64, n), make([]float64, n)
	for i := range y {
		y[i] = a.past.at(i)
		logs[i] = math.Log1p(y[i])
	}
	v, order := forecastAR(y)
	if order == 0 {
		if log, p := forecastAR(logs); p > 0 {
			v = math.Expm1(log)
		}
	}
	return max(v, 0)
}

// forecastAR is the next value of a series and the order that was chosen.
func forecastAR(y []float64) (float64, int) {
	diff := make([]float64, len(y)-1)
	for i := range diff {
		diff[i] = y[i+1] - y[i]
	}
	level := fitAR(y)
	change := fitAR(diff)
	if change.aic < level.aic {
		return y[len(y)-1] + change.next, change.order
	}
	return level.next, level.order
}

type fitted struct {
	next, aic float64
	order     int
}

// fitAR is the autoregression with the least AIC: n ln(variance) + 2 (p+1), by Durbin and Levinson's recursion.
func fitAR(y []float64) fitted {
	n, mean := float64(len(y)), 0.0
	for _, v := range y {
		mean += v / n
	}
	var r [arimaOrder + 1]float64
	for lag := range r {
		for i := lag; i < len(y); i++ {
			r[lag] += (y[i] - mean) * (y[i-lag] - mean) / n
		}
	}
	if r[0] <= 0 {
		return fitted{next: mean, aic: math.Inf(-1)} // it never changed
	}
	variance := r[0]
	var phi [arimaOrder]float64
	best := fitted{next: mean, aic: n*math.Log(variance) + 2}
	for p := 1; p <= min(arimaOrder, len(y)-2); p++ {
		k := r[p]
		for j := range p - 1 {
			k -= phi[j] * r[p-1-j]
		}
		k /= variance
		before := phi
		for j := range p - 1 {
			phi[j] = before[j] - k*before[p-2-j]
		}
		phi[p-1] = k
		if variance *= 1 - k*k; variance <= 0 {
			break
		}
		if aic := n*math.Log(variance) + 2*float64(p+1); aic < best.aic {
			best = fitted{next: mean, aic: aic, order: p}
			for j := range p {
				best.next += phi[j] * (y[len(y)-1-j] - mean)
			}
		}
	}
	return best
}
