package rival

import (
	"math"
	"math/cmplx"
	"slices"
	"time"

	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/forewarm/forewarm/internal/sim/fluid"
)

// Crane's EffectiveHorizontalPodAutoscaler: gocrane/crane pkg/prediction/dsp/{prediction,estimators,config}.go,
// pkg/prediction/accuracy. Every 12 h it reads 7 days of minutes. Is a day or a week a period of them, it low-passes
// whole periods, and takes the last one, with a margin, for the next. Of its eight estimators the one is used that
// would have foretold the last period best, where too little counts for more. The metric is the highest of the
// prediction over a window, an hour by default; its HPA takes the larger of that and of the present load.
//
// A period is one whose frequency is stronger than those of noise, and whose autocorrelation is a peak. The
// original finds the strength of noise by shuffling; here it is what shuffling tends to.
const (
	craneRefresh  = 12 * time.Hour
	craneHistory  = 7 * 24 * 60 // minutes
	craneWindow   = time.Hour
	craneFloor    = 0.01      // what is predicted where the low-passed signal is not positive
	craneHigh     = 1.0 / 60  // per minute: frequencies up to one per hour are always kept
	craneMost     = 100       // at most so many strongest frequencies are kept beyond those
	craneBeside   = 4 * 60    // minutes around a period within which its autocorrelation must be the highest
	craneNoise    = 4.605     // ln 100: the 99th of 100 shuffles
	craneNoZero   = 1e-3      // a relative error is not computed where the load is less
	craneAmplify  = 0.2231436 // ln 1.25
	craneMinutely = 4         // ticks
)

// craneEstimator is one way to low-pass: at least so many frequencies are kept, of the others those from an
// amplitude on. Amplitudes are in the metric's unit, as in the original.
type craneEstimator struct {
	least          int
	weakest, extra float64
}

func craneEstimators() (out []craneEstimator) {
	for _, base := range []craneEstimator{{3, 1, 0}, {50, 0.05, 0}} {
		for _, margin := range []float64{0.01, 0.10, 0.15, 0.20} {
			base.extra = margin
			out = append(out, base)
		}
	}
	return out
}

// low is the signal without its weak fast parts.
func (e craneEstimator) low(signal []float64) []float64 {
	n := len(signal)
	fft := fourier.NewFFT(n)
	x := fft.Coefficients(nil, signal)
	amplitude := func(k int) float64 { return cmplx.Abs(x[k]) / float64(n) }
	var sorted []float64
	for k := 1; k < n/2; k++ {
		sorted = append(sorted, amplitude(k))
	}
	slices.Sort(sorted)
	slices.Reverse(sorted)
	weakest := max(sorted[min(craneMost, len(sorted))-1], e.weakest)
	if len(sorted) >= e.least {
		weakest = min(weakest, sorted[e.least-1])
	}
	for k := range x {
		if amplitude(k) < weakest && fft.Freq(k) > craneHigh {
			x[k] = 0
		}
	}
	out := fft.Sequence(nil, x)
	for i := range out {
		out[i] /= float64(n)
	}
	return out
}

// next is the coming period.
func (e craneEstimator) next(signal []float64, period int) []float64 {
	low := e.low(signal)
	out := low[len(low)-period:]
	for i, v := range out {
		if v <= 0 {
			v = craneFloor
		}
		out[i] = v * (1 + e.extra)
	}
	return out
}

// craneError is the mean relative error, where falling short by e counts as -ln(1-e)/ln 1.25; where the load
// comes near zero, the mean absolute error.
func craneError(actual, predicted []float64) float64 {
	relative, absolute := 0.0, 0.0
	for i, a := range actual {
		absolute += math.Abs(a - predicted[i])
		switch {
		case a < craneNoZero:
			relative = math.NaN()
		case predicted[i] < a:
			relative += -math.Log(1-(a-predicted[i])/a) / craneAmplify
		default:
			relative += (predicted[i] - a) / a
		}
	}
	if math.IsNaN(relative) {
		return absolute / float64(len(actual))
	}
	return relative / float64(len(actual))
}

