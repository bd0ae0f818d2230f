package signals

import (
	"fmt"
	"slices"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// assumedSupply counts the engine pods themselves, where nothing else tells of
// replicas. A pod with fresh series, or whose target is up, is ready. A pod
// stays counted for MaxAge after its last sample, and for as long as its target
// exists though down: it is missing, not gone. Seeing no pod at all proves
// nothing, so supply is then unknown.
func assumedSupply(
	b Binding, seen []policy.Pod, w *Window, at time.Time, opt Options,
) ([]policy.Supply, []string, []policy.Fault) {
	ready := map[string]bool{} // pod -> ready
	age := opt.MaxAge
	for _, p := range seen {
		if a, fresh := freshest(p); fresh {
			ready[p.Name] = true
			age = min(age, a)
		}
	}
	for name, up := range targetsOf(b, w, at, opt) {
		ready[name] = ready[name] || up
	}
	out := make([]policy.Supply, len(b.Variants))
	index := map[string]int{}
	for i, v := range b.Variants {
		out[i].Variant, index[v.Name] = v.Name, i
	}
	expected := make([]string, 0, len(ready))
	for name, up := range ready {
		expected = append(expected, name)
		i, ok := index[variantByName(name, b.Variants)]
		if !ok && len(b.Variants) != 1 {
			continue
		}
		s := &out[i]
		s.Known, s.Assumed, s.Age, s.Spec = true, true, age, s.Spec+1
		if up {
			s.Ready++
		}
	}
	if len(expected) == 0 {
		return out, nil, assumedFaults(b, out)
	}
	slices.Sort(expected)
	return out, expected, assumedFaults(b, out)
}

func assumedFaults(b Binding, supply []policy.Supply) []policy.Fault {
	var faults []policy.Fault
	for i, s := range supply {
		v := b.Variants[i]
		if s.Known {
			faults = append(faults, policy.Fault{
				Code: FaultSupplyAssumed, Signal: "supply", Object: v.Name,
				Text: fmt.Sprintf("no kube-state-metrics: the %d engine pods seen are taken for the replicas of %s;"+
					" scrape kube-state-metrics or give a kubeconfig", s.Spec, v.Name),
			})
			continue
		}
		faults = append(faults, policy.Fault{
			Code: FaultSupplyUnknown, Signal: "supply", Object: v.Name,
			Text: fmt.Sprintf("no kube-state-metrics and no engine pod of %s: replicas are not known;"+
				" scrape kube-state-metrics or give a kubeconfig", v.Name),
		})
	}
	return faults
}

// freshest is the smallest age among what a pod told.
func freshest(p policy.Pod) (time.Duration, bool) {
	var age time.Duration
	found := false
	for _, r := range []policy.Reading{p.Pending, p.Running, p.KV, p.Completions, p.OutputTokens, p.PromptTokens} {
		if r.Known && (!found || r.Age < age) {
			age, found = r.Age, true
		}
	}
	return age, found
}

// targetsOf are the scrape targets that are pods of the binding's variants, by
// name, and whether they are up.
func targetsOf(b Binding, w *Window, at time.Time, opt Options) map[string]bool {
	out := map[string]bool{}
	if b.Labels.Pod == "" {
		return out
	}
	for _, s := range w.Select("up") {
		name := s.Label(b.Labels.Pod)
		last, ok := lastBefore(s, at)
		if name == "" || !ok || at.Sub(last.T) > opt.MaxAge {
			continue
		}
		if l := b.Labels.Namespace; l != "" && s.Label(l) != b.Model.Namespace {
			continue
		}
		if variantByName(name, b.Variants) == "" {
			continue
		}
		out[name] = out[name] || last.V == 1
	}
	return out
}
