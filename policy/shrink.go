package policy

import (
	"math"
	"time"
)

// shrinkShare is the largest share of a model's replicas released in one tick.
const shrinkShare = 0.25

// ruleShrink releases a replica only if no forecast of the last half lead needed
// it (predictor.Forecast.Recent), at a quantile a little above that of an order: what was wanted a
// moment ago is likely wanted again, and a replica that is wanted again before it
// could be warm, with a warm cache, is cheaper kept. This is the whole hysteresis;
// it has no threshold to tune. Least preferred variants go first. Held inputs, an
// SLO being missed, a standing queue, or a process that has not yet watched one
// lead release nothing.
func ruleShrink(d *draft) {
	if d.hold || !d.f.Known() {
		return
	}
	lead := d.lead()
	peak := d.f.Recent().Max(lead, windows(&d.f, d.m.SLO.Attainment, keepShare))
	need := d.need.highest(d.perRequest.scale(peak))
	spare := d.spare(need)
	if total(spare) == 0 || d.keepForNow() {
		return
	}
	watched := time.Duration(0)
	if !d.l.Since.IsZero() {
		watched = d.in.Now.Sub(d.l.Since)
	}
	if watched < lead {
		d.step("keep-just-started", total(d.counts), total(d.counts), [4]float64{watched.Seconds()})
		return
	}
	for i, n := range spare {
		if n > 0 {
			d.variantStep(i, "release", d.counts[i]-n, [4]float64{peak, lead.Seconds(), need.OutputTokens})
		}
	}
}

// keepForNow says that this moment contradicts a release: a replica that was
// ordered on evidence is still loading in its time, the SLO is being missed, or a
// queue stands.
func (d *draft) keepForNow() bool {
	here := total(d.counts)
	for i := range d.m.Variants {
		loading := supplyOf(&d.in, i).loading()
		if n := len(loading); n > 0 && loading[n-1] < warmUp(&d.m.Variants[i], d.l.variant(i), &noSupply) {
			d.step("keep-loading", here, here, [4]float64{float64(n), loading[n-1].Seconds()})
			return true
		}
	}
	if d.in.Signals.late(d.m.SLO) {
		d.step("keep-slo-missed", here, here, [4]float64{d.in.Signals.TTFTP95.Value, d.m.SLO.TTFTP95.Seconds()})
		return true
	}
	if waiting, running := d.census.queued, d.census.running; standing(waiting, running) {
		d.step("keep-queue", here, here, [4]float64{waiting, running})
		return true
	}
	return false
}

// covered says whether replicas of variant i need not be kept: what is left of all
// variants carries a need, with colder caches. Starved ones do not count, and are
// kept for as long as they would be needed if they came, without what stands in.
func (d *draft) covered(left []int, i int, need Work) bool {
	if d.starved(i) > 0 && !covered(d.caps, d.preferred(left, i), need) {
		return false
	}
	return covered(d.caps, d.usable(left), need) && d.coveredColder(left, need)
}

// preferred are the counts of variant i and of those that are asked before it.
func (d *draft) preferred(counts []int, i int) []int {
	out := make([]int, len(counts))
	for _, k := range d.order {
		if out[k] = counts[k]; k == i {
			break
		}
	}
	return out
}

// spare is how many replicas per variant can go with the rest still carrying
// need, within the share allowed per tick.
func (d *draft) spare(need Work) []int {
	left := append(d.left[:0], d.counts...)
	d.left, d.spares = left, zeros(d.spares, len(left))
	out := d.spares
	budget := max(1, int(math.Floor(float64(total(left))*shrinkShare)))
	for k := len(d.order) - 1; k >= 0; k-- {
		i := d.order[k]
		for budget > 0 && left[i] > max(d.m.Variants[i].Min, d.floors[i]) && total(left) > 1 {
			left[i]--
			if !d.covered(left, i, need) {
				left[i]++
				break
			}
			out[i]++
			budget--
		}
	}
	return out
}
