package fleet

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// sketch is what is kept of a pod: of some 8 KB some 500 B. The metadata have what identifies it, and nothing else.
type sketch struct {
	metav1.PartialObjectMetadata
	labels    labels.Set
	created   time.Time
	leaving   bool // it is being deleted
	ended     bool // it succeeded or failed
	restarted bool
	ready     transition
	scheduled transition
}

// transition is a pod's condition, and when it became what it is; zero = not told.
type transition struct {
	is    bool
	since time.Time
}

func sketchOf(p *corev1.Pod) *sketch {
	out := &sketch{
		labels: p.Labels, created: p.CreationTimestamp.Time, leaving: p.DeletionTimestamp != nil,
		ended:     p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed,
		restarted: restarted(p), ready: condition(p, corev1.PodReady), scheduled: condition(p, corev1.PodScheduled),
	}
	out.ObjectMeta = metav1.ObjectMeta{
		Name: p.Name, Namespace: p.Namespace, UID: p.UID, ResourceVersion: p.ResourceVersion,
	}
	return out
}

// sketched is the transform of watched pods.
func sketched(o any) (any, error) {
	if p, ok := o.(*corev1.Pod); ok {
		return sketchOf(p), nil
	}
	return o, nil
}

func restarted(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool {
		return c.RestartCount > 0
	})
}

func condition(p *corev1.Pod, kind corev1.PodConditionType) transition {
	for _, c := range p.Status.Conditions {
		if c.Type == kind {
			return transition{c.Status == corev1.ConditionTrue, c.LastTransitionTime.Time}
		}
	}
	return transition{}
}

// herd is the pods of a namespace. It finds those of a selector by the rarest of the labels that the selector fixes, so
// that a thousand targets do not each look at every pod.
type herd struct {
	all     []*sketch
	byLabel map[string]map[string][]*sketch // of the keys that were asked for
}

func newHerd(all []*sketch) *herd { return &herd{all: all, byLabel: map[string]map[string][]*sketch{}} }

// of is the pods that a selector means.
func (h *herd) of(selector labels.Selector) []*sketch {
	least := h.all
	requirements, _ := selector.Requirements()
	for _, r := range requirements {
		if value, fixed := selector.RequiresExactMatch(r.Key()); fixed {
			if some := h.with(r.Key())[value]; len(some) < len(least) {
				least = some
			}
		}
	}
	var out []*sketch
	for _, p := range least {
		if selector.Matches(p.labels) {
			out = append(out, p)
		}
	}
	return out
}

// with groups the pods by a label.
func (h *herd) with(key string) map[string][]*sketch {
	if got, ok := h.byLabel[key]; ok {
		return got
	}
	out := map[string][]*sketch{}
	for _, p := range h.all {
		if value, ok := p.labels[key]; ok {
			out[value] = append(out[value], p)
		}
	}
	h.byLabel[key] = out
	return out
}
