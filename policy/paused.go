package policy

import "slices"

// stay binds each paused variant to the replicas it has, so that the plan counts on
// what will be and not on what would be right. Unknown replicas keep their bounds.
func stay(variants []Variant, in *Input) []Variant {
	if !anyPaused(variants) {
		return variants
	}
	out := slices.Clone(variants)
	for i := range out {
		if s := supplyOf(in, i); out[i].Paused && s.Known {
			out[i].Min, out[i].Max = s.Spec, s.Spec
		}
	}
	return out
}

func anyPaused(variants []Variant) bool {
	for i := range variants {
		if variants[i].Paused {
			return true
		}
	}
	return false
}

// stuck says that a paused variant has replicas: the model cannot go to zero.
func (d *draft) stuck() bool {
	return slices.ContainsFunc(d.m.Variants, func(v Variant) bool { return v.Paused && v.Min > 0 })
}
