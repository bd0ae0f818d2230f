package signals

import (
	"fmt"
	"math"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forewarm/forewarm/policy"
)

// reported is a policy.Pod with unknown readings as "?", easy to write by hand.
type reported struct {
	Pending, Running, KV, Done, Prompt, Output string
}

func shown(r policy.Reading) string {
	if !r.Known {
		return "?"
	}
	return fmt.Sprintf("%.4g", r.Value)
}

func shownPods(pods []policy.Pod) map[string]reported {
	out := map[string]reported{}
	for _, p := range pods {
		out[p.Name] = reported{
			shown(p.Pending), shown(p.Running), shown(p.KV),
			shown(p.Completions), shown(p.PromptTokens), shown(p.OutputTokens),
		}
	}
	return out
}

func faultCodes(faults []policy.Fault) []string {
	var out []string
	for _, f := range faults {
		code := f.Code
		if f.Signal != "" {
			code += " " + f.Signal
		}
		out = append(out, code)
	}
	return out
}

func engineBinding(engine, modelName string) Binding {
	return Binding{
		Model:  policy.ModelID{Namespace: "llm", Name: "m"},
		Engine: engine, ModelName: modelName, Labels: DefaultLabels(),
	}
}

// TestEngineFixtures reads every engine's exposition through the real PromQL
// engine and compares with numbers worked out by hand from the file: gauges at
// 60 s, increases over the 60 s between the scrapes.
func TestEngineFixtures(t *testing.T) {
	const llama31 = "meta-llama/Llama-3.1-8B-Instruct"
	for name, tc := range map[string]struct {
		file     string
		binding  Binding
		pods     map[string]reported
		arrivals float64 // requests per second; negative = unknown
		partial  bool
		faults   []string
	}{
		"vllm: old and new pods side by side, ranks summed, cache averaged, router copies not counted": {
			file: "vllm", binding: engineBinding("vllm", llama31),
			pods: map[string]reported{
				"vllm-0": {"6", "10", "0.6", "1", "300", "200"}, // prompt: (24000-6000)/60
				"vllm-1": {"3", "5", "0.25", "0.3", "50", "20"},
			},
			arrivals: (60.0 + 10 + 18 + 4) / 60,
		},
		"vllm without a model name: router copies are still not counted": {
			file: "vllm", binding: engineBinding("vllm", ""),
			pods: map[string]reported{
				"vllm-0": {"6", "10", "0.6", "1", "300", "200"},
				"vllm-1": {"3", "5", "0.25", "0.3", "50", "20"},
			},
			arrivals: (60.0 + 10 + 18 + 4) / 60,
		},
		"sglang: tensor ranks are one truth, data ranks are summed, the fuller cache counts": {
			file: "sglang", binding: engineBinding("sglang", "qwen2.5-72b"),
			pods:     map[string]reported{"sglang-0": {"4", "12", "0.6", "0.5", "100", "100"}},
			arrivals: (30.0 + 16 - 6) / 60,
		},
		"tgi: absent until first use is zero, because the target is up": {
			file: "tgi", binding: engineBinding("tgi", ""),
			pods: map[string]reported{
				"tgi-0": {"4", "12", "0.75", "0.9667", "300", "100"},
				"tgi-1": {"0", "0", "0", "0", "0", "0"},
			},
			arrivals: (58.0 + 8) / 60,
		},
		"triton: used over max blocks, whatever the fraction says; failures have left too": {
			file: "triton", binding: engineBinding("triton", "tensorrt_llm"),
			pods:     map[string]reported{"triton-0": {"3", "9", "0.5", "0.55", "?", "?"}},
			arrivals: (33.0 + 6) / 60,
		},
		"trtllm-serve: both spellings of the prefix": {
			file: "trtllm-serve", binding: engineBinding("trtllm-serve", "llama"),
			pods: map[string]reported{
				"trtllm-0": {"2", "5", "0.35", "0.5", "150", "50"},
				"trtllm-1": {"2", "5", "0.35", "0.5", "?", "50"},
			},
			arrivals: (30.0 + 3 + 30 + 3) / 60,
			partial:  true, faults: []string{"series-absent promptTokens"},
		},
		"nim: unprefixed names are read only where the job says so": {
			file: "nim",
			binding: func() Binding {
				b := engineBinding("nim", "meta/llama3-8b-instruct")
				b.Matchers = map[string]string{"job": "nim"}
				return b
			}(),
			pods:     map[string]reported{"nim-0": {"1", "4", "0.1", "0.45", "50", "50"}},
			arrivals: (27.0 + 3) / 60,
		},
		"nim without a scope is refused": {
			file: "nim", binding: engineBinding("nim", "meta/llama3-8b-instruct"),
			pods: map[string]reported{}, arrivals: -1, partial: true, faults: []string{"scope-missing"},
		},
		"ray: two replicas on one node, counters with and without _total counted once": {
			file: "ray-serve-llm", binding: engineBinding("ray-serve-llm", "qwen"),
			pods: map[string]reported{
				"r1": {"1", "4", "0.2", "0.3", "50", "50"},
				"r2": {"2", "5", "0.3", "0.2", "20", "20"},
			},
			arrivals: (18.0 + 2 + 12 + 4) / 60,
		},
		"llama.cpp: no cache, no request counter, and it says so": {
			file: "llama-cpp", binding: engineBinding("llama-cpp", ""),
			pods:     map[string]reported{"llamacpp-0": {"5", "4", "?", "?", "20", "10"}},
			arrivals: -1, faults: []string{"arrivals-unseen arrivals", "series-absent kv"},
		},
		"lmdeploy: a gauge that counts up restarts without a spike": {
			file: "lmdeploy", binding: engineBinding("lmdeploy", "internlm"),
			pods: map[string]reported{
				"lmdeploy-0": {"3", "4", "0.3", "0.5", "100", "50"},
				"lmdeploy-1": {"3", "4", "0.3", "0.1", "100", "50"},
			},
			arrivals: (30.0 + 3 + 6 + 7) / 60, // the restarted pod: 6 done and 7 in flight since
		},
		"kserve: completions are all there is": {
			file: "kserve-huggingface",
			binding: func() Binding {
				b := engineBinding("kserve-huggingface", "bert")
				b.Matchers = map[string]string{"job": "kserve-hf"}
				return b
			}(),
			pods: map[string]reported{"hf-0": {"?", "?", "?", "0.4", "?", "?"}}, arrivals: 24.0 / 60,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := loadFixture(t, tc.file).window(t, tc.binding, fixtureAt)
			got, faults := NewEvaluator(DefaultOptions()).Signals(tc.binding, w, fixtureAt, nil)
			if diff := cmp.Diff(tc.pods, shownPods(got.Pods)); diff != "" {
				t.Errorf("pods (-want +got):\n%s", diff)
			}
			if tc.arrivals < 0 != !got.Arrivals.Known ||
				got.Arrivals.Known && math.Abs(got.Arrivals.Value-tc.arrivals) > 1e-9 {
				t.Errorf("arrivals: want %g, got %+v", tc.arrivals, got.Arrivals)
			}
			if got.Partial != tc.partial {
				t.Errorf("partial: want %v, got %v", tc.partial, got.Partial)
			}
			if diff := cmp.Diff(tc.faults, faultCodes(faults), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("faults (-want +got):\n%s\n%v", diff, faults)
			}
		})
	}
}

