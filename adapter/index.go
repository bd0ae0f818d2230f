package adapter

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/forewarm/forewarm/policy"
)

// index is one snapshot, arranged for requests. It is immutable.
type index struct {
	snapshot *policy.Snapshot
	spaces   map[string]*space // by namespace
	engines  map[string]bool
	targets  map[schema.GroupResource]target // kinds that variants scale
}

// space is what one namespace serves.
type space struct {
	models []*served // sorted by name
	pods   []podRef  // sorted by pod, then model
}

// podRef is one pod of one model.
type podRef struct {
	name  string
	pod   *policy.Pod
	model *served
	set   labels.Set // what a metric selector sees
}

// served is one model.
type served struct {
	view     *policy.ModelView
	set      labels.Set // model, engine
	variants []served1
}

// served1 is one variant.
type served1 struct {
	decision *policy.Decision
	set      labels.Set // model, engine, variant
	resource schema.GroupResource
	target   policy.Target
}

// target is a kind of object that can be described.
type target struct{ version, kind string }

// described are the kinds whose objects stand for a model by a selector or by
// their names, and those that variants commonly scale.
var described = map[schema.GroupResource]target{
	{Resource: "services"}:   {"v1", "Service"},
	{Resource: "namespaces"}: {"v1", "Namespace"},
	{Group: "inference.networking.k8s.io", Resource: "inferencepools"}:   {"v1", "InferencePool"},
	{Group: "inference.networking.x-k8s.io", Resource: "inferencepools"}: {"v1alpha2", "InferencePool"},
	{Group: "apps", Resource: "deployments"}:                             {"v1", "Deployment"},
	{Group: "apps", Resource: "statefulsets"}:                            {"v1", "StatefulSet"},
	{Group: "leaderworkerset.x-k8s.io", Resource: "leaderworkersets"}:    {"v1", "LeaderWorkerSet"},
}

var (
	podResource       = schema.GroupResource{Resource: "pods"}
	namespaceResource = schema.GroupResource{Resource: "namespaces"}
)

func newIndex(s *policy.Snapshot) *index {
	x := &index{
		snapshot: s, spaces: map[string]*space{}, engines: map[string]bool{}, targets: map[schema.GroupResource]target{},
	}
	decisions := map[policy.VariantID]*policy.Decision{}
	for i := range s.Plan.Decisions {
		decisions[s.Plan.Decisions[i].ID] = &s.Plan.Decisions[i]
	}
	for i := range s.Models {
		x.add(&s.Models[i], decisions)
	}
	for _, sp := range x.spaces {
		slices.SortFunc(sp.models, func(a, b *served) int { return a.view.Model.ID.Compare(b.view.Model.ID) })
		slices.SortFunc(sp.pods, func(a, b podRef) int {
			return cmp.Or(strings.Compare(a.name, b.name), a.model.view.Model.ID.Compare(b.model.view.Model.ID))
		})
	}
	return x
}

func (x *index) add(v *policy.ModelView, decisions map[policy.VariantID]*policy.Decision) {
	m := &v.Model
	sp := x.spaces[m.ID.Namespace]
	if sp == nil {
		sp = &space{}
		x.spaces[m.ID.Namespace] = sp
	}
	x.engines[m.Engine] = true
	s := &served{view: v, set: labels.Set{"model": m.ID.Name, "engine": m.Engine}}
	sets := map[string]labels.Set{"": s.set}
	for _, one := range m.Variants {
		set := labels.Set{"model": m.ID.Name, "engine": m.Engine, "variant": one.Name}
		gvr, kind := resourceOf(one.Target)
		x.targets[gvr] = kind
		sets[one.Name] = set
		s.variants = append(s.variants, served1{
			decision: decisions[policy.VariantID{Model: m.ID, Variant: one.Name}],
			set:      set, resource: gvr, target: one.Target,
		})
	}
	sp.models = append(sp.models, s)
	for i := range v.Input.Signals.Pods {
		p := &v.Input.Signals.Pods[i]
		sp.pods = append(sp.pods, podRef{name: p.Name, pod: p, model: s, set: sets[p.Variant]})
	}
}

// resourceOf is the plural of a target's kind, as API servers spell it. It is
// guessed from the kind, so that nothing has to be asked.
func resourceOf(t policy.Target) (schema.GroupResource, target) {
	gv, err := schema.ParseGroupVersion(t.APIVersion)
	if err != nil {
		gv = schema.GroupVersion{}
	}
	plural, _ := meta.UnsafeGuessKindToResource(gv.WithKind(t.Kind))
	return plural.GroupResource(), target{gv.Version, t.Kind}
}

// kindOf is the kind of a resource that can be described.
func (x *index) kindOf(gr schema.GroupResource) (target, bool) {
	if t, ok := x.targets[gr]; ok {
		return t, true
	}
	t, ok := described[gr]
	return t, ok
}
