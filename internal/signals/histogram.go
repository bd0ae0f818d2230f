package signals

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/forewarm/forewarm/policy"
)

// Quantiles computed by PromQL are kept in the window under these names, next to
// raw series, so that one trim and one age rule hold for all.
const (
	ttftQuantile = "forewarm:ttft_p95_seconds"
	itlQuantile  = "forewarm:itl_p95_seconds"
	engineLabel  = "forewarm_engine"
)

// quantileStep is the resolution of quantiles in history.
const quantileStep = time.Minute

// quantileFetch is one histogram question for all models of a group.
type quantileFetch struct {
	name  string // under which the answer is kept
	query string
}

// quantileFetches are the group's questions, at most one per signal.
func quantileFetches(g queryGroup, window time.Duration) []quantileFetch {
	var out []quantileFetch
	for _, s := range []struct {
		signal Signal
		name   string
	}{{TTFT, ttftQuantile}, {ITL, itlQuantile}} {
		if q := quantileQuery(g, s.signal, window); q != "" {
			out = append(out, quantileFetch{name: s.name, query: q})
		}
	}
	return out
}

// quantileQuery is the 95th percentile by model in seconds. Older names stand
// behind newer ones with "or"; what a preset adds (queue + prefill) is added.
//
//	histogram_quantile(0.95, sum by (namespace, model_name, le) (rate(x_bucket[2m]))) or ...
func quantileQuery(g queryGroup, s Signal, window time.Duration) string {
	var terms []string
	for _, m := range g.preset.Histograms()[s] {
		sum := []string{quantileTerm(g, m, window)}
		for _, plus := range m.Plus {
			sum = append(sum, quantileTerm(g, plus, window))
		}
		terms = append(terms, strings.Join(sum, " + "))
	}
	return strings.Join(terms, " or ")
}

func quantileTerm(g queryGroup, m Metric, window time.Duration) string {
	ms := g.scope()
	for _, k := range slices.Sorted(maps.Keys(m.Match)) {
		match := matcher{label: k}
		if v := m.Match[k]; v != "" {
			match.values = []string{v}
		}
		ms = append(ms, match)
	}
	term := fmt.Sprintf("histogram_quantile(0.95, sum by (%s) (rate(%s)))",
		strings.Join(append(g.quantileLabels(), "le"), ", "),
		over(selector([]string{bucketName(m.Name)}, ms), window))
	if f := m.scale(); f != 1 {
		term += " * " + strconv.FormatFloat(f, 'g', -1, 64)
	}
	return term
}

// quantileLabels tell models apart: namespace, model, and the common matchers.
func (g queryGroup) quantileLabels() []string {
	out := make([]string, 0, 3+len(g.extra))
	for _, l := range []string{g.labels.Namespace, g.modelLabel()} {
		if l != "" {
			out = append(out, l)
		}
	}
	return append(out, g.extra...)
}

func bucketName(name string) string { return strings.TrimSuffix(name, "_bucket") + "_bucket" }

// named puts an answer under its own name, so that it can live in the window.
func (q quantileFetch) named(m model.Matrix, engine string) model.Matrix {
	for _, s := range m {
		s.Metric = s.Metric.Clone()
		s.Metric[model.MetricNameLabel] = model.LabelValue(q.name)
		s.Metric[engineLabel] = model.LabelValue(engine)
	}
	return m
}

// quantile is a model's newest quantile. NaN means that nobody was served within
// the window: unknown, not zero. Its age is that of the evaluation; the samples
// behind it are at most a rate window older.
func quantile(w *Window, g queryGroup, b Binding, name string, at time.Time, opt Options) policy.Reading {
	for _, s := range w.Select(name) {
		if s.Label(engineLabel) != g.preset.Name || !belongs(s, g, b) {
			continue
		}
		samples := s.Until(at)
		if len(samples) == 0 {
			continue
		}
		last := samples[len(samples)-1]
		if age := at.Sub(last.T); age <= max(opt.MaxAge, quantileStep+opt.ScrapeInterval) && sensible(last.V) {
			return policy.Seen(last.V, age)
		}
		return policy.Reading{Age: at.Sub(last.T)}
	}
	return policy.Reading{}
}

// belongs says whether a series that is labelled as quantileLabels is the
// binding's.
func belongs(s *Series, g queryGroup, b Binding) bool {
	if l := g.labels.Namespace; l != "" && s.Label(l) != b.Model.Namespace {
		return false
	}
	if l := g.modelLabel(); l != "" && b.ModelName != "" && s.Label(l) != b.ModelName {
		return false
	}
	for k, v := range b.Matchers {
		if s.Label(k) != v {
			return false
		}
	}
	return true
}

// sensible is a number that a latency can be.
func sensible(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) && v >= 0 }
