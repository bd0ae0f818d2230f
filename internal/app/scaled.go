package app

import (
	"cmp"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/fleet"
	"github.com/forewarm/forewarm/policy"
	"github.com/forewarm/forewarm/scaler"
)

// ScaledObjects is what KEDA was asked to scale; *fleet.ScaledObjects watches it.
type ScaledObjects interface {
	List() ([]fleet.ScaledObject, error)
	Err() error      // that of List, without the list
	Version() uint64 // changes with every change of List
}

// scaled reads ScaledObjects into models, and remembers why some are not watched.
type scaled struct {
	source   ScaledObjects // nil = not watched
	noInline bool          // only bounds are read
	taken    uint64        // version of what was read last
	told     atomic.Pointer[told]
}

// told is what callers are told of what was read last; it is not written to.
type told struct {
	reasons map[policy.ModelID]string // why models are not watched
	claims  map[scaler.Claim]claimed
}

// claimed is what became of a definition: the target of the variant, or why it is not taken.
type claimed struct {
	target policy.Target
	why    string
}

// read is what the ScaledObjects say now: bounds, models, and what is malformed.
func (s *scaled) read() ([]config.ScaledObject, []config.Model, []refusal) {
	if s.source == nil {
		return nil, nil, nil
	}
	s.taken = s.source.Version()
	list, _ := s.source.List() // the error is told by claimed, and by fault
	objects := make([]config.ScaledObject, len(list))
	for i, o := range list {
		objects[i] = config.ScaledObject(o)
	}
	slices.SortFunc(objects, func(x, y config.ScaledObject) int { // every replica of ours takes them alike
		return cmp.Or(cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Name, y.Name))
	})
	if s.noInline {
		return objects, nil, nil
	}
	models, refused := config.InlineModels(objects, Catalog())
	var malformed []refusal
	for _, r := range refused {
		malformed = append(malformed, refusal{
			model: config.Model{Namespace: r.Model.Namespace, Name: r.Model.Name, Origin: config.FromScaledObject},
			why:   r.Why, claim: &scaler.Claim{
				Namespace: r.Model.Namespace, Object: r.Object, Model: r.Model.Name, Variant: r.Variant,
			},
		})
	}
	return objects, models, malformed
}

// changed says whether there is something new to read.
func (s *scaled) changed() bool { return s.source != nil && s.source.Version() != s.taken }

// explain keeps what became of the definitions, and why models are not in the registry.
func (s *scaled) explain(inline []config.Model, refused []refusal, reg *config.Registry) {
	t := &told{reasons: map[policy.ModelID]string{}, claims: map[scaler.Claim]claimed{}}
	for _, m := range inline {
		t.reasons[policy.ModelID{Namespace: m.Namespace, Name: m.Name}] = "the configuration file serves the same series: " +
			"name its model in the metadata, without a definition"
	}
	for _, r := range refused {
		if r.claim == nil {
			t.reasons[r.id()] = r.why
		}
	}
	for _, m := range inline {
		t.claim(m, reg)
	}
	for _, r := range refused {
		if r.claim != nil { // after the models: of two definitions in one ScaledObject that differ, none counts
			t.claims[*r.claim], t.reasons[r.id()] = claimed{why: r.why}, r.why
		}
	}
	for _, e := range reg.Entries {
		delete(t.reasons, e.Model.ID)
	}
	s.told.Store(t)
}

// claim keeps who defines a model, and its target or why it is not watched. A model
// of that name in the registry is this one only if it is a ScaledObject's.
func (t *told) claim(m config.Model, reg *config.Registry) {
	id := policy.ModelID{Namespace: m.Namespace, Name: m.Name}
	e, watched := reg.Find(id)
	for _, v := range m.Variants {
		c := claimed{target: policy.Target{APIVersion: v.Target.APIVersion, Kind: v.Target.Kind, Name: v.Target.Name}}
		if !watched || e.Origin != config.FromScaledObject {
			c = claimed{why: t.reasons[id]}
		}
		for _, object := range v.Definers {
			t.claims[scaler.Claim{Namespace: m.Namespace, Object: object, Model: m.Name, Variant: v.Name}] = c
		}
	}
}

// missing says why a model is not watched, if that is known.
func (s *scaled) missing(id policy.ModelID) string {
	if t := s.told.Load(); t != nil {
		return t.reasons[id]
	}
	return ""
}

// claimed says what became of a definition, if it was seen.
func (s *scaled) claimed(c scaler.Claim) (policy.Target, string) {
	if s.source == nil || s.noInline {
		return policy.Target{}, "ScaledObjects may not define models here, only name those that are configured or found"
	}
	if t := s.told.Load(); t != nil {
		if known, ok := t.claims[c]; ok {
			return known.target, known.why
		}
	}
	if err := s.source.Err(); err != nil {
		return policy.Target{}, fmt.Sprintf("what ScaledObjects define is not known: %v", err)
	}
	return policy.Target{}, ""
}

// fault is what the whole report says of ScaledObjects that cannot be read.
func (s *scaled) fault() []policy.Fault {
	if s.source == nil {
		return nil
	}
	if err := s.source.Err(); err != nil {
		return []policy.Fault{{
			Code: faultScaledObjects, Text: fmt.Sprintf("ScaledObjects cannot be read (%v); only configured models are "+
				"served to KEDA, and its bounds are not known", err),
		}}
	}
	return nil
}

// faultScaledObjects says that KEDA's objects cannot be read.
const faultScaledObjects = "scaledobjects-unread"

// without leaves out found models that are defined: those with the same name, the
// same series, or the same target.
func without(found, defined []config.Model) []config.Model {
	return slices.DeleteFunc(found, func(f config.Model) bool {
		return slices.ContainsFunc(defined, func(d config.Model) bool {
			series := f.Engine == d.Engine && (f.ModelName == d.ModelName || d.ModelName == "")
			return f.Namespace == d.Namespace && (f.Name == d.Name || series)
		})
	})
}

// newIn are the models of a registry that another has not.
func newIn(old, reg *config.Registry) []policy.ModelID {
	var out []policy.ModelID
	for _, e := range reg.Entries {
		if _, ok := old.Find(e.Model.ID); !ok {
			out = append(out, e.Model.ID)
		}
	}
	return out
}
