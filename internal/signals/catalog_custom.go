package signals

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/prometheus/common/model"
)

// Custom is an engine that users describe by names. See Preset.
type Custom struct {
	Name       string              // as models refer to it; not one of a built-in preset
	ModelLabel string              // label that carries the model id; "" = none
	PodLabels  []string            // labels that name the serving unit; empty = the pod label
	Signals    map[Signal][]string // series names, newest first
	Scale      map[Signal]float64  // factor; KV in percent: 0.01
	Late       []Signal            // series that appear only after first use
}

// customKinds are the signals that a custom engine may give and what their series
// are.
var customKinds = map[Signal]Kind{
	Pending: Gauge, Running: Gauge, KV: Gauge,
	Completions: Counter, PromptTokens: Counter, CachedTokens: Counter, OutputTokens: Counter,
	TTFT: Histogram, ITL: Histogram,
}

// Preset is the table of a custom engine; the error names everything that is wrong.
func (c Custom) Preset() (Preset, error) {
	errs := c.checkName()
	p := Preset{
		Name: c.Name, ModelLabel: c.ModelLabel, PodLabels: c.PodLabels, Signals: map[Signal][]Metric{},
		Doc: "Custom engine.",
	}
	for _, l := range append([]string{c.ModelLabel}, c.PodLabels...) {
		if l != "" && !model.LegacyValidation.IsValidLabelName(l) {
			errs = append(errs, fmt.Errorf("label: want a label name, got %q", l))
		}
	}
	for _, sig := range sortedSignals(c.Signals) {
		rows, more := c.rows(sig)
		errs = append(errs, more...)
		p.Signals[sig] = rows
	}
	if len(p.Signals[Pending])+len(p.Signals[Running]) == 0 {
		errs = append(errs, errors.New("signals: want at least pending or running, got neither"))
	}
	for _, sig := range append(sortedSignals(c.Scale), c.Late...) {
		if len(c.Signals[sig]) == 0 {
			errs = append(errs, fmt.Errorf("scale, late: want a signal that has series, got %q", sig))
		}
	}
	if len(errs) > 0 {
		return Preset{}, fmt.Errorf("custom engine %q: %w", c.Name, errors.Join(errs...))
	}
	return p, nil
}

func (c Custom) checkName() []error {
	if c.Name == "" {
		return []error{errors.New("name: want a name, got none")}
	}
	if _, taken := Lookup(c.Name); taken {
		return []error{fmt.Errorf("name: %q is a built-in preset: choose another", c.Name)}
	}
	return nil
}

// rows are the table of one signal.
func (c Custom) rows(sig Signal) ([]Metric, []error) {
	kind, ok := customKinds[sig]
	if !ok {
		known := make([]string, 0, len(customKinds))
		for _, s := range sortedSignals(customKinds) {
			known = append(known, string(s))
		}
		return nil, []error{fmt.Errorf("signals: want one of %s, got %q", strings.Join(known, ", "), sig)}
	}
	var errs []error
	scale, given := c.Scale[sig]
	if given && !(finite(scale) && scale > 0) {
		errs = append(errs, fmt.Errorf("scale.%s: want a finite factor above 0, got %g", sig, scale))
	}
	var rows []Metric
	for _, name := range c.Signals[sig] {
		if !model.LegacyValidation.IsValidMetricName(name) {
			errs = append(errs, fmt.Errorf("signals.%s: want a metric name, got %q", sig, name))
		}
		m := Metric{Name: name, Kind: kind, Scale: scale, Late: slices.Contains(c.Late, sig)}
		if sig == KV {
			m.Fold = Max
		}
		rows = append(rows, m)
	}
	return rows, errs
}

// sortedSignals are the keys of a table, in the order of AllSignals, unknown ones
// last.
func sortedSignals[V any](m map[Signal]V) []Signal {
	out := make([]Signal, 0, len(m))
	for s := range m {
		out = append(out, s)
	}
	order := AllSignals()
	at := func(s Signal) int {
		if i := slices.Index(order, s); i >= 0 {
			return i
		}
		return len(order)
	}
	sort.Slice(out, func(i, j int) bool {
		if at(out[i]) != at(out[j]) {
			return at(out[i]) < at(out[j])
		}
		return out[i] < out[j]
	})
	return out
}
