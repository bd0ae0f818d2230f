package app

import (
	"fmt"
	"slices"
	"strings"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/signals"
	"github.com/forewarm/forewarm/policy"
)

// assumptions are what a model's recommendation rests on and nobody measured:
// what discovery could not know, replicas counted from pods, and priors.
func assumptions(v policy.ModelView, c config.Entry) []string {
	out := append([]string{}, c.Assumed...)
	for _, f := range v.Input.Faults {
		if text := sentenceOf(f.Text); f.Code == signals.FaultSupplyAssumed && !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	for i, pv := range v.Model.Variants {
		if s := capacityAssumed(v, i); s != "" {
			out = append(out, s)
		}
		learned := i < len(v.Learned.Variants) && len(v.Learned.Variants[i].WarmUps) > 0
		if !pv.WarmUpFixed && !learned && pv.WarmUp == config.DefaultWarmUp {
			out = append(out, fmt.Sprintf("Warm-up of %s is assumed: %s (a prior; configure warmUp or let it be measured).",
				pv.Name, config.Duration(pv.WarmUp)))
		}
	}
	return out
}

func capacityAssumed(v policy.ModelView, i int) string {
	c, source := policy.PlanCapacity(v.Model, v.Learned, i)
	if source != policy.CapacityPrior {
		return ""
	}
	what := fmt.Sprintf("%g output tokens/s", c.OutputTokens)
	if c.OutputTokens <= 0 {
		what = fmt.Sprintf("%g requests/s", c.Requests)
	}
	return fmt.Sprintf("Capacity of one replica of %s is assumed: %s (a prior; configure capacity or let it be measured).",
		v.Model.Variants[i].Name, what)
}

// realFaults are those that are no assumption: counting pods is how replicas are
// known without kube-state-metrics, not something that broke.
func realFaults(fs []policy.Fault) []policy.Fault {
	return slices.DeleteFunc(slices.Clone(fs), func(f policy.Fault) bool { return f.Code == signals.FaultSupplyAssumed })
}

// sentenceOf begins with a capital and ends with a full stop.
func sentenceOf(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}
