package adapter

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// resolve says what an object stands for:
//
//   - a scale target: its variant;
//   - a Namespace: every model in it that the metric selector means;
//   - a Service, an InferencePool: the model that the metric selector means; without
//     one the model that is called like it, or scales an object called like it, or
//     else the only model of the namespace.
//
// Nothing is asked of the cluster, so an object that does not exist stands for what
// its name says. At zero replicas the answer is the same as at ten.
func (x *index) resolve(
	name types.NamespacedName, gr schema.GroupResource, m asked, sel labels.Selector,
) ([]scope, error) {
	if gr == namespaceResource {
		name = types.NamespacedName{Namespace: name.Name}
	}
	sp := x.spaces[name.Namespace]
	if sp == nil {
		return nil, refuse(http.StatusNotFound, "no model is served in namespace %s", name.Namespace)
	}
	scopes := sp.targets(gr, name.Name)
	exact := len(scopes) > 0
	switch {
	case !exact && x.onlyScaled(gr):
		return nil, refuse(http.StatusNotFound, "no variant scales %s %s: %s", gr, name, sp.scales(gr))
	case !exact:
		scopes = sp.meant(gr, name.Name, sel)
	}
	scopes = slices.DeleteFunc(scopes, func(sc scope) bool { return !m.of(sc.model.view.Model.Engine) })
	scopes = selected(scopes, m, sel)
	if len(scopes) == 0 {
		return nil, refuse(http.StatusNotFound, "no model in namespace %s matches: %s", name.Namespace, sp.names())
	}
	if exact || gr == namespaceResource || len(scopes) == 1 {
		return scopes, nil
	}
	if scopes = sp.called(scopes, name.Name); !sameModel(scopes) {
		return nil, refuse(http.StatusNotFound,
			"%s %s stands for several models: add a metric selector; %s", gr, name, sp.names())
	}
	return scopes, nil
}

// onlyScaled says whether objects of a kind stand for what scales them and nothing
// else.
func (x *index) onlyScaled(gr schema.GroupResource) bool {
	if gr.Group == "apps" || gr.Group == "leaderworkerset.x-k8s.io" {
		return true
	}
	_, target := x.targets[gr]
	_, listed := described[gr]
	return target && !listed
}

// meant is the models that an object without a scale may stand for. Without a selector its name is the first to say,
// even if the model of that name has no such metric.
func (sp *space) meant(gr schema.GroupResource, name string, sel labels.Selector) []scope {
	if gr == namespaceResource || sel != nil && !sel.Empty() {
		return sp.whole()
	}
	return sp.called(sp.whole(), name)
}

// whole is every model of a namespace.
func (sp *space) whole() []scope {
	out := make([]scope, len(sp.models))
	for i, m := range sp.models {
		out[i] = scope{m, -1}
	}
	return out
}

// targets are the variants that scale an object.
func (sp *space) targets(gr schema.GroupResource, name string) []scope {
	var out []scope
	for _, m := range sp.models {
		for i, v := range m.variants {
			if v.resource == gr && v.target.Name == name {
				out = append(out, scope{m, i})
			}
		}
	}
	return out
}

// selected is what a metric selector means of some scopes: models, else variants of
// theirs.
func selected(scopes []scope, m asked, sel labels.Selector) []scope {
	if sel == nil || sel.Empty() {
		return scopes
	}
	var out []scope
	for _, sc := range scopes {
		if sc.variant >= 0 {
			if sel.Matches(sc.model.variants[sc.variant].set) {
				out = append(out, sc)
			}
			continue
		}
		if m.metric.name != Desired && sel.Matches(sc.model.set) {
			out = append(out, sc)
			continue
		}
		for i, v := range sc.model.variants {
			if sel.Matches(v.set) {
				out = append(out, scope{sc.model, i})
			}
		}
	}
	return out
}

// called prefers the model of a name, or that of a scale target of that name.
func (sp *space) called(scopes []scope, name string) []scope {
	by := func(fits func(scope) bool) []scope {
		return slices.DeleteFunc(slices.Clone(scopes), func(sc scope) bool { return !fits(sc) })
	}
	if out := by(func(sc scope) bool { return sc.model.view.Model.ID.Name == name }); len(out) > 0 {
		return out
	}
	out := by(func(sc scope) bool {
		return slices.ContainsFunc(sc.model.variants, func(v served1) bool { return v.target.Name == name })
	})
	if len(out) > 0 {
		return out
	}
	return scopes
}

func sameModel(scopes []scope) bool {
	for _, sc := range scopes {
		if sc.model != scopes[0].model {
			return false
		}
	}
	return true
}

// scales lists the targets of one kind in a message.
func (sp *space) scales(gr schema.GroupResource) string {
	names := sp.targetNames(gr)
	if len(names) == 0 {
		return fmt.Sprintf("none is scaled here; %s", sp.names())
	}
	return "scaled here: " + strings.Join(names, ", ")
}

func (sp *space) targetNames(gr schema.GroupResource) []string {
	var names []string
	for _, m := range sp.models {
		for _, v := range m.variants {
			if v.resource == gr {
				names = append(names, v.target.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// named are the scale targets of one kind in a namespace.
func (x *index) named(namespace string, gr schema.GroupResource) []string {
	sp := x.spaces[namespace]
	if sp == nil {
		return nil
	}
	return sp.targetNames(gr)
}

// resources are the kinds that can be described, sorted.
func (x *index) resources() []schema.GroupResource {
	set := map[schema.GroupResource]bool{}
	for gr := range described {
		set[gr] = true
	}
	for gr := range x.targets {
		set[gr] = true
	}
	out := make([]schema.GroupResource, 0, len(set))
	for gr := range set {
		out = append(out, gr)
	}
	slices.SortFunc(out, func(a, b schema.GroupResource) int {
		return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.Resource, b.Resource))
	})
	return out
}
