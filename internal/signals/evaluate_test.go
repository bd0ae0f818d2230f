package signals

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/common/model"

	"github.com/forewarm/forewarm/policy"
)

// healthy is what vllmPod reports: 1 completion and 100 tokens per 15 s.
var healthy = reported{"2", "3", "0.5", "0.06667", "6.667", "6.667"}

func TestPodStories(t *testing.T) {
	one := map[string]reported{"a": healthy}
	both := map[string]reported{"a": healthy, "b": healthy}
	with := func(change func(*reported)) map[string]reported {
		r := healthy
		change(&r)
		return map[string]reported{"a": r}
	}
	inf := math.Inf(1)
	for name, tc := range map[string]struct {
		story    *story
		expected []string
		pods     map[string]reported
		partial  bool
		faults   []string
	}{
		"a healthy pod": {story: newStory().vllmPod("a"), pods: one},
		"router copies are not counted twice": {
			story: newStory().vllmPod("a").pod("r", "vllm:num_requests_waiting{model_name=m,server=http://a}", 2),
			pods:  one,
		},
		"percent instead of ratio is refused": {
			story: newStory().vllmPod("b").pod("a", "vllm:num_requests_waiting{model_name=m}", 2).
				pod("a", "vllm:num_requests_running{model_name=m}", 3).
				pod("a", "vllm:kv_cache_usage_perc{model_name=m}", 85).
				pod("a", "vllm:request_success_total{model_name=m}", counting(10, 1)...).
				pod("a", "vllm:prompt_tokens_total{model_name=m}", counting(1000, 100)...).
				pod("a", "vllm:generation_tokens_total{model_name=m}", counting(1000, 100)...),
			pods:    map[string]reported{"a": {"2", "3", "?", "0.06667", "6.667", "6.667"}, "b": healthy},
			partial: true, faults: []string{"ratio-above-one kv"},
		},
		"NaN, Inf and negative never pass": {
			story: newStory().vllmPod("a").
				pod("b", "vllm:num_requests_waiting{model_name=m}", math.NaN()).
				pod("b", "vllm:num_requests_running{model_name=m}", -1).
				pod("b", "vllm:kv_cache_usage_perc{model_name=m}", inf).
				pod("b", "vllm:request_success_total{model_name=m}", inf).
				pod("b", "vllm:prompt_tokens_total{model_name=m}", math.NaN()).
				pod("b", "vllm:generation_tokens_total{model_name=m}", counting(1000, 100)...),
			pods:    map[string]reported{"a": healthy, "b": {"?", "?", "?", "?", "?", "6.667"}},
			partial: true,
			faults: []string{
				"arrivals-partial arrivals", "series-invalid completions", "series-invalid kv", "series-invalid pending",
				"series-invalid promptTokens", "series-invalid running",
			},
		},
		"a pair of Prometheus servers is one truth": {
			story: newStory().vllmPod("a").
				pod("a", "vllm:num_requests_waiting{model_name=m,prometheus_replica=p1}", 2).
				pod("a", "vllm:request_success_total{model_name=m,prometheus_replica=p1}", counting(10, 1)...),
			pods: one,
		},
		"two monitors that scrape one port are one truth": {
			story: newStory().vllmPod("a").
				pod("a", "vllm:num_requests_waiting{model_name=m,job=vllm-pods,endpoint=metrics}", 2).
				up("a", "up", 1).up("a", "up{job=vllm-pods,endpoint=metrics}", 1),
			pods: one,
		},
		"two engines behind two ports of one pod are two": {
			story: newStory().vllmPod("a").pod("a", "vllm:num_requests_waiting{model_name=m,instance=a:8001}", 5).
				up("a", "up", 1).up("a", "up{instance=a:8001}", 1),
			pods: with(func(r *reported) { r.Pending = "7" }), partial: true,
			faults: []string{"arrivals-partial arrivals"},
		},
		"behind a collector the exported labels are the truth": {
			story: newStory().
				pod("otel", "vllm:num_requests_waiting{exported_namespace=llm,exported_pod=a,namespace=obs,model_name=m}", 2).
				pod("otel", "vllm:num_requests_running{exported_namespace=llm,exported_pod=a,namespace=obs,model_name=m}", 3).
				pod("otel", "vllm:request_success_total{exported_namespace=llm,exported_pod=a,namespace=obs,model_name=m}",
					counting(10, 1)...).
				up("otel", "up{namespace=obs}", 1),
			pods: map[string]reported{"a": {"2", "3", "?", "0.06667", "?", "?"}},
			faults: []string{
				"series-absent kv", "series-absent outputTokens", "series-absent promptTokens",
			},
		},
		"swapped out requests of V0 wait": {
			story: newStory().vllmPod("a").pod("a", "vllm:num_requests_swapped{model_name=m}", 4),
			pods:  with(func(r *reported) { r.Pending = "6" }),
		},
		"a name that ended gives way to the one that is still written": {
			story: newStory().vllmPod("a").pod("a", "vllm:num_requests_waiting_by_reason{model_name=m,reason=capacity}",
				until(4, 9)...),
			pods: one,
		},
		"one engine of two gives nonsense: the rest is a lower bound": {
			story: newStory().vllmPod("a").pod("a", "vllm:num_requests_waiting{model_name=m,engine=1}", math.NaN()),
			pods:  one, partial: true, faults: []string{"series-invalid pending"},
		},
		"absent until first use is zero if the target is up": {
			story: newStory().pod("a", "vllm:num_requests_waiting{model_name=m}", 0).
				pod("a", "vllm:num_requests_running{model_name=m}", 0).
				pod("a", "vllm:kv_cache_usage_perc{model_name=m}", 0),
			pods: map[string]reported{"a": {"0", "0", "0", "0", "0", "0"}},
		},
		"absent until first use is unknown if the target is down": {
			story: newStory().pod("a", "vllm:num_requests_waiting{model_name=m}", until(8, 0)...).
				pod("a", "vllm:num_requests_running{model_name=m}", until(8, 0)...).
				pod("a", "vllm:kv_cache_usage_perc{model_name=m}", until(8, 0)...).
				up("a", "up", 1, 1, 1, 1, 1, 1, 1, 1, 0),
			pods: map[string]reported{"a": {"0", "0", "0", "?", "?", "?"}}, partial: true,
			faults: []string{"series-absent completions", "series-absent outputTokens", "series-absent promptTokens"},
		},
		"absent until first use is unknown without up": {
			story: newStory().pod("a", "vllm:num_requests_waiting{model_name=m}", 0).
				pod("a", "vllm:num_requests_running{model_name=m}", 0).
				pod("a", "vllm:kv_cache_usage_perc{model_name=m}", 0).noUp("a"),
			pods: map[string]reported{"a": {"0", "0", "0", "?", "?", "?"}}, partial: true,
			faults: []string{"series-absent completions", "series-absent outputTokens", "series-absent promptTokens"},
		},
		"a renamed counter is not an idle one: its siblings have counted": {
			story: newStory().pod("a", "vllm:num_requests_waiting{model_name=m}", 2).
				pod("a", "vllm:num_requests_running{model_name=m}", 3).
				pod("a", "vllm:kv_cache_usage_perc{model_name=m}", 0.5).
				pod("a", "vllm:requests_done_total{model_name=m}", counting(10, 1)...).
				pod("a", "vllm:prompt_tokens_total{model_name=m}", counting(1000, 100)...).
				pod("a", "vllm:generation_tokens_total{model_name=m}", counting(1000, 100)...),
			pods: with(func(r *reported) { r.Done = "?" }), partial: true,
			faults: []string{"series-absent completions"},
		},
		"a sidecar that is up proves nothing about the engine": {
			story:    newStory().up("a", "up{job=istio}", 1),
			expected: []string{"a"},
			pods:     map[string]reported{"a": {"?", "?", "?", "?", "?", "?"}}, partial: true,
			faults: []string{"pod-missing"},
		},
		"one failed scrape is no loss": {
			story: newStory().pod("a", "vllm:num_requests_waiting{model_name=m}", until(8, 2)...).
				pod("a", "vllm:num_requests_running{model_name=m}", until(8, 3)...).
				pod("a", "vllm:kv_cache_usage_perc{model_name=m}", until(8, 0.5)...).
				pod("a", "vllm:request_success_total{model_name=m}", until(8, counting(10, 1)...)...).
				pod("a", "vllm:prompt_tokens_total{model_name=m}", until(8, counting(1000, 100)...)...).
				pod("a", "vllm:generation_tokens_total{model_name=m}", until(8, counting(1000, 100)...)...).
				up("a", "up", 1, 1, 1, 1, 1, 1, 1, 1, 0),
			pods: one,
		},
		"three failed scrapes hold, however young the last samples are": {
			story: newStory().pod("a", "vllm:num_requests_waiting{model_name=m}", until(6, 2)...).
				pod("a", "vllm:num_requests_running{model_name=m}", until(6, 3)...).
				pod("a", "vllm:kv_cache_usage_perc{model_name=m}", until(6, 0.5)...).
				pod("a", "vllm:request_success_total{model_name=m}", until(6, counting(10, 1)...)...).
				pod("a", "vllm:prompt_tokens_total{model_name=m}", until(6, counting(1000, 100)...)...).
				pod("a", "vllm:generation_tokens_total{model_name=m}", until(6, counting(1000, 100)...)...).
				up("a", "up", 1, 1, 1, 1, 1, 1, 0, 0, 0),
			pods: one, partial: true, faults: []string{"target-down"},
		},
		"a pod that cannot be scraped any more is unknown, not gone": {
			story: newStory().vllmPod("b").pod("a", "vllm:num_requests_waiting{model_name=m}", until(2, 2)...).
				up("a", "up", 1, 1, 0, 0, 0, 0, 0, 0, 0),
			pods: map[string]reported{"a": {"?", "?", "?", "?", "?", "?"}, "b": healthy}, partial: true,
			faults: []string{"arrivals-partial arrivals", "target-down"},
		},
		"a pod that was deleted is gone, however fresh its last sample": {
			story: newStory().vllmPod("b").pod("a", "vllm:num_requests_waiting{model_name=m}", until(6, 2)...).
				up("a", "up", until(6, 1)...),
			pods: map[string]reported{"b": healthy},
		},
		"a ready pod that reports nothing makes all partial": {
			story: newStory().vllmPod("a"), expected: []string{"a", "b"},
			pods: map[string]reported{"a": healthy, "b": {"?", "?", "?", "?", "?", "?"}}, partial: true,
			faults: []string{"arrivals-partial arrivals", "pod-missing"},
		},
		"a terminating pod that nobody expects finishes its work": {
			story: newStory().vllmPod("a").vllmPod("b"), expected: []string{"a"}, pods: both,
		},
		"no pods where none are expected is an answer": {
			story: newStory(), expected: []string{}, pods: map[string]reported{},
		},
		"no pods where nobody knows is not": {
			story: newStory(), pods: map[string]reported{}, partial: true, faults: []string{"series-absent"},
		},
		"series without a pod label are counted against the pods expected": {
			story: newStory().pod("a", "vllm:num_requests_waiting{pod=,model_name=m}", 2).
				pod("a", "vllm:num_requests_running{pod=,model_name=m}", 3).
				pod("a", "vllm:request_success_total{pod=,model_name=m}", counting(10, 1)...).
				up("a", "up{pod=}", 1),
			expected: []string{"x", "y"},
			pods:     map[string]reported{"a:8000": {"2", "3", "?", "0.06667", "?", "?"}}, partial: true,
			faults: []string{
				"pod-missing", "series-absent kv", "series-absent outputTokens", "series-absent promptTokens",
			},
		},
		"a pod scraped once has levels, and rates are still unknown": {
			story: newStory().vllmPod("b").
				pod("a", "vllm:num_requests_waiting{model_name=m}", since(8, 2)...).
				pod("a", "vllm:num_requests_running{model_name=m}", since(8, 3)...).
				pod("a", "vllm:kv_cache_usage_perc{model_name=m}", since(8, 0.5)...).
				pod("a", "vllm:request_success_total{model_name=m}", since(8, 1e6)...).
				pod("a", "vllm:prompt_tokens_total{model_name=m}", since(8, 1e6)...).
				pod("a", "vllm:generation_tokens_total{model_name=m}", since(8, 1e6)...).
				up("a", "up", since(8, 1)...),
			pods: map[string]reported{"a": {"2", "3", "0.5", "?", "?", "?"}, "b": healthy}, partial: true,
			faults: []string{
				"arrivals-partial arrivals", "history-short completions", "history-short outputTokens",
				"history-short promptTokens",
			},
		},
		"an outage of Prometheus is not an empty fleet": {
			story: newStory().pod("a", "vllm:num_requests_waiting{model_name=m}", until(2, 2)...).
				up("a", "up", until(2, 1)...),
			pods: map[string]reported{"a": {"?", "?", "?", "?", "?", "?"}}, partial: true,
			faults: []string{"series-stale"},
		},
		"another namespace's pod is not ours": {
			story: newStory().vllmPod("a").pod("x", "vllm:num_requests_waiting{namespace=other,model_name=m}", 7),
			pods:  one,
		},
		"the end mark of a remote store ends a series": {
			story: newStory().vllmPod("a").pod("a", "vllm:num_requests_waiting_by_reason{model_name=m,reason=capacity}",
				7, 7, 7, 7, 7, 7, 7, 7, math.Float64frombits(staleNaN)),
			pods: one,
		},
		"a restart at a new address is one pod, not two": {
			story: newStory().
				pod("a", "vllm:num_requests_waiting{model_name=m}", until(5, 2)...).
				pod("a", "vllm:num_requests_running{model_name=m}", until(5, 3)...).
				pod("a", "vllm:request_success_total{model_name=m}", until(5, counting(10, 1)...)...).
				pod("a", "vllm:num_requests_waiting{model_name=m,instance=new}", since(5, 1)...).
				pod("a", "vllm:num_requests_running{model_name=m,instance=new}", since(5, 1)...).
				pod("a", "vllm:request_success_total{model_name=m,instance=new}", since(5, counting(-5, 1)...)...).
				up("a", "up", until(5, 1)...).up("a", "up{instance=new}", since(5, 1)...),
			pods: map[string]reported{"a": {"1", "1", "?", "0.05714", "?", "?"}}, // 6 completions in 105 s
			faults: []string{
				"series-absent kv", "series-absent outputTokens", "series-absent promptTokens",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := engineBinding("vllm", "m")
			got, faults := NewEvaluator(DefaultOptions()).Signals(b, tc.story.window(), storyAt, tc.expected)
			if diff := cmp.Diff(tc.pods, shownPods(got.Pods)); diff != "" {
				t.Errorf("pods (-want +got):\n%s", diff)
			}
			if got.Partial != tc.partial {
				t.Errorf("partial: want %v, got %v", tc.partial, got.Partial)
			}
			if diff := cmp.Diff(tc.faults, faultCodes(faults), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("faults (-want +got):\n%s\n%v", diff, faults)
			}
			plain, _ := Evaluator{Options: DefaultOptions()}.Signals(b, tc.story.window(), storyAt, tc.expected)
			if diff := cmp.Diff(plain, got); diff != "" {
				t.Errorf("the index changes the answer (-without +with):\n%s", diff)
			}
		})
	}
}

