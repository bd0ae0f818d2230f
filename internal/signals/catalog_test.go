package signals

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/forewarm/forewarm/policy"
)

var updateEngines = flag.Bool("update-engines", false, "write docs/engines.md from the catalog")

const enginesPage = "../../docs/engines.md"

func TestTheCatalogIsWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Presets() {
		if seen[p.Name] || p.Name != strings.ToLower(p.Name) || p.Doc == "" || len(p.Signals) == 0 {
			t.Errorf("%q: want one preset of that name, lower case, with a doc and signals", p.Name)
		}
		seen[p.Name] = true
		for sig, rows := range p.Signals {
			if !slices.Contains(AllSignals(), sig) {
				t.Errorf("%s: unknown signal %q", p.Name, sig)
			}
			for _, m := range rows {
				for _, part := range m.parts() {
					if !model.LegacyValidation.IsValidMetricName(part.Name) || part.Kind != m.Kind {
						t.Errorf("%s %s: want names of one kind, got %q", p.Name, sig, part.Name)
					}
				}
			}
		}
	}
	if !slices.IsSortedFunc(Presets(), func(a, b Preset) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("presets: want them sorted by name")
	}
}

func TestTheCatalogCoversTheDesign(t *testing.T) {
	engines := []string{
		"kserve-huggingface", "llama-cpp", "lmdeploy", "nim", "ray-serve-llm", "sglang", "tgi", "triton",
		"trtllm-serve", "vllm",
	}
	gateways := []string{
		"aibrix", "dynamo", "envoy", "envoy-ai-gateway", "istio", "keda-http-add-on", "knative", "llm-d-epp",
		"production-stack", "ray-serve",
	}
	if diff := cmp.Diff(engines, Names(false)); diff != "" {
		t.Errorf("engines (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(gateways, Names(true)); diff != "" {
		t.Errorf("gateways (-want +got):\n%s", diff)
	}
}

// TestTrapsOfTheCatalog pins choices that others got wrong.
func TestTrapsOfTheCatalog(t *testing.T) {
	names := map[string][]string{}
	for _, p := range Presets() {
		names[p.Name] = p.SeriesNames()
	}
	for story, tc := range map[string]struct {
		preset, name string
		want         bool
	}{
		"success has no num_ in it, as AIBrix has":    {"vllm", "vllm:num_requests_success_total", false},
		"completions by their real name":              {"vllm", "vllm:request_success_total", true},
		"the old cache name is still read":            {"vllm", "vllm:gpu_cache_usage_perc", true},
		"an empty pool is not full":                   {"llm-d-epp", "llm_d_epp_flow_control_pool_saturation", false},
		"the divisor is fetched as well":              {"tgi", "tgi_batch_max_total_tokens", true},
		"sub-queues are fetched as well":              {"sglang", "sglang:num_grammar_queue_reqs", true},
		"histograms are not fetched raw":              {"vllm", "vllm:time_to_first_token_seconds", false},
		"up is always there to tell absent from zero": {"envoy", UpSeries, true},
	} {
		if got := slices.Contains(names[tc.preset], tc.name); got != tc.want {
			t.Errorf("%s: %s has %s: want %v, got %v", story, tc.preset, tc.name, tc.want, got)
		}
	}
	if rows := vllm.Histograms()[ITL]; len(rows) != 2 || rows[0].Name != "vllm:inter_token_latency_seconds" {
		t.Errorf("vllm itl: want the new name first and the old one after it, got %+v", rows)
	}
}

func TestNearNames(t *testing.T) {
	for in, want := range map[string]string{
		"vlm": "vllm", "vLLM": "vllm", "sg-lang": "sglang", "trtllm": "trtllm-serve", "ray-serve": "ray-serve-llm",
		"llama.cpp": "llama-cpp", "LMDeploy ": "lmdeploy", "ollama": "", "": "", "tensorflow": "",
	} {
		if got := Nearest(in, Names(false)); got != want {
			t.Errorf("%q: want %q, got %q", in, want, got)
		}
	}
}

func TestCustomEngine(t *testing.T) {
	p, err := Custom{
		Name: "house", ModelLabel: "m",
		Signals: map[Signal][]string{Pending: {"house_queue"}, KV: {"house_kv_percent"}, Completions: {"house_done_total"}},
		Scale:   map[Signal]float64{KV: 0.01}, Late: []Signal{Completions},
	}.Preset()
	if err != nil {
		t.Fatal(err)
	}
	b := engineBinding("house", "x")
	w := newStory().pod("p", "house_queue{m=x}", 3).pod("p", "house_kv_percent{m=x}", 85).window()
	e := NewEvaluator(DefaultOptions())
	e.Custom = map[string]Preset{"house": p}
	got, _ := e.Signals(b, w, storyAt, nil)
	want := map[string]reported{"p": {"3", "?", "0.85", "0", "?", "?"}}
	if diff := cmp.Diff(want, shownPods(got.Pods)); diff != "" {
		t.Errorf("pods (-want +got):\n%s", diff)
	}
}

func TestCustomEngineNamesAllThatIsWrong(t *testing.T) {
	_, err := Custom{
		Name: "vllm", ModelLabel: "a-b", Signals: map[Signal][]string{KV: {"1x"}, "speed": {"y"}},
		Scale: map[Signal]float64{KV: -1, ITL: 2},
	}.Preset()
	if err == nil {
		t.Fatal("want an error")
	}
	for _, part := range []string{
		"built-in", `"a-b"`, `"1x"`, `"speed"`, "scale.kv", "pending or running", `"itl"`,
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("want %s named in: %v", part, err)
		}
	}
}

