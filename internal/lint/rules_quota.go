package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// wish is what an autoscaler may ask for at most of one resource.
type wish struct {
	Ref
	field  string // of its maximum
	target target
	most   int // replicas
	per    int // of the resource, in a replica
}

func (w wish) sum() int { return w.most * w.per }

// maxBeyondQuota: replicas that a quota refuses stay pending, or are never made; whether one autoscaler is beyond it, or
// all of the namespace together are.
func maxBeyondQuota(in *Input) []Finding {
	var out []Finding
	for _, q := range in.Quotas {
		limits := gpuLimits(q)
		for _, resource := range slices.Sorted(maps.Keys(limits)) {
			l, wishes := limits[resource], in.wishes(q.Namespace, resource)
			found := beyond(q, l, wishes)
			if len(found) == 0 {
				found = in.together(q, l, resource, wishes)
			}
			out = append(out, found...)
		}
	}
	return out
}

// beyond are the autoscalers that ask for more than a quota allows each.
func beyond(q Quota, l gpuLimit, wishes []wish) []Finding {
	var out []Finding
	for _, w := range wishes {
		if int64(w.sum()) > l.most {
			out = append(out, w.find(Warning, w.field,
				fmt.Sprintf("%d replicas of %d GPUs are %d, but %s allows %s: %d", w.most, w.per, w.sum(), q.Ref, l.name, l.most),
				fmt.Sprintf("set it to %d, or raise the quota", l.most/int64(w.per))))
		}
	}
	return out
}

// together is what all autoscalers of a quota's namespace ask for at most: of several on one target the highest. Those
// that follow decisions about models of one budget ask for no more than the budget has.
func (in *Input) together(q Quota, l gpuLimit, resource string, wishes []wish) []Finding {
	most := map[target]int{}
	for _, w := range wishes {
		most[w.target] = max(most[w.target], w.sum())
	}
	decided := in.decided()
	budgeted, sum := make([]int, len(in.Budgets)), 0
	var who []string
	for t, n := range most {
		who = append(who, fmt.Sprintf("%s %s %d", t.kind, t.name, n))
		if b := in.budget(t, resource); b >= 0 && decided[t] {
			budgeted[b] += n
		} else {
			sum += n
		}
	}
	for i, n := range budgeted {
		sum += min(n, in.Budgets[i].Limit)
	}
	if int64(sum) <= l.most {
		return nil
	}
	slices.Sort(who)
	return []Finding{q.find(Warning, "spec.hard."+l.name,
		fmt.Sprintf("%d, but the autoscalers of the namespace may ask for %d together (%s): whoever grows last gets nothing",
			l.most, sum, strings.Join(who, ", ")),
		fmt.Sprintf("lower their maxima, raise the quota, or give their models a budget of %d to share", l.most))}
}

// wishes are those of the autoscalers of a namespace for one resource.
func (in *Input) wishes(namespace, resource string) []wish {
	var out []wish
	add := func(w wish) {
		if w.per = in.accelerators(w.target, resource); w.per > 0 && w.Namespace == namespace {
			out = append(out, w)
		}
	}
	for _, h := range in.HPAs {
		add(wish{Ref: h.Ref, field: "spec.maxReplicas", target: h.target(), most: int(h.Spec.MaxReplicas)})
	}
	for _, s := range in.Scaled {
		add(wish{Ref: s.Ref, field: "spec.maxReplicaCount", target: s.target(), most: s.Max()})
	}
	return out
}

// decided are the targets whose autoscaler follows decisions.
func (in *Input) decided() map[target]bool {
	out := map[target]bool{}
	for _, d := range in.deciding() {
		out[d.target] = true
	}
	return out
}

// budget is the place of the budget that a target's accelerators come from; -1 if there is none.
func (in *Input) budget(t target, resource string) int {
	v, ok := in.variant(t)
	for i, b := range in.Budgets {
		if ok && b.Resource == resource && (b.Product == "" || b.Product == v.Product) {
			return i
		}
	}
	return -1
}

// accelerators are those of one resource in a replica of a target; 0 = not known, or none. What only a configuration
// tells of counts as any.
func (in *Input) accelerators(t target, resource string) int {
	if w, ok := in.workload(t); ok {
		return gpusOf(&w.Pod, func(name string) bool { return name == resource }) * w.Pods
	}
	v, _ := in.variant(t)
	return v.GPUs
}

// gpuLimit is what a quota allows of an accelerator, and under which name.
type gpuLimit struct {
	most int64
	name string
}

// gpuLimits are the limits of a quota by accelerator, the lower of requests and limits.
func gpuLimits(q Quota) map[string]gpuLimit {
	out := map[string]gpuLimit{}
	for name, quantity := range q.Hard {
		short := strings.TrimPrefix(strings.TrimPrefix(string(name), "requests."), "limits.")
		have, seen := out[short]
		l := gpuLimit{quantity.Value(), string(name)}
		if accelerator(short) && (!seen || l.most < have.most || l.most == have.most && l.name < have.name) {
			out[short] = l
		}
	}
	return out
}