func TestRelabelledSeries(t *testing.T) {
	b := engineBinding("vllm", "m")
	b.Labels = Labels{Namespace: "ns", Pod: "kube_pod", Model: "llm"}
	w := newStory().
		pod("t", "vllm:num_requests_waiting{namespace=,pod=,instance=,ns=llm,kube_pod=a,llm=m,model_name=x}", 2).
		pod("t", "vllm:num_requests_waiting{namespace=,pod=,instance=,ns=llm,kube_pod=b,llm=n,model_name=m}", 5).window()
	got, _ := NewEvaluator(DefaultOptions()).Signals(b, w, storyAt, nil)
	if len(got.Pods) != 1 || got.Pods[0].Name != "a" || got.Pods[0].Pending.Value != 2 {
		t.Errorf("want pod a with 2 waiting, got %+v", got.Pods)
	}
}

// TestProofOfAnUnusedEngine reads TGI, whose series all appear at first use.
func TestProofOfAnUnusedEngine(t *testing.T) {
	for name, tc := range map[string]struct {
		story    *story
		matchers map[string]string
		want     reported
	}{
		"up, and the binding says which job is the engine's": {
			newStory().up("a", "up", 1), map[string]string{"job": "vllm"}, reported{"0", "0", "0", "0", "0", "0"},
		},
		"up, and another pod shows which job is the engine's": {
			newStory().up("a", "up", 1).pod("b", "tgi_queue_size", 0), nil, reported{"0", "0", "0", "0", "0", "0"},
		},
		"something of the pod is up, nobody knows what": {
			newStory().up("a", "up", 1), nil, reported{"?", "?", "?", "?", "?", "?"},
		},
		"only a sidecar is up": {
			newStory().up("a", "up{job=istio}", 1),
			map[string]string{"job": "vllm"},
			reported{"?", "?", "?", "?", "?", "?"},
		},
		"down": {
			newStory().up("a", "up", 0), map[string]string{"job": "vllm"}, reported{"?", "?", "?", "?", "?", "?"},
		},
		"one of its two ports is down": {
			newStory().up("a", "up", 1).up("a", "up{instance=a:81}", 0),
			map[string]string{"job": "vllm"},
			reported{"?", "?", "?", "?", "?", "?"},
		},
		"one of two Prometheus servers reaches it": {
			newStory().up("a", "up{replica=x}", 1).up("a", "up{replica=y}", 0),
			map[string]string{"job": "vllm"},
			reported{"0", "0", "0", "0", "0", "0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := engineBinding("tgi", "")
			b.Matchers = tc.matchers
			got, _ := NewEvaluator(DefaultOptions()).Signals(b, tc.story.window(), storyAt, []string{"a"})
			if diff := cmp.Diff(tc.want, shownPods(got.Pods)["a"]); diff != "" {
				t.Errorf("pod a (-want +got):\n%s", diff)
			}
			if known := tc.want.Pending != "?"; got.Partial == known || got.Arrivals.Known != known {
				t.Errorf("want arrivals known %v, and partial the contrary, got %+v", known, got)
			}
		})
	}
}