// TestGatewayFixtures reads every demand source, in front of no engine at all:
// what they must tell at zero replicas.
func TestGatewayFixtures(t *testing.T) {
	for name, tc := range map[string]struct {
		file     string
		preset   string
		match    map[string]string
		queue    string
		arrivals string
		partial  bool
		faults   []string
	}{
		"llm-d: old and new names side by side are one queue; priorities are summed": {
			file: "llm-d-epp", preset: "llm-d-epp", queue: "7", arrivals: "0.7",
		},
		"llm-d of GAIE 1.0: arrivals by the oldest name; no queue without the gate, and it says so": {
			file: "llm-d-epp-gaie-1.0", preset: "llm-d-epp", queue: "?", arrivals: "0.5",
			faults: []string{"series-absent queue"},
		},
		"production-stack counts without backends": {
			file: "production-stack", preset: "production-stack",
			match: map[string]string{"model": "meta-llama/Llama-3.1-8B-Instruct"}, queue: "?", arrivals: "1.5",
		},
		"dynamo: ended requests plus the change in flight": {
			file: "dynamo", preset: "dynamo", queue: "9", arrivals: "1",
		},
		"keda http-add-on: of this namespace's route only": {
			file: "keda-http-add-on", preset: "keda-http-add-on", match: map[string]string{"route_name": "llama"},
			queue: "7", arrivals: "0.2", // (5 + 7) / 60
		},
		"keda http-add-on before 0.14": {
			file: "keda-http-add-on-0.13", preset: "keda-http-add-on",
			match: map[string]string{"host": "llama.example"}, queue: "4", arrivals: "0",
		},
		"knative 1.22": {
			file: "knative", preset: "knative", match: map[string]string{"kn_revision_name": "llama-00003"},
			queue: "6", arrivals: "?",
		},
		"knative 1.19": {
			file: "knative-1.19", preset: "knative", match: map[string]string{"kn_revision_name": "llama-00003"},
			queue: "8", arrivals: "?",
		},
		"knative 1.18": {
			file: "knative-1.18", preset: "knative", match: map[string]string{"revision_name": "llama-00003"},
			queue: "3", arrivals: "?",
		},
		"aibrix": {file: "aibrix", preset: "aibrix", queue: "5", arrivals: "1.1"},
		"envoy ai gateway: failed calls are demand as well": {
			file: "envoy-ai-gateway", preset: "envoy-ai-gateway", queue: "?", arrivals: "0.6",
		},
		"istio: the source's report only, unserved calls included": {
			file: "istio", preset: "istio", match: map[string]string{"destination_service_name": "llama"},
			queue: "?", arrivals: "1",
		},
		"envoy: a cluster name with a colon, as Envoy spells it": {
			file: "envoy", preset: "envoy", match: map[string]string{"envoy_cluster_name": "llm_llama:8000"},
			queue: "2", arrivals: "1",
		},
		"ray serve's router": {
			file: "ray-serve-llm", preset: "ray-serve",
			match: map[string]string{"application": "llm_app", "deployment": "LLMServer"}, queue: "6", arrivals: "1",
		},
		"a gateway that is nowhere to be seen is not an idle one": {
			file: "vllm", preset: "llm-d-epp", queue: "?", arrivals: "?", partial: true,
			faults: []string{"gateway-absent"},
		},
		"a gateway without a way to tell models apart is refused": {
			file: "istio", preset: "istio", queue: "?", arrivals: "?", partial: true,
			faults: []string{"gateway-unscoped"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := engineBinding("vllm", "llama-8b")
			b.Gateway = &GatewayBinding{Preset: tc.preset, Match: tc.match}
			w := loadFixture(t, tc.file).window(t, b, fixtureAt)
			got, faults := NewEvaluator(DefaultOptions()).Signals(b, w, fixtureAt, []string{})
			if q := shown(got.GatewayQueue); q != tc.queue {
				t.Errorf("queue: want %s, got %s", tc.queue, q)
			}
			if a := shown(got.Arrivals); a != tc.arrivals {
				t.Errorf("arrivals: want %s, got %s", tc.arrivals, a)
			}
			if got.Partial != tc.partial {
				t.Errorf("partial: want %v, got %v", tc.partial, got.Partial)
			}
			if diff := cmp.Diff(tc.faults, faultCodes(faults), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("faults (-want +got):\n%s\n%v", diff, faults)
			}
		})
	}
}

