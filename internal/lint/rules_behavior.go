package lint

import (
	"fmt"
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
)

// exactUpTo is the largest fleet for which a tolerance of 10 % swallows nothing:
// a step of one of R replicas is outside it while 1/R > 0.1.
const exactUpTo = 9

// dampedAfter is a stabilisation in seconds that a decision which already waited
// should not be given again.
const dampedAfter = 60

// deciding is an autoscaler that follows decisions.
type deciding struct {
	Ref
	behavior *autoscalingv2.HorizontalPodAutoscalerBehavior
	path     string // of behavior
	max      int
	target   target
}

// deciding are the autoscalers that follow decisions.
func (in *Input) deciding() []deciding {
	var out []deciding
	for _, h := range in.HPAs {
		for _, m := range metricsOf(h) {
			if m.id.Name == desired {
				out = append(out, deciding{h.Ref, h.Spec.Behavior, "spec.behavior", int(h.Spec.MaxReplicas), h.target()})
				break
			}
		}
	}
	for _, s := range in.Scaled {
		for _, t := range s.Spec.Triggers {
			if t.decides() {
				const path = "spec.advanced.horizontalPodAutoscalerConfig.behavior"
				out = append(out, deciding{s.Ref, s.behavior(), path, s.Max(), s.target()})
				break
			}
		}
	}
	return out
}

func (d deciding) rules(up bool) *autoscalingv2.HPAScalingRules {
	switch {
	case d.behavior == nil:
		return nil
	case up:
		return d.behavior.ScaleUp
	}
	return d.behavior.ScaleDown
}

// tolerance: a tenth of a large fleet is several replicas, and an HPA ignores them.
func tolerance(in *Input) []Finding {
	var out []Finding
	for _, d := range in.deciding() {
		if d.max <= exactUpTo {
			continue
		}
		for _, up := range []bool{true, false} {
			name := map[bool]string{true: "scaleUp", false: "scaleDown"}[up]
			r := d.rules(up)
			if r != nil && r.Tolerance != nil && r.Tolerance.IsZero() {
				continue
			}
			got, ratio := "0.1, the default", 0.1
			if r != nil && r.Tolerance != nil {
				ratio = r.Tolerance.AsApproximateFloat64()
				got = fmt.Sprintf("%.3g", ratio)
			}
			out = append(out, d.find(Warning, d.path+"."+name+".tolerance",
				fmt.Sprintf("want 0, got %s: of %d replicas up to %d more or less are ignored",
					got, d.max, int(ratio*float64(d.max))),
				"set it to 0 (Kubernetes 1.35)"))
		}
	}
	return out
}

// doubleDamping: the decision holds its hysteresis already.
func doubleDamping(in *Input) []Finding {
	var out []Finding
	for _, d := range in.deciding() {
		out = append(out, d.window(true, 0)...)
		out = append(out, d.window(false, 300)...)
		out = append(out, d.limits()...)
	}
	return out
}

// window judges a stabilisation window; byDefault is Kubernetes' own in seconds.
func (d deciding) window(up bool, byDefault int32) []Finding {
	name, allowed := "scaleDown", int32(dampedAfter)
	if up {
		name, allowed = "scaleUp", 0
	}
	got, said := byDefault, ", the default"
	if r := d.rules(up); r != nil && r.StabilizationWindowSeconds != nil {
		got, said = *r.StabilizationWindowSeconds, ""
	}
	if got <= allowed {
		return nil
	}
	return []Finding{d.find(Warning, d.path+"."+name+".stabilizationWindowSeconds",
		fmt.Sprintf("want at most %d, got %d%s: the decision has waited already, and waits again", allowed, got, said),
		"set it to 0")}
}

// limits judges scale-up policies: a decision ahead of demand comes late by them.
func (d deciding) limits() []Finding {
	r := d.rules(true)
	if r == nil {
		return nil
	}
	if r.SelectPolicy != nil && *r.SelectPolicy == autoscalingv2.DisabledPolicySelect {
		return []Finding{d.find(Error, d.path+".scaleUp.selectPolicy", "Disabled: nothing is ever added", "remove it")}
	}
	if len(r.Policies) == 0 {
		return nil
	}
	got := d.speed(r)
	if got >= float64(d.max)/2 {
		return nil
	}
	return []Finding{d.find(Warning, d.path+".scaleUp.policies",
		fmt.Sprintf("add at most %.2g replicas per sync, of %d: what is ordered for a burst comes late", got, d.max),
		fmt.Sprintf("allow all of them: {type: Pods, value: %d, periodSeconds: 15}", d.max))}
}

// speed is how many replicas policies add per 15 s, to half of the largest fleet: by
// the fastest of them, or by the slowest if selectPolicy is Min.
func (d deciding) speed(r *autoscalingv2.HPAScalingRules) float64 {
	var each []float64
	for _, p := range r.Policies {
		if p.PeriodSeconds <= 0 {
			continue // the API server refuses it
		}
		v := float64(p.Value) * 15 / float64(p.PeriodSeconds)
		if p.Type == autoscalingv2.PercentScalingPolicy {
			v *= float64(d.max) / 2 / 100
		}
		each = append(each, v)
	}
	switch {
	case len(each) == 0:
		return 0
	case r.SelectPolicy != nil && *r.SelectPolicy == autoscalingv2.MinChangePolicySelect:
		return slices.Min(each)
	}
	return slices.Max(each)
}
