package app

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/fleet"
	"github.com/forewarm/forewarm/policy"
)

// ScaledObjects is what KEDA was asked to scale; *fleet.ScaledObjects watches it.
type ScaledObjects interface {
	List() ([]fleet.ScaledObject, error)
	Version() uint64 // changes with every change of List
}

// scaled reads ScaledObjects into models, and remembers why some are not watched.
type scaled struct {
	source   ScaledObjects // nil = not watched
	noInline bool          // only bounds are read
	taken    uint64        // version of what was read last

	mu      sync.Mutex
	reasons map[policy.ModelID]string
}

// read is what the ScaledObjects say now: bounds, models, and what is malformed.
func (s *scaled) read() ([]config.ScaledObject, []config.Model, []refusal) {
	if s.source == nil {
		return nil, nil, nil
	}
	s.taken = s.source.Version()
	list, _ := s.source.List() // the error is told by missing, and by fault
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
			config.Model{Namespace: r.Model.Namespace, Name: r.Model.Name, Origin: config.FromScaledObject}, r.Why,
		})
	}
	return objects, models, malformed
}

// changed says whether there is something new to read.
func (s *scaled) changed() bool { return s.source != nil && s.source.Version() != s.taken }

// explain keeps why models of ScaledObjects are not in the registry.
func (s *scaled) explain(inline []config.Model, refused []refusal, reg *config.Registry) {
	reasons := map[policy.ModelID]string{}
	for _, m := range inline {
		reasons[policy.ModelID{Namespace: m.Namespace, Name: m.Name}] = "the configuration file serves the same series: " +
			"name its model in the metadata, without a definition"
	}
	for _, r := range refused {
		reasons[r.id()] = r.why
	}
	for _, e := range reg.Entries {
		delete(reasons, e.Model.ID)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reasons = reasons
}

// missing says why a model is not watched, if that is known.
func (s *scaled) missing(id policy.ModelID, inline bool) string {
	s.mu.Lock()
	why := s.reasons[id]
	s.mu.Unlock()
	if why != "" || !inline {
		return why
	}
	if s.source == nil || s.noInline {
		return "ScaledObjects may not define models here, only name those that are configured or found"
	}
	if _, err := s.source.List(); err != nil {
		return fmt.Sprintf("what ScaledObjects define is not known: %v", err)
	}
	return ""
}

// fault is what the whole report says of ScaledObjects that cannot be read.
func (s *scaled) fault() []policy.Fault {
	if s.source == nil {
		return nil
	}
	if _, err := s.source.List(); err != nil {
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