// TestEverySelectorParses asks the Prometheus parser about every raw selector that
// the catalog can send.
func TestEverySelectorParses(t *testing.T) {
	parse := parser.NewParser(parser.Options{})
	for _, p := range Presets() {
		b := engineBinding("vllm", `we"ird\model{}`)
		b.Matchers = map[string]string{"job": `a"b`}
		if p.Gateway {
			b.Gateway = &GatewayBinding{Preset: p.Name, Match: map[string]string{"route": "x:y"}}
		} else {
			b.Engine = p.Name
		}
		for _, q := range rawQueries([]Binding{b}) {
			if _, err := parse.ParseMetricSelector(q); err != nil {
				t.Errorf("%s: selector %s: %v", p.Name, q, err)
			}
			if _, err := parse.ParseExpr(over(q, DefaultOptions().RateWindow)); err != nil {
				t.Errorf("%s: query %s: %v", p.Name, q, err)
			}
		}
	}
}

func TestFaultTableIsWhole(t *testing.T) {
	docs := FaultDocs()
	if !slices.IsSortedFunc(docs, func(a, b FaultDoc) int { return strings.Compare(a.Code, b.Code) }) {
		t.Error("faults: want them sorted by code")
	}
	seen := map[string]bool{}
	for _, d := range docs {
		if seen[d.Code] || d.Meaning == "" || d.Remedy == "" || d.Code != strings.ToLower(d.Code) {
			t.Errorf("%q: want one kebab-case row with meaning and remedy", d.Code)
		}
		seen[d.Code] = true
	}
	f := newFaultSet()
	for _, pod := range []string{"d", "c", "b", "a"} {
		f.add(FaultPodMissing, "", pod, "")
	}
	want := []policy.Fault{{
		Code: "pod-missing", Object: "a",
		Text: "a, b, c and 1 more: a ready pod reports nothing; check that its PodMonitor or ServiceMonitor selects it.",
	}}
	if diff := cmp.Diff(want, f.list()); diff != "" {
		t.Errorf("many pods, one fault (-want +got):\n%s", diff)
	}
}

