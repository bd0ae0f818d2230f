package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/signals"
)

// found is a model as it was seen: what was seen first stays, what is new is added.
type found struct {
	signals.Found
	model config.Model
}

// placeholder says that no pod was ever heard, so that the variant is invented.
func (f found) placeholder() bool { return len(f.Variants) == 0 }

// remember takes a model that discovery saw.
func (a *App) remember(ctx context.Context, f signals.Found, source string) {
	have, ok := a.models[f.ID]
	switch {
	case !ok:
		a.models[f.ID] = found{f, modelOf(a.shaped(ctx, f), source)}
	case have.model.Source != source:
		a.assumed = append(a.assumed, fmt.Sprintf("%s is on several sources; it is read from %s, not from %s.",
			f.ID, have.model.Source, source))
	case have.placeholder() && len(f.Variants) > 0:
		a.models[f.ID] = found{f, modelOf(a.shaped(ctx, f), source)}
	default:
		a.models[f.ID] = a.grown(ctx, have, f)
	}
}

// grown is a known model with the variants that it did not have. They come last,
// so that what was learned of the others stays theirs.
func (a *App) grown(ctx context.Context, have found, now signals.Found) found {
	now.Variants = slices.DeleteFunc(slices.Clone(now.Variants), func(v signals.FoundVariant) bool {
		return slices.ContainsFunc(have.Variants, func(k signals.FoundVariant) bool { return same(k, v) })
	})
	if len(now.Variants) == 0 {
		return have
	}
	now.Assumed = slices.DeleteFunc(slices.Clone(now.Assumed), func(s string) bool {
		return slices.Contains(have.model.Assumed, s)
	})
	now = a.shaped(ctx, now)
	have.Variants = append(slices.Clip(have.Variants), now.Variants...)
	have.model.Variants = slices.Clip(have.model.Variants)
	for _, v := range now.Variants {
		have.model.Variants = append(have.model.Variants, variantOf(v))
	}
	have.model.Assumed = append(slices.Clip(have.model.Assumed), now.Assumed...)
	return have
}

// forgetNameless drops models found without a model name once others of the same
// engine and namespace have one: both would claim the same series, and the later
// discovery, which tells more, leaves such pods out with a fault.
func (a *App) forgetNameless() {
	for id, f := range a.models {
		if f.model.ModelName != "" {
			continue
		}
		for _, other := range a.models {
			o, m := other.model, f.model
			job, has := o.Matchers["job"]
			if o.ModelName != "" && o.Source == m.Source && o.Namespace == m.Namespace && o.Engine == m.Engine &&
				(!has || job == m.Matchers["job"]) {
				delete(a.models, id)
				break
			}
		}
	}
}

// same says whether a variant was known before, perhaps under a name that was
// guessed. Bare pods come and go, and one of them stands for those that follow.
func same(known, v signals.FoundVariant) bool {
	if known.Name == v.Name || (known.Kind == "Pod" && v.Kind == "Pod") {
		return true
	}
	return slices.ContainsFunc(v.Pods, func(p string) bool { return slices.Contains(known.Pods, p) })
}

// placeholderText says why the target of a silent model is invented.
func placeholderText(f signals.Found) string {
	const most = 3
	if len(f.Silent) == 0 {
		return fmt.Sprintf("No pod is heard and nothing tells what serves it: Deployment %s is a placeholder.", f.ID.Name)
	}
	shown := strings.Join(f.Silent[:min(len(f.Silent), most)], ", ")
	if more := len(f.Silent) - most; more > 0 {
		shown += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("No pod is heard; last heard were %s: Deployment %s is a placeholder until one is back.", shown,
		f.ID.Name)
}
