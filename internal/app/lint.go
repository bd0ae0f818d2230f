package app

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/lint"
)

// LintInput is what rules are told of Forewarm, before any object is read.
func LintInput() lint.Input { return lint.Input{Served: Served, Refused: refusedKeys} }

// LintModels tells rules of the models: those of a configuration, if there is one, and those that the ScaledObjects which
// were read define. They are all there are only if the configuration names any; otherwise more are found from metrics.
func LintModels(in *lint.Input, cfg *config.Config) {
	objects := scaledObjects(in.Scaled)
	models, refused := config.InlineModels(objects, Catalog())
	for _, r := range refused {
		in.Clashes = append(in.Clashes, lint.Clash{
			Namespace: r.Model.Namespace, Name: r.Object, Text: strings.TrimPrefix(r.Why, "ScaledObject "+r.Object+": "),
		})
	}
	in.Clashes = append(in.Clashes, defined(objects, cfg)...)
	reg, _ := config.FromModels(cfg, models, Catalog()) // without those that are refused
	if reg == nil && cfg != nil {
		reg = config.NewRegistry(cfg)
	}
	if reg != nil {
		in.Models, in.Budgets = reg.Models(), reg.Budgets
	}
	in.Complete = cfg != nil && len(cfg.Models) > 0
}

// defined are the ScaledObjects that define a model which the configuration has under the same name.
func defined(objects []config.ScaledObject, cfg *config.Config) []lint.Clash {
	if cfg == nil {
		return nil
	}
	var out []lint.Clash
	for _, o := range objects {
		for _, metadata := range o.Triggers {
			name := cmp.Or(metadata["model"], o.Name)
			if metadata["engine"] != "" && slices.ContainsFunc(cfg.Models, func(m config.Model) bool {
				return m.Namespace == o.Namespace && m.Name == name
			}) {
				out = append(out, lint.Clash{
					Namespace: o.Namespace, Name: o.Name, Text: "the configuration has a model " + name + ": name it, without a definition",
				})
			}
		}
	}
	return out
}

// scaledObjects are ScaledObjects as the configuration reads them.
func scaledObjects(scaled []lint.Scaled) []config.ScaledObject {
	out := make([]config.ScaledObject, len(scaled))
	for i, s := range scaled {
		out[i] = config.ScaledObject{
			Namespace: s.Namespace, Name: s.Name, APIVersion: s.Spec.ScaleTargetRef.APIVersion,
			Kind: s.Spec.ScaleTargetRef.Kind, Target: s.Spec.ScaleTargetRef.Name,
			Min: s.Min(), Max: s.Max(), Idle: s.Idle(), Triggers: s.External(),
		}
	}
	return out
}

// refusedKeys are what ParseTrigger does not take.
func refusedKeys(object string, metadata map[string]string) []lint.Problem {
	_, err := config.ParseTrigger(object, metadata, Catalog())
	var list config.Errors
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &list):
		return []lint.Problem{{Text: err.Error()}}
	}
	out := make([]lint.Problem, len(list))
	for i, e := range list {
		out[i] = lint.Problem{Key: e.Field, Text: e.Problem}
	}
	return out
}
