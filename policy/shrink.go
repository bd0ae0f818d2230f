package policy

import "math"

// shrinkShare is the largest share of a model's replicas released in one tick.
const shrinkShare = 0.25

// ruleShrink releases a replica only if neither the forecast peak nor the
// observed one of the break-even time (Keep) needs it: a replica that is wanted
// again before it could be warm is cheaper kept. Least preferred variants go
// first. Held inputs, an SLO being missed, a standing queue, or a process that has
// not yet watched one lead release nothing.
func ruleShrink(d *draft) {
	if d.hold || !d.f.Known() {
		return
	}
	keep := Keep(d.m, d.l, d.in)
	need, peak := d.need, d.f.Max(keep, orderQuantile)
	if past, ok := d.f.Past(keep); ok {
		peak = max(peak, past)
	}
	need = need.highest(d.perRequest.scale(peak))
	spare := d.spare(need)
	if total(spare) == 0 || d.keepForNow() {
		return
	}
	if watched := d.in.Now.Sub(d.l.Since); watched < Lead(d.m, d.l, d.in) {
		d.step("keep-just-started", total(d.counts), total(d.counts), [4]float64{watched.Seconds()})
		return
	}
	for i, n := range spare {
		if n > 0 {
			d.variantStep(i, "release", d.counts[i]-n, [4]float64{peak, keep.Seconds(), need.OutputTokens})
		}
	}
}

// keepForNow says that users are worse off than promised at this moment: the SLO
// is being missed or a queue stands.
func (d *draft) keepForNow() bool {
	here := total(d.counts)
	if t := d.in.Signals.TTFTP95; t.Known && t.Value > d.m.SLO.TTFTP95.Seconds() {
		d.step("keep-slo-missed", here, here, [4]float64{t.Value, d.m.SLO.TTFTP95.Seconds()})
		return true
	}
	running := 0.0
	for _, p := range d.in.Signals.Pods {
		running += p.Running.Value
	}
	if waiting, _ := pendingRequests(d.in.Signals); standing(waiting, running) {
		d.step("keep-queue", here, here, [4]float64{waiting, running})
		return true
	}
	return false
}

// spare is how many replicas per variant can go with the rest still carrying
// need, within the share allowed per tick.
func (d *draft) spare(need Work) []int {
	left := append([]int(nil), d.counts...)
	out := make([]int, len(left))
	budget := max(1, int(math.Floor(float64(total(left))*shrinkShare)))
	for k := len(d.order) - 1; k >= 0; k-- {
		i := d.order[k]
		for budget > 0 && left[i] > max(d.m.Variants[i].Min, d.floors[i]) && total(left) > 1 {
			left[i]--
			if !covered(d.caps, left, need) {
				left[i]++
				break
			}
			out[i]++
			budget--
		}
	}
	return out
}
