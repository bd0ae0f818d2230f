package adapter

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"

	"github.com/forewarm/forewarm/policy"
)

// twoPods is a cluster with the pods a and b of one Deployment, and what they say.
func twoPods(t *testing.T) (*cluster, policy.ModelView) {
	t.Helper()
	c := newCluster(t)
	c.put(readyPod("llm", "a", "vllm"))
	c.put(readyPod("llm", "b", "vllm"))
	return c, model("llm", "llama", "vllm", []policy.Pod{reports("a", "main", 2, 7), reports("b", "main", 5, 9)}, "main")
}

// TestAPodOfWhichAPartIsSilentIsLeftOut: an HPA reckons with what it would take, not with too little.
func TestAPodOfWhichAPartIsSilentIsLeftOut(t *testing.T) {
	c, v := twoPods(t)
	v.Input.Signals.Partial, v.Input.Signals.Pods[0].Partial = true, true
	w := start(t, c, snapshot(v), nil)
	custom, _ := w.hpa()
	w.sees("llm", "b", true)
	got, err := custom.NamespacedMetrics("llm").GetForObjects(podKind, labels.Everything(), "inference_pending_requests",
		labels.Everything())
	if err != nil || len(got.Items) != 1 || got.Items[0].DescribedObject.Name != "b" {
		t.Errorf("want pod b alone, got %v, %v", got, err)
	}
}

// TestPodsMetrics asks as the HPA of the seed chapter does, with every name that
// people use for a metric.
func TestPodsMetrics(t *testing.T) {
	c, v := twoPods(t)
	w := start(t, c, snapshot(v), nil)
	custom, _ := w.hpa()
	sampled := noon.Add(-15 * time.Second)
	for name, tc := range map[string]struct {
		want   [2]string
		window bool
	}{
		"requests_per_second":                {[2]string{"1500m", "1500m"}, true}, // the seed chapter's
		"inference_requests_per_second":      {[2]string{"1500m", "1500m"}, true},
		"inference_pending_requests":         {[2]string{"2", "5"}, false},
		"vllm:num_requests_waiting":          {[2]string{"2", "5"}, false},
		"vllm_num_requests_waiting":          {[2]string{"2", "5"}, false},
		"vllm_pending_requests":              {[2]string{"2", "5"}, false},
		"inference_running_requests":         {[2]string{"7", "9"}, false},
		"inference_kv_utilization":           {[2]string{"457m", "457m"}, false}, // rounded to thousandths
		"vllm:kv_cache_usage_perc":           {[2]string{"457m", "457m"}, false},
		"inference_prompt_tokens_per_second": {[2]string{"300", "300"}, true},
		"inference_output_tokens_per_second": {[2]string{"100", "100"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := custom.NamespacedMetrics("llm").GetForObjects(podKind, selector(t, "app=vllm"), name, labels.Everything())
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Items) != 2 {
				t.Fatalf("want both pods, got %+v", got.Items)
			}
			for i, item := range got.Items {
				if item.DescribedObject.Name != []string{"a", "b"}[i] || item.DescribedObject.Kind != "Pod" || item.DescribedObject.Namespace != "llm" {
					t.Errorf("want the pods in order, got %+v", item.DescribedObject)
				}
				if item.Value.String() != tc.want[i] || item.Metric.Name != name {
					t.Errorf("want %s of %s, got %s of %s", tc.want[i], name, item.Value.String(), item.Metric.Name)
				}
				if !item.Timestamp.Time.Equal(sampled) {
					t.Errorf("want the moment of the scrape, %s, got %s", sampled, item.Timestamp)
				}
				if (item.WindowSeconds != nil) != tc.window || (tc.window && *item.WindowSeconds != 120) {
					t.Errorf("want a window for rates only, got %v", item.WindowSeconds)
				}
			}
		})
	}
}