// TestEnginesPage keeps docs/engines.md equal to the catalog; -update-engines
// writes it.
func TestEnginesPage(t *testing.T) {
	want := renderEngines()
	if *updateEngines {
		if err := os.WriteFile(enginesPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(enginesPage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/engines.md differs from the catalog; run go test ./internal/signals -run EnginesPage "+
			"-update-engines (-catalog +page):\n%s", diff)
	}
}

func renderEngines() string {
	var b strings.Builder
	b.WriteString(`# Engines and demand sources

What Forewarm reads of each engine and of each source of demand in front of the engines, and which traps it
avoids. This page is checked against the catalog (` + "`internal/signals/engine_*.go`, `gateway_*.go`" + `) by a test.

How to read the tables:

- Names are listed newest first. For each pod on its own, the first one with a fresh sample is read; names are
  never summed, because exporters write old and new ones side by side.
- *late*: the series appears only after first use. Absent is then zero, but only if the target is up and none of
  its counters shows that it was used; otherwise absent is unknown.
- *rate*: a counter, read as increase per second over the rate window, from raw samples.
- *refused* is optional and binds nothing: while the gateway counts arrivals, an error counter that is absent is zero.
- *histogram*: the 95th percentile, by PromQL.
- "sum", "max" and "mean" say how several series of one pod become one value; "max over" names labels that repeat
  one truth.

An engine that is not here: CONTRIBUTING.md tells how to add one. The configuration file cannot define one yet.
`)
	for _, gateway := range []bool{false, true} {
		title := "Engines"
		if gateway {
			title = "Demand sources that exist at zero replicas"
		}
		fmt.Fprintf(&b, "\n## %s\n", title)
		for _, p := range Presets() {
			if p.Gateway == gateway {
				renderPreset(&b, p)
			}
		}
	}
	b.WriteString("\n## Faults\n\nWhat evaluation reports when the data is not as it should be.\n\n" +
		"| code | meaning | remedy |\n|---|---|---|\n")
	for _, d := range FaultDocs() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", d.Code, d.Meaning, d.Remedy)
	}
	return b.String()
}

func renderPreset(b *strings.Builder, p Preset) {
	fmt.Fprintf(b, "\n### %s\n\n%s\n\n", p.Name, p.Doc)
	if p.Maintenance != "" {
		fmt.Fprintf(b, "Upstream: %s.\n\n", p.Maintenance)
	}
	var join []string
	if p.ModelLabel != "" {
		join = append(join, "model label `"+p.ModelLabel+"`")
	}
	if len(p.PodLabels) > 0 {
		join = append(join, "unit label `"+strings.Join(p.PodLabels, "`, `")+"`")
	}
	if len(p.NamespaceLabels) > 0 {
		join = append(join, "namespace label `"+strings.Join(p.NamespaceLabels, "`, `")+"`")
	}
	for _, k := range slices.Sorted(maps.Keys(p.Scope)) {
		join = append(join, fmt.Sprintf("only series with `%s=%q`", k, p.Scope[k]))
	}
	if len(join) > 0 {
		fmt.Fprintf(b, "Joined by: %s.\n\n", strings.Join(join, ", "))
	}
	b.WriteString("| signal | series, newest first |\n|---|---|\n")
	for _, sig := range sortedSignals(p.Signals) {
		cells := make([]string, 0, len(p.Signals[sig]))
		for _, m := range p.Signals[sig] {
			cells = append(cells, renderMetric(m))
		}
		fmt.Fprintf(b, "| %s | %s |\n", sig, strings.Join(cells, "<br>"))
	}
}

func renderMetric(m Metric) string {
	out := renderName(m)
	if m.Over != nil {
		out += " / " + renderName(*m.Over)
	}
	for _, plus := range m.Plus {
		out += " + " + renderName(plus)
	}
	marks := []string{map[Kind]string{Gauge: "", Counter: "rate", Histogram: "histogram"}[m.Kind]}
	if m.Kind == Gauge {
		marks[0] = map[Fold]string{Sum: "sum", Max: "max", Mean: "mean"}[m.Fold]
	}
	if len(m.Drop) > 0 {
		marks = append(marks, "max over "+strings.Join(m.Drop, ", "))
	}
	if m.Scale != 0 {
		marks = append(marks, fmt.Sprintf("times %g", m.Scale))
	}
	if m.Late {
		marks = append(marks, "late")
	}
	if m.AtEnd {
		marks = append(marks, "counts at the end: change in flight added")
	}
	if len(m.Includes) > 0 {
		marks = append(marks, fmt.Sprintf("less the engines' %v", m.Includes))
	}
	return out + " (" + strings.Join(marks, "; ") + ")"
}

func renderName(m Metric) string {
	out := m.Name
	if len(m.Match) > 0 || m.OneOf != nil {
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(m.Match)) {
			parts = append(parts, fmt.Sprintf("%s=%q", k, m.Match[k]))
		}
		if m.OneOf != nil {
			parts = append(parts, m.OneOf.Label+": "+strings.Join(m.OneOf.Values, ", "))
		}
		out += "{" + strings.Join(parts, ",") + "}"
	}
	return "`" + out + "`"
}
