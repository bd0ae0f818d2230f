package policy

import (
	"math"
	"time"

	"github.com/forewarm/forewarm/predictor"
)

// Risk says how much an order covers. Both numbers follow from the promised
// attainment; GPU prices cancel, because what is weighed is a replica against the
// requests that it would have served.
type Risk struct {
	// Floor is the share of windows whose peak is covered whatever that costs.
	Floor float64
	// Miss is what a window in which demand exceeds what is ready costs, in
	// replicas paid for nothing per replica of demand: above the floor the n-th
	// replica is ordered iff Miss x n x P(demand exceeds n-1 of them) > 1.
	Miss float64
}

// RiskOf derives the risk from the promised attainment a, about missed requests
// being to idle replicas as 1 to 1-a: at 0.99 nine windows in ten are covered, and
// more where a replica is a small part of the fleet. The factors were chosen on
// recorded loads; see docs/policy.md.
func RiskOf(attainment float64) Risk {
	missed := min(max(1-attainment, 0.0005), 0.05)
	return Risk{Floor: 1 - floorShare*missed, Miss: missShare / missed}
}

const (
	floorShare = 10
	missShare  = 0.01
)

// covers is the demand, in requests per second, that replicas should carry which
// each carry perReplica of it: at least the floor's quantile, and from there
// replica by replica as long as one more is worth it. A higher forecast never
// gives less.
func (r Risk) covers(f predictor.Forecast, h time.Duration, perReplica float64) float64 {
	floor := f.Max(h, r.Floor)
	if perReplica <= 0 || math.IsInf(perReplica, 0) {
		return floor
	}
	n := math.Ceil(floor/perReplica - 1e-9)
	top := f.Max(h, 1)
	for n*perReplica < top && r.Miss*(n+1)*f.Exceed(h, n*perReplica) > 1 {
		n++
	}
	return max(floor, min(n*perReplica, top))
}

// ruleLookAhead makes the order cover the forecast peak until help ordered now
// would be there, as far as the risk says: order layer n iff the expected misses
// that it avoids exceed its cost.
func ruleLookAhead(d *draft) {
	if !d.f.Known() {
		d.step("forecast-none", 0, 0, [4]float64{})
		return
	}
	lead, risk := Lead(d.m, d.l, d.in), RiskOf(d.m.SLO.Attainment)
	peak := risk.covers(d.f, lead, d.perReplica())
	if atZero(d) && d.f.Max(lead, 0.5) <= 0 {
		peak = 0 // spread alone wakes nobody
	}
	d.need = d.need.highest(d.perRequest.scale(peak))
	if usual := d.f.Max(lead, 0.5); usual > riseWorthSaying*d.f.Level() && d.f.Seasonal() {
		d.step("forecast-rise", 0, 0, [4]float64{d.f.Level(), usual, lead.Seconds()})
	}
	d.step("forecast-peak", 0, 0, [4]float64{peak, lead.Seconds(), 1 - d.f.Exceed(lead, peak), float64(d.f.Residuals())})
}

// riseWorthSaying is the least expected growth within one lead that a sentence is
// made of.
const riseWorthSaying = 1.1

// perReplica is how many requests per second one replica of the most preferred
// variant carries; 0 = not known.
func (d *draft) perReplica() float64 {
	if len(d.order) == 0 {
		return 0
	}
	return d.caps[d.order[0]].carries(d.perRequest)
}

// atZero says that nothing is asked for now, and that this is known.
func atZero(d *draft) bool {
	for i := range d.m.Variants {
		if !supplyOf(d.in, i).Known {
			return false
		}
	}
	return total(d.start) == 0
}