// TestObjectMetrics describes every kind that can stand for a model.
func TestObjectMetrics(t *testing.T) {
	c := newCluster(t)
	one := model("llm", "llama", "vllm", []policy.Pod{reports("a", "main", 2, 7), reports("b", "spot", 5, 9)}, "main", "spot")
	one.Model.Variants[0].Target = policy.Target{APIVersion: "leaderworkerset.x-k8s.io/v1", Kind: "LeaderWorkerSet", Name: "lws"}
	two := model("llm", "qwen", "sglang", []policy.Pod{reports("q", "q", 1, 1)}, "q")
	two.Model.Variants[0].Target = policy.Target{APIVersion: "ray.io/v1", Kind: "RayCluster", Name: "ray"}
	two.Input.Signals.TTFTP95 = policy.Seen(0.5, time.Second)
	sole := model("sole", "m", "vllm", []policy.Pod{reports("s", "sts", 3, 4)}, "sts")
	sole.Model.Variants[0].Target.Kind = "StatefulSet"
	w := start(t, c, snapshot(one, two, sole), nil)
	custom, _ := w.hpa()
	pool := schema.GroupKind{Group: "inference.networking.k8s.io", Kind: "InferencePool"}
	for name, tc := range map[string]struct {
		ns     string
		kind   schema.GroupKind
		object string
		metric string
		sel    string
		want   string // value; else part of the error
	}{
		"a variant's pods": {"llm", deployment, "spot", "inference_pending_requests", "", "5"},
		"a variant of leaders and workers": {
			"llm", schema.GroupKind{Group: "leaderworkerset.x-k8s.io", Kind: "LeaderWorkerSet"}, "lws", "inference_running_requests", "", "7",
		},
		"any kind that a variant scales":          {"llm", schema.GroupKind{Group: "ray.io", Kind: "RayCluster"}, "ray", Desired, "", "3"},
		"a StatefulSet":                           {"sole", schema.GroupKind{Group: "apps", Kind: "StatefulSet"}, "sts", Desired, "", "3"},
		"a Service called like the model":         {"llm", service, "llama", "inference_pending_requests", "", "7"},
		"a Service called like a scale target":    {"llm", service, "ray", "inference_pending_requests", "", "1"},
		"a Service with a selector":               {"llm", service, "gateway", "inference_pending_requests", "model=llama", "7"},
		"a Service of one variant":                {"llm", service, "gateway", "inference_pending_requests", "model=llama,variant=main", "2"},
		"decisions of both variants":              {"llm", service, "gateway", Desired, "model=llama", "6"},
		"a pool of the namespace's only model":    {"sole", pool, "anything", "inference_requests_per_second", "", "4250m"},
		"a pool by engine":                        {"llm", pool, "pool", "inference_kv_utilization", "engine=sglang", "457m"},
		"an engine's own name picks its model":    {"llm", service, "x", "sglang:num_queue_reqs", "", "1"},
		"a namespace adds up":                     {"llm", nsKind, "llm", "inference_pending_requests", "", "8"},
		"a namespace's slowest model":             {"llm", nsKind, "llm", "inference_ttft_p95_seconds", "", "750m"},
		"a namespace with a selector":             {"llm", nsKind, "llm", Desired, "model=qwen", "3"},
		"a variant serves what its pods complete": {"llm", deployment, "spot", "requests_per_second", "", "1500m"},
		"a latency is the model's":                {"llm", deployment, "spot", "inference_ttft_p95_seconds", "", "750m"},

		"a Service that could be either": {"llm", service, "gateway", "inference_pending_requests", "", "several models: add a metric selector"},
		"a selector that means nothing":  {"llm", service, "gateway", Desired, "model=lama", "model=llama,engine=vllm"},
		"an object that nobody scales":   {"llm", deployment, "web", Desired, "", "no variant scales"},
		"a namespace without models":     {"shop", deployment, "web", Desired, "", "no model is served in namespace shop"},
		"a metric that nobody serves":    {"llm", deployment, "spot", "gpu_utilization", "", "no metric gpu_utilization"},
		"a Service whose model has another engine": {
			"llm", service, "qwen", "vllm:num_requests_waiting", "", "no model in namespace llm matches",
		},
		"another engine's name":             {"llm", deployment, "spot", "sglang:num_queue_reqs", "", "no model in namespace llm matches"},
		"a signal that is not known":        {"llm", deployment, "spot", "inference_itl_p95_seconds", "", "unknown"},
		"a variant that is not of the rest": {"llm", deployment, "spot", Desired, "variant=main", "matches"},
	} {
		t.Run(name, func(t *testing.T) {
			client := custom.NamespacedMetrics(tc.ns)
			if tc.kind == nsKind {
				client = custom.RootScopedMetrics()
			}
			got, err := client.GetForObject(tc.kind, tc.object, tc.metric, selector(t, tc.sel))
			if err != nil {
				if !strings.Contains(err.Error(), tc.want) {
					t.Errorf("want %q, got %v", tc.want, err)
				}
				return
			}
			if got.Value.String() != tc.want || got.DescribedObject.Name != tc.object || got.DescribedObject.Kind != tc.kind.Kind {
				t.Errorf("want %s of %s, got %s of %+v", tc.want, tc.object, got.Value.String(), got.DescribedObject)
			}
		})
	}
}

