package signals

import (
	"maps"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// allQueries is every PromQL that loading, looking back and discovery send for
// these bindings.
func allQueries(bindings []Binding, opt Options) []string {
	var (
		table presetTable
		out   []string
	)
	raw := func(f fetch) {
		if f.quantile != nil {
			out = append(out, f.quantile.query)
			return
		}
		out = append(out, over(selector(f.names, f.scope), 90*time.Second))
	}
	for _, f := range table.fetchPlan(bindings, opt, "namespace") {
		raw(f)
	}
	raw(ksmFetch(bindings, "exported_namespace"))
	w := NewWindow()
	for _, g := range table.gatewayGroups(bindings) {
		addSeries(w, labelled(rawNames(g.preset)[0], "job", `gate"way\`), Sample{T: epoch, V: 1})
	}
	if f, ok := table.gatewayUpFetch(bindings, w); ok {
		raw(f)
	}
	for _, g := range table.engineGroups(bindings) {
		out = append(out, countQuery(rawNames(g.preset), g.scope()))
	}
	d := &discoverer{opt: DefaultDiscoverOptions()}
	d.opt.Namespaces = []string{"llm", "a.b"}
	var gateways []Preset
	for _, p := range d.presets() {
		if len(gatewayNames(p)) > 0 {
			gateways = append(gateways, p)
		}
	}
	return append(out,
		over(d.engineSelector(d.engines()), d.opt.Lookback), nearQuery(d.engines()), gatewayQuery(gateways),
		gpuQuery(matcher{label: "namespace", values: []string{"llm", "b"}}),
		nodeQuery([]string{`ip-10-0-0-1.ec2"internal`}))
}

// hostileBindings bind every engine and every gateway, with values that would
// break a query that pastes them.
func hostileBindings() []Binding {
	var out []Binding
	for _, p := range Presets() {
		b := Binding{
			Engine: p.Name, ModelName: `meta-llama/Llama-3.1"} or up or {x="`, Labels: DefaultLabels(),
			Matchers: map[string]string{"job": `a\b|c.*"`},
		}
		b.Model.Namespace, b.Model.Name = `ns"} or {y="`, "m"
		if p.Gateway {
			b.Engine = "vllm"
			b.Gateway = &GatewayBinding{Preset: p.Name, Match: map[string]string{"route": `x"y\`}}
			out = append(out, b)
			b.Gateway = &GatewayBinding{Preset: p.Name}
		}
		out = append(out, b)
		two := b
		two.Matchers = maps.Clone(b.Matchers)
		two.Matchers["job"] = "other"
		two.Model.Namespace = "other"
		out = append(out, two)
		bare := b
		bare.Labels.Namespace, bare.Matchers = "", nil
		out = append(out, bare)
	}
	return out
}

func TestEveryQueryParsesAndNothingEscapesItsMatcher(t *testing.T) {
	p := parser.NewParser(parser.Options{})
	queries := allQueries(hostileBindings(), DefaultOptions())
	if len(queries) < 30 {
		t.Fatalf("want a query for every preset, got %d", len(queries))
	}
	for _, q := range queries {
		expr, err := p.ParseExpr(q)
		if err != nil {
			t.Errorf("%s: %v", q, err)
			continue
		}
		parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
			if vs, ok := n.(*parser.VectorSelector); ok && !named(vs.LabelMatchers) {
				t.Errorf("a selector without a name: %s", q)
			}
			return nil
		})
	}
}

// named says whether a selector narrows the metric name to known ones.
func named(ms []*labels.Matcher) bool {
	for _, m := range ms {
		if m.Name == "__name__" && m.Type != labels.MatchNotEqual && !m.Matches("y_injected") {
			return true
		}
	}
	return false
}

func TestOneQueryPerEngineAndSourceWhateverTheNumberOfModels(t *testing.T) {
	var bindings []Binding
	for i := range 500 {
		b := Binding{Engine: "vllm", ModelName: "m", Labels: DefaultLabels()}
		b.Model.Namespace, b.Model.Name = "llm", string(rune('a'+i%26))
		bindings = append(bindings, b)
	}
	var table presetTable
	got := len(table.fetchPlan(bindings, DefaultOptions(), "namespace"))
	if got != 5 { // raw, TTFT, ITL, up, kube-state-metrics
		t.Errorf("want 5 queries, got %d", got)
	}
}
