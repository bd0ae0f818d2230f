package signals

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// matcher is one label condition of a selector.
type matcher struct {
	label  string
	values []string // one = equality; several = alternation; none = label absent or empty
	absent bool     // also accept series without the label
}

// String is the matcher as PromQL; values are quoted, never pasted.
func (m matcher) String() string {
	switch {
	case len(m.values) == 0:
		return m.label + `=""`
	case len(m.values) == 1 && !m.absent:
		return m.label + "=" + strconv.Quote(m.values[0])
	}
	quoted := make([]string, 0, len(m.values)+1)
	for _, v := range m.values {
		quoted = append(quoted, regexp.QuoteMeta(v))
	}
	if m.absent {
		quoted = append(quoted, "")
	}
	return m.label + "=~" + strconv.Quote(strings.Join(quoted, "|"))
}

// selector is {__name__=~"a|b",...}; names may hold colons, so the name is
// always a matcher.
func selector(names []string, ms []matcher) string {
	all := append([]matcher{{label: "__name__", values: distinct(names)}}, ms...)
	parts := make([]string, len(all))
	for i, m := range all {
		parts[i] = m.String()
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// over is the selector as a range selector.
func over(sel string, window time.Duration) string { return sel + "[" + promDuration(window) + "]" }

// promDuration is a duration as PromQL writes it, rounded up to milliseconds.
func promDuration(d time.Duration) string {
	if d%time.Second == 0 {
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return fmt.Sprintf("%dms", (d+time.Millisecond-1)/time.Millisecond)
}

// distinct is sorted and without repetitions.
func distinct(in []string) []string {
	out := slices.Clone(in)
	slices.Sort(out)
	return slices.Compact(out)
}

// queryGroup is everything of one engine (or gateway) on one source that is asked for
// with one selector.
type queryGroup struct {
	preset   Preset
	labels   Labels
	bindings []Binding
	extra    []string // matcher keys that single models out, sorted
}

// key names the group in texts and in the density table.
func (g queryGroup) key() string {
	if g.preset.Gateway {
		return "gateway " + g.preset.Name
	}
	return "engine " + g.preset.Name
}

// presetTable are presets beyond the built-in ones, by name.
type presetTable map[string]Preset

// lookup prefers a custom preset over a built-in one of the same name.
func (t presetTable) lookup(name string) (Preset, bool) {
	if p, ok := t[name]; ok {
		return p, true
	}
	return Lookup(name)
}

// engineGroups joins the bindings of one engine with equal label names.
func (t presetTable) engineGroups(bindings []Binding) []queryGroup {
	return groupBy(bindings, func(b Binding) (Preset, Labels, bool) {
		p, ok := t.lookup(b.Engine)
		return p, b.Labels, ok
	})
}

// gatewayGroups joins the bindings behind one kind of gateway.
func (t presetTable) gatewayGroups(bindings []Binding) []queryGroup {
	return groupBy(bindings, func(b Binding) (Preset, Labels, bool) {
		if b.Gateway == nil {
			return Preset{}, Labels{}, false
		}
		p, ok := t.lookup(b.Gateway.Preset)
		return p, Labels{}, ok
	})
}

// groupBy keeps the order of first appearance.
func groupBy(bindings []Binding, of func(Binding) (Preset, Labels, bool)) []queryGroup {
	type key struct {
		name   string
		labels Labels
	}
	at := map[key]int{}
	var out []queryGroup
	for _, b := range bindings {
		p, l, ok := of(b)
		if !ok {
			continue
		}
		k := key{p.Name, l}
		i, seen := at[k]
		if !seen {
			i = len(out)
			at[k] = i
			out = append(out, queryGroup{preset: p, labels: l})
		}
		out[i].bindings = append(out[i].bindings, b)
	}
	for i := range out {
		if !out[i].preset.Gateway {
			out[i].extra = commonKeys(out[i].bindings)
		}
	}
	return out
}

// commonKeys are the matcher labels that every binding has: only those may
// narrow a selector that serves all of them.
func commonKeys(bindings []Binding) []string {
	var out []string
	for k := range bindings[0].Matchers {
		if !slices.ContainsFunc(bindings, func(b Binding) bool { return b.Matchers[k] == "" }) {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// scope narrows an engine's selector: namespaces, common matchers, and what the
// preset needs to avoid double counts.
func (g queryGroup) scope() []matcher {
	if g.preset.Gateway {
		return append(presetScope(g.preset), gatewayScope(g)...)
	}
	var out []matcher
	if ns := g.namespaces(); len(ns) > 0 {
		out = append(out, matcher{label: g.labels.Namespace, values: ns})
	}
	for _, k := range g.extra {
		var values []string
		for _, b := range g.bindings {
			values = append(values, b.Matchers[k])
		}
		out = append(out, matcher{label: k, values: distinct(values)})
	}
	return append(out, presetScope(g.preset)...)
}

// namespaces are those of the bindings; none if the series carry no namespace.
func (g queryGroup) namespaces() []string {
	if g.labels.Namespace == "" {
		return nil
	}
	var out []string
	for _, b := range g.bindings {
		out = append(out, b.Model.Namespace)
	}
	return distinct(out)
}

func presetScope(p Preset) []matcher {
	var out []matcher
	for _, k := range slices.Sorted(maps.Keys(p.Scope)) {
		m := matcher{label: k}
		if v := p.Scope[k]; v != "" {
			m.values = []string{v}
		}
		out = append(out, m)
	}
	return out
}

// gatewayScope keeps series that lack the label, because not every series of a
// gateway (ready endpoints) carries the model.
func gatewayScope(g queryGroup) []matcher {
	values := map[string][]string{}
	for _, b := range g.bindings {
		for k, v := range gatewayMatch(g.preset, b) {
			values[k] = append(values[k], v)
		}
	}
	var out []matcher
	for _, k := range slices.Sorted(maps.Keys(values)) {
		if len(values[k]) != len(g.bindings) {
			continue // a binding without this label needs all values
		}
		if g.preset.Mangled {
			for _, v := range values[k] {
				values[k] = append(values[k], mangle(v))
			}
		}
		out = append(out, matcher{label: k, values: distinct(values[k]), absent: true})
	}
	return out
}

// gatewayMatch is which label values of the gateway's series mean this model.
func gatewayMatch(p Preset, b Binding) map[string]string {
	if len(b.Gateway.Match) > 0 {
		return b.Gateway.Match
	}
	if p.ModelLabel == "" || b.ModelName == "" {
		return nil
	}
	return map[string]string{p.ModelLabel: b.ModelName}
}

// modelLabel is the label that carries the model id on the group's series.
func (g queryGroup) modelLabel() string {
	if g.labels.Model != "" {
		return g.labels.Model
	}
	return g.preset.ModelLabel
}

// rawNames are the series to fetch as they are, without up, which is narrowed in
// its own way.
func rawNames(p Preset) []string {
	return slices.DeleteFunc(slices.Clone(p.SeriesNames()), func(n string) bool { return n == UpSeries })
}
