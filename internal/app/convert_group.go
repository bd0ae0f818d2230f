package app

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/forewarm/forewarm/internal/signals"
)

// alike says whether two queries are of one model, so that one definition stands for both. Where both name it, the name
// decides, and labels may narrow it as long as they do not contradict. Where neither does, it is their labels that tell
// models apart. A gateway's query without any of that is of whatever stands behind it.
func alike(a, b signals.Recognized) bool {
	if differ(a.Engine, b.Engine) || differ(a.Gateway, b.Gateway) || differ(a.Namespace, b.Namespace) {
		return false
	}
	if ofAll(a) || ofAll(b) {
		return true
	}
	if a.ModelName != b.ModelName {
		return false
	}
	if a.ModelName == "" {
		return maps.Equal(a.Matchers, b.Matchers) && slices.Equal(a.Dropped, b.Dropped)
	}
	for name, value := range a.Matchers {
		if other, ok := b.Matchers[name]; ok && other != value {
			return false
		}
	}
	return true
}

func differ(a, b string) bool { return a != "" && b != "" && a != b }

// ofAll is a gateway's query that picks no model.
func ofAll(r signals.Recognized) bool {
	return r.Engine == "" && r.ModelName == "" && len(r.Dropped) == 0
}

// about says in a note what a query is of.
func about(r signals.Recognized) string {
	words := []string{or(r.Engine, r.Gateway)}
	switch {
	case r.ModelName != "":
		words = append(words, r.ModelName)
	case len(r.Dropped)+len(r.Matchers) == 0:
		words = append(words, "without a model")
	}
	for _, name := range slices.Sorted(maps.Keys(r.Matchers)) {
		words = append(words, name+"="+r.Matchers[name])
	}
	if r.ModelName == "" {
		words = append(words, r.Dropped...)
	}
	return strings.Join(words, " ")
}

// asksUs says whether a trigger is one that names a model of Forewarm's, or defines one.
func asksUs(t *yaml.Node) bool {
	kind, metadata := text(t, "type"), field(t, "metadata")
	return (kind == "external" || kind == "external-push") && (text(metadata, "model") != "" || text(metadata, "engine") != "")
}
