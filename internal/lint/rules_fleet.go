package lint

import (
	"fmt"
	"slices"
	"strings"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"github.com/forewarm/forewarm/policy"
)

// foreignZero: an HPA wakes only what it put to sleep itself.
func foreignZero(in *Input) []Finding {
	var out []Finding
	for _, h := range in.HPAs {
		w, ok := in.workload(h.target())
		if !ok || w.Replicas == nil || *w.Replicas != 0 || slept(h) || h.Partial {
			continue
		}
		out = append(out, w.find(Error, "spec.replicas",
			fmt.Sprintf("0, and not by %s: an HPA wakes only what it put to sleep itself (ScalingDisabled)", h.Ref),
			"leave spec.replicas out, or set it to 1 and let the HPA lower it"))
	}
	return out
}

// slept says whether an HPA itself scaled to zero.
func slept(h HPA) bool {
	return slices.ContainsFunc(h.Status.Conditions, func(c autoscalingv2.HorizontalPodAutoscalerCondition) bool {
		return c.Type == "ScaledToZero" && c.Status == corev1.ConditionTrue
	})
}

// twoAutoscalers: each undoes what the other did.
func twoAutoscalers(in *Input) []Finding {
	type scaler struct {
		Ref
		field string
	}
	by := map[target][]scaler{}
	for _, h := range in.HPAs {
		by[h.target()] = append(by[h.target()], scaler{h.Ref, "spec.scaleTargetRef"})
	}
	for _, s := range in.Scaled {
		by[s.target()] = append(by[s.target()], scaler{s.Ref, "spec.scaleTargetRef"})
	}
	var out []Finding
	for t, all := range by {
		slices.SortStableFunc(all, func(a, b scaler) int { return strings.Compare(a.String(), b.String()) })
		for _, s := range all[1:] {
			if s.String() == all[0].String() {
				continue // the same one, in two files
			}
			out = append(out, s.find(Error, s.field,
				fmt.Sprintf("%s is scaled by %s as well: each undoes what the other did", t, all[0].Ref), "keep one of them"))
		}
	}
	return out
}

// cooldownShort: a fleet that sleeps sooner than it wakes pays a warm-up per lull. What follows a decision is inactive
// only when its idle window has passed, which weighs the warm-up already; there a cooldown only adds to it.
func cooldownShort(in *Input) []Finding {
	var out []Finding
	for _, s := range in.Scaled {
		warm, known := in.warmUp(s.target())
		if !s.sleeps() || !known || slices.ContainsFunc(s.Spec.Triggers, Trigger.decides) {
			continue
		}
		cooldown, said := time.Duration(kedaCooldown)*time.Second, ", the default"
		if s.Spec.CooldownPeriod != nil {
			cooldown, said = time.Duration(*s.Spec.CooldownPeriod)*time.Second, ""
		}
		if cooldown < warm {
			out = append(out, s.find(Warning, "spec.cooldownPeriod",
				fmt.Sprintf("want at least the warm-up of %s, got %s%s: a lull shorter than that costs a cold start",
					warm, cooldown, said),
				fmt.Sprintf("set it to %.0f", warm.Seconds())))
		}
	}
	return out
}

// warmUp is the planned warm-up of what a target is a variant of.
func (in *Input) warmUp(t target) (time.Duration, bool) {
	v, ok := in.variant(t)
	return v.WarmUp, ok && v.WarmUp > 0
}

// variant is what a target is scaled for.
func (in *Input) variant(t target) (policy.Variant, bool) {
	for _, m := range in.Models {
		for _, v := range m.Variants {
			if m.ID.Namespace == t.namespace && v.Target.Kind == t.kind && v.Target.Name == t.name {
				return v, true
			}
		}
	}
	return policy.Variant{}, false
}

// fallbackZero: what is unreachable is not idle. Two of KEDA's parts read fallback.replicas (2.21, fallback.go and
// scale_scaledobjects.go): the metrics, where the behavior says what becomes of it, and the executor, which holds a
// target in an outage unless it is 0, whatever the behavior, and otherwise lets a target that may sleep sleep.
func fallbackZero(in *Input) []Finding {
	const remedy = "leave fallback out, then KEDA holds; or give the replicas that serve a usual day"
	var out []Finding
	for _, s := range in.Scaled {
		f := s.Spec.Fallback
		if f == nil || f.Replicas != 0 {
			continue
		}
		switch f.Behavior {
		case "", "static":
			out = append(out, s.find(Error, "spec.fallback.replicas",
				"0: an outage of the metrics takes the whole fleet away", remedy))
		case "currentReplicasIfLower": // the lower of what is there and 0
			out = append(out, s.find(Error, "spec.fallback.replicas",
				"0 is lower than any count, so currentReplicasIfLower takes the whole fleet away in an outage of the metrics",
				remedy))
		default:
			if s.sleeps() {
				out = append(out, s.find(Error, "spec.fallback.replicas",
					"0: KEDA takes a target that may sleep to zero when metrics fail, before behavior "+f.Behavior+" counts", remedy))
			}
		}
	}
	return out
}