// TestMetricSelectors picks pods by model, variant and engine.
func TestMetricSelectors(t *testing.T) {
	c := newCluster(t)
	for _, name := range []string{"a", "b", "q"} {
		c.put(readyPod("llm", name, "any"))
	}
	one := model("llm", "llama", "vllm", []policy.Pod{reports("a", "main", 2, 7), reports("b", "spot", 5, 9)}, "main", "spot")
	two := model("llm", "qwen", "sglang", []policy.Pod{reports("q", "q", 1, 1)}, "q")
	w := start(t, c, snapshot(one, two), nil)
	custom, _ := w.hpa()
	for sel, want := range map[string]string{
		"": "a b q", "model=llama": "a b", "variant=spot": "b", "engine in (sglang)": "q", "model=qwen,engine=sglang": "q",
		"model!=llama": "q", "model=gpt": "error", "variant=spot,engine=sglang": "error",
	} {
		got, err := custom.NamespacedMetrics("llm").GetForObjects(podKind, selector(t, ""), "inference_pending_requests", selector(t, sel))
		var names []string
		if err != nil {
			names = []string{"error"}
		} else {
			for _, item := range got.Items {
				names = append(names, item.DescribedObject.Name)
			}
		}
		if s := strings.Join(names, " "); s != want {
			t.Errorf("%q: want %q, got %q (%v)", sel, want, s, err)
		}
	}
}

// TestExternalMetrics sums what the selector means.
func TestExternalMetrics(t *testing.T) {
	c := newCluster(t)
	one := model("llm", "llama", "vllm", []policy.Pod{reports("a", "main", 2, 7), reports("b", "spot", 5, 9)}, "main", "spot")
	two := model("llm", "qwen", "sglang", []policy.Pod{reports("q", "q", 1, 1)}, "q")
	w := start(t, c, snapshot(one, two), func(o *Options) { o.External = true })
	_, ext := w.hpa()
	for name, tc := range map[string]struct{ metric, sel, want string }{
		"one model's queue":        {"inference_pending_requests", "model=llama", "7"},
		"one variant's queue":      {"vllm:num_requests_waiting", "model=llama,variant=spot", "5"},
		"every model's":            {"inference_pending_requests", "", "7 1"},
		"a decision per variant":   {Desired, "model=llama", "3 3"},
		"one variant's decision":   {Desired, "variant=q", "3"},
		"the engine's own name":    {"sglang:num_queue_reqs", "", "1"},
		"no such model":            {Desired, "model=gpt", "no model in namespace llm matches"},
		"no such metric":           {"gpu", "", "no metric gpu"},
		"a signal that is unknown": {"inference_itl_p95_seconds", "model=llama", "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ext.NamespacedMetrics("llm").List(tc.metric, selector(t, tc.sel))
			if err != nil {
				if !strings.Contains(err.Error(), tc.want) {
					t.Errorf("want %q, got %v", tc.want, err)
				}
				return
			}
			var values []string
			for _, item := range got.Items {
				values = append(values, item.Value.String())
				if item.MetricName != tc.metric || item.MetricLabels["model"] == "" || item.Timestamp.After(noon) {
					t.Errorf("want name, labels and a true moment, got %+v", item)
				}
			}
			if s := strings.Join(values, " "); s != tc.want {
				t.Errorf("want %q, got %q", tc.want, s)
			}
		})
	}
}

// TestDiscoveryListsWhatIsServed, in both versions, for an HPA controller of any age.
func TestDiscoveryListsWhatIsServed(t *testing.T) {
	c, v := twoPods(t)
	w := start(t, c, snapshot(v), func(o *Options) { o.External = true })
	d, err := discovery.NewDiscoveryClientForConfig(c.as(t, w.addr, "admin", "system:masters"))
	if err != nil {
		t.Fatal(err)
	}
	for version, want := range map[string][]string{
		"custom.metrics.k8s.io/v1beta1": {"pods/requests_per_second", "pods/vllm:num_requests_waiting", "deployments.apps/" + Desired},
		"custom.metrics.k8s.io/v1beta2": {
			"services/" + Desired, "namespaces/" + Desired, "inferencepools.inference.networking.k8s.io/" + Desired,
			"leaderworkersets.leaderworkerset.x-k8s.io/" + Desired, "statefulsets.apps/vllm_pending_requests",
		},
		"external.metrics.k8s.io/v1beta1": {Desired, "inference_pending_requests"},
	} {
		list, err := d.ServerResourcesForGroupVersion(version)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, name := range want {
			if !slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Name == name }) {
				t.Errorf("%s: want %s", version, name)
			}
		}
		for _, r := range list.APIResources {
			if strings.Contains(r.Name, "sglang") || r.Name == "pods/"+Desired || r.Name == "pods/inference_ttft_p95_seconds" {
				t.Errorf("%s: do not want %s", version, r.Name)
			}
		}
	}
}
