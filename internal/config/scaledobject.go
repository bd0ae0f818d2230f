package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/forewarm/forewarm/policy"
)

// ScaledObject is what of a KEDA ScaledObject concerns us. Internal/fleet reads it.
type ScaledObject struct {
	Namespace, Name  string
	APIVersion, Kind string              // of the scale target
	Target           string              // name of the scale target
	Min, Max         int                 // replicas while active
	Idle             *int                // idleReplicaCount; nil = not given
	Paused           *int                // replicas it is held at; -1 = those it has; nil = not paused
	NoOut, NoIn      bool                // scaling out, or in, is paused
	Forced           bool                // activation is forced: never at zero
	Triggers         []map[string]string // metadata of the triggers of type external and external-push
	Notes            []string            // what is risky about it, as sentences
}

// Refused is a definition of a model's variant in a ScaledObject that is not taken.
type Refused struct {
	Object  string // name of the ScaledObject
	Model   policy.ModelID
	Variant string
	Why     string
}

// target is the scale target with what may be left out.
func (o ScaledObject) target() Target {
	t := Target{APIVersion: o.APIVersion, Kind: o.Kind, Name: o.Target}
	t.fill()
	return t
}

// least is the minimum while the model is awake, and whether zero is allowed.
func (o ScaledObject) least() int {
	if o.Idle != nil {
		return *o.Idle
	}
	return o.Min
}