// TestEveryEngineHasAFixture keeps the promise of the catalog.
func TestEveryEngineHasAFixture(t *testing.T) {
	for _, p := range Presets() {
		name := p.Name
		if name == "ray-serve" {
			name = "ray-serve-llm"
		}
		f := loadFixture(t, name)
		have := map[string]bool{}
		for _, s := range f.series {
			have[s.labels.Get("__name__")] = true
		}
		hits := 0
		for _, n := range p.rawNames() {
			if have[n] {
				hits++
			}
		}
		if hits == 0 {
			t.Errorf("%s: its fixture has none of its series", p.Name)
		}
	}
}

// TestAges says how old the parts are: the scrape was ten seconds ago.
func TestAges(t *testing.T) {
	b := engineBinding("vllm", "meta-llama/Llama-3.1-8B-Instruct")
	e := NewEvaluator(DefaultOptions()).Evaluate(b, loadFixture(t, "vllm").window(t, b, fixtureAt), fixtureAt, nil)
	var wrong []string
	for _, p := range e.Pods {
		for sig, q := range p.Signals {
			if q.Known && q.Age != 10*time.Second {
				wrong = append(wrong, fmt.Sprintf("%s %s is %s old", p.Name, sig, q.Age))
			}
		}
	}
	sort.Strings(wrong)
	if len(wrong) > 0 || e.Signals.Arrivals.Age != 10*time.Second {
		t.Errorf("want all 10s old, got arrivals %s and %s", e.Signals.Arrivals.Age, strings.Join(wrong, "; "))
	}
}