// craneNext is what the coming period is predicted to be, minute by minute; nil if there is no period.
func craneNext(signal []float64) []float64 {
	period := 0
	for _, p := range []int{24 * 60, 7 * 24 * 60} {
		if cranePeriodic(signal, p) {
			period = p
			break
		}
	}
	cycles := 0
	if period > 0 {
		cycles = len(signal) / period
	}
	if cycles < 2 {
		return nil
	}
	signal = signal[len(signal)-cycles*period:]
	last := len(signal) - period
	best, least := craneEstimator{}, math.Inf(1)
	for _, e := range craneEstimators() {
		if miss := craneError(signal[last:], e.next(signal[:last], period)); miss < least {
			best, least = e, miss
		}
	}
	return best.next(signal, period)
}

// cranePeriodic says whether a signal repeats after some minutes.
func cranePeriodic(signal []float64, period int) bool {
	cycles := len(signal) / period
	if cycles < 2 {
		return false
	}
	signal = slices.Clone(signal[len(signal)-cycles*period:])
	n, mean, power := len(signal), 0.0, 0.0
	for _, v := range signal {
		mean += v / float64(n)
	}
	for i := range signal {
		signal[i] -= mean
		power += signal[i] * signal[i]
	}
	fft := fourier.NewFFT(n)
	x := fft.Coefficients(nil, signal)
	at := cmplx.Abs(x[cycles])
	if power == 0 || at*at < power*(math.Log(float64(n)/2)+craneNoise) {
		return false
	}
	for k := range x {
		x[k] *= cmplx.Conj(x[k])
	}
	acf := fft.Sequence(nil, x)
	beside := min(craneBeside, period/2)
	top := slices.Max(acf[period-beside : min(period+beside+1, n)])
	return acf[period] >= top*(1-1e-9)
}

// cranePlans are the predictions of one course. They depend on its load only, so its runs share them.
type cranePlans struct {
	c    *fluid.Course
	made map[int][]float64 // by the tick of the refresh
}

// at is the plan made in a tick, from the minutes before it.
func (p *cranePlans) at(tick int) []float64 {
	plan, ok := p.made[tick]
	if ok {
		return plan
	}
	rate := p.c.Load().Rate
	var minutes []float64
	for from := max(tick%craneMinutely, tick-craneHistory*craneMinutely); from+craneMinutely <= tick; from += craneMinutely {
		sum := 0.0
		for _, r := range rate[from : from+craneMinutely] {
			sum += r / craneMinutely
		}
		minutes = append(minutes, sum)
	}
	plan = craneNext(minutes)
	p.made[tick] = plan
	return plan
}

// crane is the HPA on the larger of the present load and of what is predicted.
func crane(c *fluid.Course, window time.Duration) func(share float64) fluid.Scaler {
	plans := &cranePlans{c, map[int][]float64{}}
	step := c.Load().Step
	refresh, ahead := int(craneRefresh/step), int(window/time.Minute)
	return func(share float64) fluid.Scaler {
		return newHPA(share*c.World().Replica.Rate, func(o *fluid.Observation) (float64, bool) {
			made := o.Tick - o.Tick%refresh
			v := o.Rate
			plan := plans.at(made)
			from := (o.Tick - made) / craneMinutely
			for _, p := range plan[min(from, len(plan)):min(from+ahead+1, len(plan))] {
				v = max(v, p)
			}
			return v, o.Known
		})
	}
}

func craneShipped(c *fluid.Course) func(float64) fluid.Scaler { return crane(c, craneWindow) }

// craneAhead looks as far as a replica takes to warm up, and two minutes more: what an operator would set.
func craneAhead(c *fluid.Course) func(float64) fluid.Scaler {
	return crane(c, c.World().WarmUp.Median+2*time.Minute)
}
