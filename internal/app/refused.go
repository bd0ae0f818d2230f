package app

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/policy"
	"github.com/forewarm/forewarm/scaler"
)

// The faults of models that are seen and cannot be watched as they are.
const (
	faultModelRefused = "model-refused"
	faultTargetShared = "target-shared"
)

// refusal is a model that is seen and not watched.
type refusal struct {
	model config.Model
	why   string // a sentence without its full stop
	// claim is the definition that is refused, though another may be taken; nil = the
	// whole model is refused.
	claim *scaler.Claim
}

func (r refusal) id() policy.ModelID {
	return policy.ModelID{Namespace: r.model.Namespace, Name: r.model.Name}
}

// unshared keeps the first of the models that one object serves, and refuses the
// others: replicas of one object cannot be counted for two models. The one that is
// kept carries all of the load, which its own signals do not show; its fault says so.
func unshared(models []config.Model) (kept []config.Model, refused []refusal, shared map[policy.ModelID]policy.Fault) {
	shared = map[policy.ModelID]policy.Fault{}
	first := map[string]config.Model{}
	for _, m := range models {
		owner, what := config.Model{}, ""
		for _, v := range m.Variants {
			if o, ok := first[targetKey(m, v)]; ok {
				owner, what = o, v.Target.Kind+" "+v.Target.Name
				break
			}
		}
		if what == "" {
			for _, v := range m.Variants {
				first[targetKey(m, v)] = m
			}
			kept = append(kept, m)
			continue
		}
		refused = append(refused, refusal{model: m, why: fmt.Sprintf("%s serves %s, too, and one object is sized for one "+
			"model; configure the model that decides, or one object per model", what, owner.Name)})
		id := policy.ModelID{Namespace: owner.Namespace, Name: owner.Name}
		f, ok := shared[id]
		if !ok {
			f = policy.Fault{
				Code: faultTargetShared, Object: owner.Name,
				Text: what + " serves other models, too, whose load is not counted, so nothing is released: " + m.Name,
			}
		} else {
			f.Text += ", " + m.Name
		}
		shared[id] = f
	}
	return kept, refused, shared
}

func targetKey(m config.Model, v config.Variant) string {
	return strings.Join([]string{m.Namespace, v.Target.APIVersion, v.Target.Kind, v.Target.Name}, "\xff")
}

var modelAt = regexp.MustCompile(`models\[(\d+)\]`)

// refusals are the models that the checks refused, each once, with all that is
// wrong. own is how many models the file has: the others have no place in it, so
// they are called by name.
func refusals(models []config.Model, own int, err error) []refusal {
	var list config.Errors
	if !errors.As(err, &list) {
		return nil
	}
	var out []refusal
	for _, m := range models {
		var why []string
		for _, e := range list {
			if e.Field == strings.TrimSpace(string(m.Origin)+" model "+m.Namespace+"/"+m.Name) {
				why = append(why, modelAt.ReplaceAllStringFunc(e.Problem, func(s string) string {
					i, err := strconv.Atoi(modelAt.FindStringSubmatch(s)[1])
					if i -= own; err != nil || i < 0 || i >= len(models) {
						return s
					}
					return models[i].Namespace + "/" + models[i].Name
				}))
			}
		}
		if len(why) > 0 {
			out = append(out, refusal{model: m, why: strings.Join(why, "; ")})
		}
	}
	return out
}

// report is a row that says why there is no recommendation.
func (r refusal) report() ModelReport {
	why := r.why + "."
	m := ModelReport{
		Namespace: r.model.Namespace, Name: r.model.Name, Engine: r.model.Engine, ModelName: r.model.ModelName,
		Source: r.model.Source, Partial: true, Hold: true,
		SLO:     SLOReport{TTFTP95: r.model.SLO.TTFTP95.Std().Seconds(), Attainment: config.DefaultAttainment},
		Signals: []SignalReport{}, Variants: []VariantReport{}, Steps: []StepReport{},
		Assumptions: append([]string{}, r.model.Assumed...),
		Faults:      []Fault{{Code: faultModelRefused, Object: r.model.Name, Text: r.why}},
	}
	for _, v := range r.model.Variants {
		row := VariantReport{
			Name: v.Name, State: StateRefused, Why: why, Product: v.GPUs.Product, CapacityType: string(v.CapacityType),
			Target: TargetRef{APIVersion: v.Target.APIVersion, Kind: v.Target.Kind, Name: v.Target.Name},
		}
		if v.GPUs.PerReplica != nil {
			row.GPUs = *v.GPUs.PerReplica
		}
		m.Variants = append(m.Variants, row)
	}
	return m
}
