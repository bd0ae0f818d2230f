package rival

import (
	"math"
	"time"

	"github.com/forewarm/forewarm/internal/sim/fluid"
)

// The Predictive HPA: jthomperoo/predictive-horizontal-pod-autoscaler docs/user-guide/models.md (the examples
// there are the shipped values), algorithms/linear_regression, algorithms/holt_winters. It syncs every 15 s,
// predicts from the replica counts that its own HPA rule asked for, takes the larger of rule and prediction
// (decisionType maximum), and the largest of the last 300 s.
const (
	phpaTolerance  = 0.1
	phpaStored     = 6
	phpaLookAhead  = 10 * time.Second
	phpaWindow     = 5 * time.Minute
	winters        = 0.9 // alpha, beta and gamma
	wintersPeriod  = 6
	wintersSeasons = 4
	// wintersLeast observations are needed, else there is no prediction.
	wintersLeast = 10 + 2*(wintersPeriod/2)
)

type phpa struct {
	target  float64
	counts  *recent
	ahead   float64 // look-ahead in ticks
	predict func(counts *recent, ahead float64) (float64, bool)
	down    *highest
}

func newPHPA(share float64, c *fluid.Course, ahead time.Duration, stored int,
	predict func(*recent, float64) (float64, bool),
) fluid.Scaler {
	step := c.Load().Step
	return &phpa{
		target: share * c.World().Replica.Rate, counts: newRecent(stored), predict: predict,
		ahead: ahead.Seconds() / step.Seconds(), down: newHighest(int(phpaWindow/step) + 1),
	}
}

func phpaShipped(share float64, c *fluid.Course) fluid.Scaler {
	return newPHPA(share, c, phpaLookAhead, phpaStored, line)
}

func phpaIntended(share float64, c *fluid.Course) fluid.Scaler {
	return newPHPA(share, c, c.World().WarmUp.Median, phpaStored, line)
}

func phpaWinters(share float64, c *fluid.Course) fluid.Scaler {
	return newPHPA(share, c, 0, wintersPeriod*wintersSeasons, holtWinters)
}

// Decide implements fluid.Scaler.
func (p *phpa) Decide(o *fluid.Observation) int {
	if !o.Known {
		return o.Spec
	}
	n := o.Spec
	if ratio := o.Rate / p.target / float64(max(n, 1)); math.Abs(ratio-1) > phpaTolerance {
		n = int(math.Ceil(o.Rate/p.target - 1e-9))
	}
	p.counts.add(float64(n))
	if v, ok := p.predict(p.counts, p.ahead); ok {
		n = max(n, int(math.Ceil(v-1e-9)))
	}
	return int(p.down.add(float64(n)))
}

// line is the value of the least-squares line through the counts, ahead ticks after the last.
func line(counts *recent, ahead float64) (float64, bool) {
	n := float64(counts.len())
	if n < 2 {
		return 0, false
	}
	var sx, sy, sxx, sxy float64
	for i := range counts.len() {
		x, y := float64(i)-n+1-ahead, counts.at(i) // 0 is the moment asked for
		sx, sy, sxx, sxy = sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	slope := (n*sxy - sx*sy) / (n*sxx - sx*sx)
	return (sy - slope*sx) / n, true
}

// holtWinters is the additive method, one step ahead. The original lets statsmodels estimate the initial
// level, trend and season; here they are the usual heuristic: the mean of the first season, the mean change
// from the first to the second, and the first season's deviations.
func holtWinters(counts *recent, _ float64) (float64, bool) {
	n := counts.len()
	if n < wintersLeast {
		return 0, false
	}
	var first, second float64
	for i := range wintersPeriod {
		first += counts.at(i) / wintersPeriod
		second += counts.at(i+wintersPeriod) / wintersPeriod
	}
	level, trend := first, (second-first)/wintersPeriod
	var season [wintersPeriod]float64
	for i := range season {
		season[i] = counts.at(i) - first
	}
	for i := range n {
		y, s := counts.at(i), season[i%wintersPeriod]
		before := level
		level = winters*(y-s) + (1-winters)*(level+trend)
		trend = winters*(level-before) + (1-winters)*trend
		season[i%wintersPeriod] = winters*(y-level) + (1-winters)*s
	}
	return level + trend + season[n%wintersPeriod], true
}