func TestStatesTellWhy(t *testing.T) {
	w := newStory().vllmPod("a").
		pod("b", "vllm:num_requests_waiting{model_name=m}", until(2, 1)...).
		pod("b", "vllm:num_requests_running{model_name=m}", math.Inf(1)).
		up("b", "up", 1).window()
	e := NewEvaluator(DefaultOptions()).Evaluate(engineBinding("vllm", "m"), w, storyAt, []string{"a", "b"})
	got := map[string]policy.State{}
	for _, p := range e.Pods {
		for _, sig := range []Signal{Pending, Running, KV, Completions} {
			got[p.Name+" "+string(sig)] = p.Signals[sig].State
		}
	}
	want := map[string]policy.State{
		"a pending": policy.Fresh, "a running": policy.Fresh, "a kv": policy.Fresh, "a completions": policy.Fresh,
		"b pending": policy.Absent, // its series ended while the target lives on
		"b running": policy.Invalid, "b kv": policy.Absent, "b completions": policy.Idling,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

func TestUnknownNamesAreMetWithASuggestion(t *testing.T) {
	for name, tc := range map[string]struct {
		engine, gateway string
		want            string
	}{
		"an engine misspelt":  {"vlm", "", `"vlm": the engine has no preset (did you mean vllm?)`},
		"an engine unheard":   {"abacus", "", "known engines: kserve-huggingface, llama-cpp"},
		"a gateway misspelt":  {"vllm", "llmd-epp", `"llmd-epp": the gateway has no preset (did you mean llm-d-epp?)`},
		"a gateway as engine": {"istio", "", `"istio": the engine has no preset`},
	} {
		t.Run(name, func(t *testing.T) {
			b := engineBinding(tc.engine, "m")
			if tc.gateway != "" {
				b.Gateway = &GatewayBinding{Preset: tc.gateway}
			}
			got, faults := NewEvaluator(DefaultOptions()).Signals(b, newStory().vllmPod("a").window(), storyAt, nil)
			if !got.Partial || len(faults) != 1 || !strings.Contains(faults[0].Text, tc.want) {
				t.Errorf("want a partial answer and %q, got %v and %v", tc.want, got.Partial, faults)
			}
		})
	}
}

func TestFutureSamplesAreRefused(t *testing.T) {
	future := model.Matrix{{
		Metric: model.Metric{
			model.MetricNameLabel: "vllm:num_requests_waiting", "namespace": "llm", "pod": "a", "job": "vllm",
			"instance": "a:8000", "model_name": "m",
		},
		Values: []model.SamplePair{{
			Timestamp: model.TimeFromUnixNano(storyAt.Add(5 * time.Minute).UnixNano()), Value: 99,
		}},
	}}
	w := newStory().vllmPod("a").window()
	w.Add(future)
	e := NewEvaluator(DefaultOptions())
	got, faults := e.Signals(engineBinding("vllm", "m"), w, storyAt, nil)
	if diff := cmp.Diff(map[string]reported{"a": healthy}, shownPods(got.Pods)); diff != "" {
		t.Errorf("pods (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"sample-in-future"}, faultCodes(faults)); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	e.Head = storyAt.Add(10 * time.Minute) // replaying: what comes later is no fault
	if _, faults := e.Signals(engineBinding("vllm", "m"), w, storyAt, nil); len(faults) > 0 {
		t.Errorf("replay: want no faults, got %v", faults)
	}
}
