package app

import (
	"errors"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/lint"
)

// LintInput is what rules are told of Forewarm, before any object is read.
func LintInput() lint.Input { return lint.Input{Served: Served, Refused: refusedKeys} }

// LintModels tells rules of the models: those of a configuration, if there is one, and those that the ScaledObjects which
// were read define. They are all there are only if the configuration names any; otherwise more are found from metrics.
func LintModels(in *lint.Input, cfg *config.Config) {
	models, _ := config.InlineModels(scaledObjects(in.Scaled), Catalog())
	reg, _ := config.FromModels(cfg, models, Catalog()) // without those that are refused
	if reg == nil && cfg != nil {
		reg = config.NewRegistry(cfg)
	}
	if reg != nil {
		in.Models, in.Budgets = reg.Models(), reg.Budgets
	}
	in.Complete = cfg != nil && len(cfg.Models) > 0
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