// InlineModels are the models that ScaledObjects define in their triggers. Several
// that define the same model alike, each with a variant of its own, make one model
// of several variants; the first by name says what the model is.
func InlineModels(objects []ScaledObject, cat Catalog) ([]Model, []Refused) {
	objects = slices.Clone(objects)
	slices.SortFunc(objects, func(a, b ScaledObject) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	var (
		models  []Model
		refused []Refused
	)
	place := map[policy.ModelID]int{}
	for _, o := range objects {
		for _, metadata := range o.Triggers {
			if metadata["engine"] == "" {
				continue
			}
			m, err := o.defines(metadata, cat)
			id := policy.ModelID{Namespace: m.Namespace, Name: m.Name}
			if err != nil {
				refused = append(refused, Refused{
					o.Name, id, cmp.Or(metadata["variant"], DefaultVariant), fmt.Sprintf("ScaledObject %s: %v", o.Name, err),
				})
				continue
			}
			at, seen := place[id]
			if !seen {
				place[id] = len(models)
				models = append(models, m)
			} else if why := models[at].join(m); why != "" {
				refused = append(refused, Refused{
					o.Name, id, m.Variants[0].Name, fmt.Sprintf("ScaledObject %s: %s", o.Name, why),
				})
			}
		}
	}
	return models, refused
}

// defines is the model that one trigger defines. In an error it has a name at least.
func (o ScaledObject) defines(metadata map[string]string, cat Catalog) (Model, error) {
	t, err := ParseTrigger(o.Name, metadata, cat)
	if err != nil {
		return Model{Namespace: o.Namespace, Name: cmp.Or(metadata["model"], o.Name)}, err
	}
	m := t.Define(o.Namespace, o.target(), o.least(), o.Max)
	m.Variants[0].Replicas.Min, m.Variants[0].Definers = new(o.Min), []string{o.Name}
	return m, nil
}

// join adds the variant of a further definition of the same model, or says why not.
// A second trigger of one ScaledObject, for another metric, adds nothing.
func (m *Model) join(more Model) string {
	a, b := *m, more
	a.Variants, b.Variants, a.Assumed, b.Assumed = nil, nil, nil, nil
	if !reflect.DeepEqual(a, b) {
		return "defines " + m.Name + " otherwise than another ScaledObject does: want the same values, or model with only " +
			"the name"
	}
	v := more.Variants[0]
	for i := range m.Variants {
		have := &m.Variants[i]
		switch same := have.Target == v.Target; {
		case have.Name == v.Name && same:
			have.Definers = append(have.Definers, v.Definers...)
			return ""
		case have.Name == v.Name:
			return fmt.Sprintf("variant: %s of %s is defined already, for another target", v.Name, m.Name)
		case same:
			return fmt.Sprintf("variant: %s of %s scales the same target", have.Name, m.Name)
		}
	}
	m.Variants = append(m.Variants, v)
	return ""
}

// Bound narrows each variant to what the ScaledObject of its target allows, as KEDA
// will in any case, and to the replicas it is paused at. Of a discovered model the
// ScaledObject's bounds are the only ones that anybody gave.
func (r *Registry) Bound(objects []ScaledObject) {
	type key struct {
		namespace string
		target    Target
	}
	byTarget := map[key]ScaledObject{}
	for _, o := range objects {
		byTarget[key{o.Namespace, o.target()}] = o
	}
	for i := range r.Entries {
		e := &r.Entries[i]
		for k := range e.Model.Variants {
			if o, ok := byTarget[key{e.Model.ID.Namespace, e.Targets[k]}]; ok {
				e.bound(k, o)
			}
		}
	}
	for _, o := range objects {
		for _, metadata := range o.Triggers {
			r.misdirected(o, metadata)
		}
	}
}

// misdirected warns of a ScaledObject that asks for the replicas of a model's variant and scales something else: the
// answer is then right for an object that nobody scales by it. A raw signal may scale what it likes.
func (r *Registry) misdirected(o ScaledObject, metadata map[string]string) {
	id := policy.ModelID{Namespace: o.Namespace, Name: metadata["model"]}
	i := slices.IndexFunc(r.Entries, func(e Entry) bool { return e.Model.ID == id })
	if metric := metadata["metric"]; i < 0 || metadata["engine"] != "" || metric != "" && metric != MetricDesired {
		return
	}
	e := &r.Entries[i]
	var wanted []string
	for k, v := range e.Model.Variants {
		if name := metadata["variant"]; name != "" && name != v.Name {
			continue
		}
		if e.Targets[k] == o.target() {
			return
		}
		wanted = append(wanted, e.Targets[k].Kind+" "+e.Targets[k].Name)
	}
	if len(wanted) == 0 {
		return // no such variant, which the trigger is told
	}
	t := o.target()
	text := fmt.Sprintf("ScaledObject %s scales %s %s by the replicas of %s, which are those of %s: correct "+
		"scaleTargetRef, model or variant.", o.Name, t.Kind, t.Name, id.Name, strings.Join(wanted, " and "))
	e.Assumed = append(e.Assumed, text)
	r.Warnings = append(r.Warnings, text)
}

// told names the annotations that let KEDA do less than it would.
func (o ScaledObject) told() string {
	return o.each("paused-scale-out", "paused-scale-in", "force-activation")
}

func (o ScaledObject) moves() string {
	return o.each("does not rise", "does not fall", "is never at zero")
}

func (o ScaledObject) each(noOut, noIn, forced string) string {
	var out []string
	for _, one := range []struct {
		on   bool
		text string
	}{{o.NoOut, noOut}, {o.NoIn, noIn}, {o.Forced, forced}} {
		if one.on {
			out = append(out, one.text)
		}
	}
	return strings.Join(out, " and ")
}

func (e *Entry) bound(k int, o ScaledObject) {
	v := &e.Model.Variants[k]
	was := *v
	for _, note := range o.Notes {
		e.Assumed = append(e.Assumed, "ScaledObject "+o.Name+": "+note)
	}
	if e.Origin == FromDiscovery {
		v.Min, v.Max = o.Min, o.Max
	}
	v.Max = min(v.Max, o.Max)
	v.Min = min(max(v.Min, o.Min), v.Max)
	v.Paused = o.Paused != nil
	if v.Paused && *o.Paused >= 0 {
		v.Min, v.Max = *o.Paused, *o.Paused
		e.Assumed = append(e.Assumed, fmt.Sprintf("ScaledObject %s is paused, so %s stays at %d.", o.Name, v.Name, *o.Paused))
		return
	}
	if v.Paused {
		e.Assumed = append(e.Assumed, fmt.Sprintf("ScaledObject %s is paused, so %s stays at the replicas it has.", o.Name,
			v.Name))
		return
	}
	if v.NoRaise, v.NoLower, v.Awake = o.NoOut, o.NoIn, o.Forced; v.NoRaise || v.NoLower || v.Awake {
		e.Assumed = append(e.Assumed, fmt.Sprintf("ScaledObject %s has %s, so %s %s.", o.Name, o.told(), v.Name, o.moves()))
		was.NoRaise, was.NoLower, was.Awake = v.NoRaise, v.NoLower, v.Awake
	}
	if *v != was {
		e.Assumed = append(e.Assumed, fmt.Sprintf("ScaledObject %s allows %d to %d replicas of %s.", o.Name, v.Min, v.Max,
			v.Name))
	}
}
