package signals

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/forewarm/forewarm/policy"
)

// FaultModelNameless says that pods beside named models do not say what they serve.
const FaultModelNameless = "model-nameless"

// named leaves out the series without a model name where models of the same
// engine and namespace have one: nothing says whose they are, and a model of all
// of them would claim the series of the named ones.
func (d *discoverer) named(models []*served) []*served {
	nameless := func(m *served) bool {
		return m.model == "" && slices.ContainsFunc(models, func(o *served) bool {
			return o.model != "" && o.preset.Name == m.preset.Name && o.namespace == m.namespace &&
				(o.job == "" || m.job == "" || o.job == m.job)
		})
	}
	var out []*served
	for _, m := range models {
		if !nameless(m) {
			out = append(out, m)
			continue
		}
		pods := d.seen(m)
		shown := strings.Join(pods[:min(len(pods), shownObjects)], ", ")
		if more := len(pods) - shownObjects; more > 0 {
			shown += fmt.Sprintf(" and %d more", more)
		}
		d.out.Faults = append(d.out.Faults, policy.Fault{
			Code: FaultModelNameless, Object: orElse(firstOf(pods), m.namespace),
			Text: fmt.Sprintf("%s in namespace %s: the %s series have no %s, while other pods there have one; "+
				"these pods are left out; give them a model name or configure the models",
				shown, orElse(m.namespace, "default"), m.preset.Name, orElse(d.modelLabel(m.preset), "model label")),
		})
	}
	return out
}

// seen are the pods (or instances) with samples within the look-back, fresh or not.
func (d *discoverer) seen(m *served) []string {
	set := map[string]bool{}
	for _, s := range m.series {
		if name := orElse(label(s, d.opt.Labels.Pod), s.Label("instance")); name != "" {
			set[name] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

func firstOf(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}
