package policy

import "math"

// ruleLimits clamps to the configured step, to the minimum, while the model is
// awake, and to the maximum. An autoscaler that ignores small differences (an HPA
// before Kubernetes 1.35, whose tolerance of 10 % cannot be turned off) is given the
// least count that it does not ignore,
//
//	floor(asked * (1 + tolerance)) + 1
//
// even where that is more than a step, because a lesser raise would be none. What it
// would ignore on the way down stays as it is: below what is needed, the nearest count
// outside the band would be too few. The maximum is stronger than both: from above it,
//
//	ceil(asked * (1 - tolerance)) - 1
//
// is the most that is obeyed, and the maximum itself is all that is asked where that would be below
// the minimum or zero, or inputs do not allow lowering.
func ruleLimits(d *draft) {
	for i := range d.m.Variants {
		v, s := &d.m.Variants[i], supplyOf(&d.in, i)
		if s.Known && v.StepUp > 0 && d.counts[i] > s.Spec+v.StepUp {
			d.variantStep(i, "limit-step", s.Spec+v.StepUp, [4]float64{float64(v.StepUp)})
		}
		switch n := d.counts[i]; {
		case n < v.Min && !d.asleep:
			d.variantStep(i, "limit-min", v.Min, [4]float64{float64(n), float64(v.Min)})
		case n > v.Max:
			d.variantStep(i, "limit-max", v.Max, [4]float64{float64(n), float64(v.Max)})
		}
		if s.Known && v.Tolerance > 0 {
			d.leaveBand(i, s.Spec)
		}
	}
}

// leaveBand moves a count out of the band that the autoscaler ignores.
func (d *draft) leaveBand(i, asked int) {
	v, n := &d.m.Variants[i], d.counts[i]
	if asked == 0 || n == asked || math.Abs(float64(n)/float64(asked)-1) > v.Tolerance+1e-9 {
		return
	}
	to := asked
	switch {
	case n > asked:
		to = min(int(math.Floor(float64(asked)*(1+v.Tolerance)+1e-9))+1, v.Max)
	case asked > v.Max:
		if to = int(math.Ceil(float64(asked)*(1-v.Tolerance)-1e-9)) - 1; d.hold || to < max(v.Min, 1) {
			to = v.Max
		}
	}
	if to != n {
		d.variantStep(i, "limit-band", to, [4]float64{v.Tolerance, float64(asked)})
	}
}
