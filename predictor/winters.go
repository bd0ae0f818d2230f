package predictor

import "math"

// winters is damped additive Holt-Winters smoothing with a daily season of
// minutes (Gardner and McKenzie 1985):
//
//	level  = a(x - season) + (1-a)(level + p trend)
//	trend  = b(level - level') + (1-b) p trend
//	season = g(x - level) + (1-g) season
type winters struct {
	fit    wintersFit
	level  float32
	trend  float32
	season [day]float32
	ready  bool
}

type wintersFit struct{ level, trend, season, damp float32 }

// wintersFits are the parameters that an epoch chooses from.
var wintersFits = func() (out []wintersFit) {
	for _, a := range []float32{0.05, 0.15, 0.4} {
		for _, b := range []float32{0, 0.05} {
			for _, g := range []float32{0.2, 0.5} {
				out = append(out, wintersFit{a, b, g, 0.95})
			}
		}
	}
	return out
}()

func minuteOfDay(number int64) int { return int(((number % int64(day)) + int64(day)) % int64(day)) }

// start begins at a level without a season.
func (w *winters) start(fit wintersFit, level float32) {
	*w = winters{fit: fit, level: level, ready: true}
}

// follow smooths in the bucket of that number.
func (w *winters) follow(number int64, x float32) {
	c := &w.season[minuteOfDay(number)]
	before := w.level
	drift := w.fit.damp * w.trend
	w.level = w.fit.level*(x-*c) + (1-w.fit.level)*(before+drift)
	w.trend = w.fit.trend*(w.level-before) + (1-w.fit.trend)*drift
	*c += w.fit.season * (x - w.level - *c)
}

// ahead is the highest point forecast for the h buckets after number.
func (w *winters) ahead(number int64, h int) float32 {
	best, drift, damp := float32(math.Inf(-1)), float32(0), w.fit.damp
	k := minuteOfDay(number)
	for range h {
		if k++; k == day {
			k = 0
		}
		drift += damp * w.trend
		damp *= w.fit.damp
		best = max(best, w.level+drift+w.season[k])
	}
	return max(best, 0)
}

// train picks the parameters with the least absolute error of the window maximum
// within [from, to) and leaves w at the state after the last bucket; bases gets the
// forecast made after each bucket.
func (w *winters) train(s *series, from, to, h int, bases []float32) {
	best, least := wintersFits[0], math.Inf(1)
	for _, fit := range wintersFits {
		if e := w.try(s, fit, from, to, h); e < least {
			best, least = fit, e
		}
	}
	w.start(best, s.mean[from])
	for i := from; i < to; i++ {
		w.see(s, i)
		bases[i] = w.ahead(s.first+int64(i), h)
	}
}

// see follows bucket i unless it is a gap.
func (w *winters) see(s *series, i int) {
	if s.whole(i, i+1) {
		w.follow(s.first+int64(i), s.mean[i])
	}
}

// try sums the absolute errors of one set of parameters at every eighth bucket of
// the second half.
func (w *winters) try(s *series, fit wintersFit, from, to, h int) float64 {
	w.start(fit, s.mean[from])
	sum := 0.0
	for i := from; i < to; i++ {
		w.see(s, i)
		if 2*i > from+to && i%8 == 0 && i+h < to {
			sum += math.Abs(float64(w.ahead(s.first+int64(i), h) - s.ahead(i, h)))
		}
	}
	return sum
}
