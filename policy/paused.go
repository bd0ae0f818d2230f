package policy

import "slices"

// stay binds each variant whose autoscaler is told to do less to the replicas that it
// will have, so that the plan counts on what will be and not on what would be right:
// GPUs of a budget that one which cannot move would get are for others. Unknown
// replicas keep their bounds.
func stay(variants []Variant, in *Input) []Variant {
	if !slices.ContainsFunc(variants, Variant.tied) {
		return variants
	}
	out := slices.Clone(variants)
	for i := range out {
		out[i].tie(supplyOf(in, i))
	}
	return out
}

func (v Variant) tied() bool { return v.Paused || v.NoRaise || v.NoLower || v.Awake }

// tie narrows the bounds of one variant. The maximum binds a variant that may not be
// lowered, too: the HPA enforces it in any case.
func (v *Variant) tie(s *Supply) {
	if v.Awake {
		v.Min = min(max(v.Min, 1), v.Max)
	}
	switch {
	case !s.Known:
	case v.Paused:
		v.Min, v.Max = s.Spec, s.Spec
	default:
		if v.NoRaise {
			v.Max = min(v.Max, s.Spec)
			v.Min = min(v.Min, v.Max)
		}
		if v.NoLower && s.Spec > 0 {
			v.Min, v.Awake = max(v.Min, min(s.Spec, v.Max)), true
		}
	}
}

// stuck says that a variant has replicas that nobody may take: the model cannot go to
// zero.
func (d *draft) stuck() bool {
	return slices.ContainsFunc(d.m.Variants, func(v Variant) bool { return (v.Paused || v.Awake) && v.Min > 0 })
}
