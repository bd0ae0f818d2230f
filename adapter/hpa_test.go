package adapter

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
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

		"a Service that could be either":    {"llm", service, "gateway", "inference_pending_requests", "", "several models: add a metric selector"},
		"a selector that means nothing":     {"llm", service, "gateway", Desired, "model=lama", "model=llama,engine=vllm"},
		"an object that nobody scales":      {"llm", deployment, "web", Desired, "", "no variant scales"},
		"a namespace without models":        {"shop", deployment, "web", Desired, "", "no model is served in namespace shop"},
		"a metric that nobody serves":       {"llm", deployment, "spot", "gpu_utilization", "", "no metric gpu_utilization"},
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

// TestOnlyWhatIsTrueLeaves spoils one thing of pod a, beside b which is well.
func TestOnlyWhatIsTrueLeaves(t *testing.T) {
	seconds := func(n int) metav1.Time { return metav1.NewTime(noon.Add(time.Duration(n) * time.Second)) }
	type story struct {
		pod    func(*corev1.Pod)
		says   func(*policy.Pod)
		metric string
		serves bool
	}
	stories := map[string]story{
		"well":                   {serves: true},
		"loading":                {pod: func(p *corev1.Pod) { p.Status.Conditions[0].Status = corev1.ConditionFalse }},
		"not scheduled":          {pod: func(p *corev1.Pod) { p.Status = corev1.PodStatus{Phase: corev1.PodPending} }},
		"being deleted":          {pod: func(p *corev1.Pod) { at := seconds(-5); p.DeletionTimestamp, p.Finalizers = &at, []string{"x/y"} }},
		"ended":                  {pod: func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }},
		"of another app":         {pod: func(p *corev1.Pod) { p.Labels["app"] = "web" }},
		"silent":                 {says: func(p *policy.Pod) { p.Pending = policy.Reading{} }},
		"too old":                {says: func(p *policy.Pod) { p.Pending.Age = 86 * time.Second }},
		"old, not too old":       {says: func(p *policy.Pod) { p.Pending.Age = 84 * time.Second }, serves: true},
		"NaN":                    {says: func(p *policy.Pod) { p.Pending.Value = math.NaN() }},
		"infinite":               {says: func(p *policy.Pod) { p.Pending.Value = math.Inf(1) }},
		"negative":               {says: func(p *policy.Pod) { p.Pending.Value = -1 }},
		"absurd":                 {says: func(p *policy.Pod) { p.Pending.Value = 1e300 }},
		"sampled before ready":   {pod: func(p *corev1.Pod) { p.Status.Conditions[0].LastTransitionTime = seconds(-14) }},
		"in the second of ready": {pod: func(p *corev1.Pod) { p.Status.Conditions[0].LastTransitionTime = seconds(-15) }},
		"sampled since ready":    {pod: func(p *corev1.Pod) { p.Status.Conditions[0].LastTransitionTime = seconds(-16) }, serves: true},
		"restarted, a gauge":     {pod: restarted(-60), serves: true},
		"restarted, a rate":      {pod: restarted(-60), metric: "requests_per_second"},
		"restarted long ago":     {pod: restarted(-200), metric: "requests_per_second", serves: true},
		"a namesake, just created": {pod: func(p *corev1.Pod) {
			p.UID, p.CreationTimestamp = "other", seconds(-10)
			p.Status.Conditions[0].LastTransitionTime = seconds(-8)
		}},
	}
	c, places := newCluster(t), placed(stories)
	var views []policy.ModelView
	for name, tc := range stories {
		ns := places[name]
		a := readyPod(ns, "a", "vllm")
		v := model(ns, "llama", "vllm", []policy.Pod{reports("a", "main", 2, 7), reports("b", "main", 5, 9)}, "main")
		if tc.pod != nil {
			tc.pod(a)
		}
		if tc.says != nil {
			tc.says(&v.Input.Signals.Pods[0])
		}
		c.put(a)
		c.put(readyPod(ns, "b", "vllm"))
		c.put(readyPod(ns, "foreign", "vllm")) // matches the selector and serves no model
		views = append(views, v)
	}
	w := start(t, c, snapshot(views...), nil)
	custom, _ := w.hpa()
	for name, tc := range stories {
		t.Run(name, func(t *testing.T) {
			metric, want := tc.metric, []string{"b"}
			if metric == "" {
				metric = "inference_pending_requests"
			}
			if tc.serves {
				want = []string{"a", "b"}
			}
			got, err := custom.NamespacedMetrics(places[name]).GetForObjects(podKind, selector(t, "app=vllm"), metric, labels.Everything())
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, item := range got.Items {
				names = append(names, item.DescribedObject.Name)
			}
			if !slices.Equal(names, want) {
				t.Errorf("want %v, got %v", want, names)
			}
		})
	}
}

// placed gives each story a namespace of its own, so that one server tells them all.
func placed[T any](stories map[string]T) map[string]string {
	out := map[string]string{}
	for i, name := range slices.Sorted(maps.Keys(stories)) {
		out[name] = fmt.Sprintf("n%d", i)
	}
	return out
}

// restarted is a pod whose container started some seconds from noon, and was ready
// before that because its probe is slow.
func restarted(at int) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.ContainerStatuses[0].RestartCount = 1
		p.Status.ContainerStatuses[0].State.Running.StartedAt = metav1.NewTime(noon.Add(time.Duration(at) * time.Second))
	}
}

// TestPodsComeAndGo follows a watch, and asks nothing of the cluster per request.
func TestPodsComeAndGo(t *testing.T) {
	c, v := twoPods(t)
	w := start(t, c, snapshot(v), nil)
	custom, _ := w.hpa()
	ask := func() int {
		t.Helper()
		got, err := custom.NamespacedMetrics("llm").GetForObjects(podKind, selector(t, "app=vllm"), "inference_pending_requests", labels.Everything())
		if err != nil {
			t.Fatal(err)
		}
		return len(got.Items)
	}
	before := c.asked()
	for range 50 {
		if n := ask(); n != 2 {
			t.Fatalf("want 2 pods, got %d", n)
		}
	}
	if after := c.asked(); after != before {
		t.Errorf("50 requests asked the cluster %d times", after-before)
	}
	gone := readyPod("llm", "a", "vllm")
	at := metav1.NewTime(noon)
	gone.DeletionTimestamp, gone.Finalizers = &at, []string{"x/y"}
	c.put(gone)
	w.sees("llm", "a", false)
	if n := ask(); n != 1 {
		t.Errorf("want the deleted pod gone at once, got %d pods", n)
	}
	c.drop(gone)
	c.put(readyPod("llm", "a", "vllm"))
	w.sees("llm", "a", true)
	if n := ask(); n != 2 {
		t.Errorf("want the pod of that name that served before noon, got %d pods", n)
	}

	// A model in another namespace is followed as well, and forgotten.
	c.put(readyPod("new", "n", "vllm"))
	w.snapshot.Store(snapshot(v, model("new", "other", "vllm", []policy.Pod{reports("n", "n", 1, 1)}, "n")))
	w.sees("new", "n", true)
	w.snapshot.Store(snapshot(v))
	w.until("the namespace is left", func() bool { _, known := w.server.pods.of("new"); return !known })
	if _, err := custom.NamespacedMetrics("new").GetForObjects(podKind, selector(t, ""), "inference_pending_requests", labels.Everything()); err == nil {
		t.Error("want an error of a namespace that serves nothing")
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

// TestAtZeroPods is what lets an HPA sleep and wake.
func TestAtZeroPods(t *testing.T) {
	asleep := func(gateway bool, queue policy.Reading) policy.ModelView {
		v := model("", "llama", "vllm", nil, "main")
		v.Model.Gateway, v.Input.Signals.GatewayQueue = gateway, queue
		v.Input.Signals.Arrivals = policy.Reading{}
		return v
	}
	unheard := asleep(true, policy.Seen(2, 0))
	unheard.Input.Supply[0].Known = false
	tell(t, map[string]told{
		"the decision":                 {asleep(true, policy.Seen(0, 0)), Desired, "0"},
		"a queue in front":             {asleep(true, policy.Seen(12, 0)), "inference_pending_requests", "12"},
		"an empty queue":               {asleep(true, policy.Seen(0, 0)), "inference_pending_requests", "0"},
		"a gateway that fell silent":   {asleep(true, policy.Reading{}), "inference_pending_requests", "queue is unknown"},
		"nothing that could tell":      {asleep(false, policy.Reading{}), "inference_pending_requests", "no gateway tells"},
		"nothing runs":                 {asleep(true, policy.Seen(0, 0)), "inference_running_requests", "0"},
		"no cache is there to be used": {asleep(true, policy.Seen(0, 0)), "inference_kv_utilization", "no replica is ready"},
		"not known whether it is zero": {unheard, "inference_pending_requests", "not known that none should"},
		"arrivals that nobody counts":  {asleep(true, policy.Seen(0, 0)), "requests_per_second", "unknown"},
	})
}

// told is a model of the Deployment main, and what its objects answer.
type told struct {
	view   policy.ModelView
	metric string
	want   string // value; else part of the error
}

// tell asks of the Deployment and of a Service.
func tell(t *testing.T, stories map[string]told) {
	t.Helper()
	places := placed(stories)
	var views []policy.ModelView
	for name, tc := range stories {
		tc.view.Model.ID.Namespace, tc.view.Input.Model.Namespace = places[name], places[name]
		views = append(views, tc.view)
	}
	s := snapshot(views...)
	for i := range s.Plan.Decisions {
		s.Plan.Decisions[i].Replicas = 0
	}
	w := start(t, newCluster(t), s, nil)
	custom, _ := w.hpa()
	for name, tc := range stories {
		t.Run(name, func(t *testing.T) {
			for _, kind := range []schema.GroupKind{deployment, service} {
				got, err := custom.NamespacedMetrics(places[name]).GetForObject(kind, "main", tc.metric, labels.Everything())
				text := fmt.Sprint(err)
				if err == nil {
					text = got.Value.String()
				}
				if text != tc.want && (err == nil || !strings.Contains(text, tc.want)) {
					t.Errorf("%s: want %q, got %q", kind, tc.want, text)
				}
			}
		})
	}
}

// TestSumsAreWholeOrNothing: a part of a queue looks like a short one.
func TestSumsAreWholeOrNothing(t *testing.T) {
	view := func(change func(*policy.ModelView)) policy.ModelView {
		v := model("", "llama", "vllm", []policy.Pod{reports("a", "main", 2, 7), reports("b", "main", 5, 9)}, "main")
		change(&v)
		return v
	}
	gateway := func(queue policy.Reading, faults ...policy.Fault) policy.ModelView {
		return view(func(v *policy.ModelView) {
			v.Model.Gateway, v.Input.Signals.GatewayQueue, v.Input.Faults = true, queue, faults
		})
	}
	stories := map[string]told{}
	for name, tc := range map[string]told{
		"whole":                  {view(func(*policy.ModelView) {}), "", "7"},
		"a pod is silent":        {view(func(v *policy.ModelView) { v.Input.Signals.Pods[1].Pending.Known = false }), "", "pod b is unknown"},
		"a pod is late":          {view(func(v *policy.ModelView) { v.Input.Signals.Pods[1].Pending.Age = 3 * time.Minute }), "", "more than 1m30s"},
		"a ready pod is missing": {view(func(v *policy.ModelView) { v.Input.Supply[0].Ready = 3 }), "", "2 of 3 ready replicas"},
		"replicas are not known": {view(func(v *policy.ModelView) { v.Input.Supply[0].Known = false }), "", "7"},

		"a gateway holds some more":     {gateway(policy.Seen(4, 0)), "", "11"},
		"a gateway that has no queue":   {gateway(policy.Reading{}), "", "7"},
		"a gateway whose queue is lost": {gateway(policy.Reading{}, policy.Fault{Code: "series-stale", Signal: "queue"}), "", "queue is unknown"},
		"a gateway that is not scraped": {gateway(policy.Reading{}, policy.Fault{Code: "gateway-absent"}), "", "queue is unknown"},
	} {
		tc.metric = "inference_pending_requests"
		stories[name] = tc
	}
	tell(t, stories)
}

// TestAHeldDecisionIsServedForAWhile, and then it is an error, on which HPAs hold.
func TestAHeldDecisionIsServedForAWhile(t *testing.T) {
	c, v := twoPods(t)
	s := snapshot(v)
	s.Plan.Decisions[0].Hold = true
	w := start(t, c, s, nil)
	custom, _ := w.hpa()
	ask := func() (string, time.Time, error) {
		got, err := custom.NamespacedMetrics("llm").GetForObject(deployment, "main", Desired, labels.Everything())
		if err != nil {
			return "", time.Time{}, err
		}
		return got.Value.String(), got.Timestamp.Time, nil
	}
	good := s.Plan.Decisions[0].Good
	w.at(good.Add(10 * time.Minute))
	if got, at, err := ask(); err != nil || got != "3" || !at.Equal(good) {
		t.Errorf("want the held 3 with the moment that it rests on, got %s of %s, %v", got, at, err)
	}
	w.at(good.Add(10*time.Minute + time.Second))
	if _, _, err := ask(); err == nil || !strings.Contains(err.Error(), "10m1s ago") {
		t.Errorf("want an error once the hold is over, got %v", err)
	}
	never := snapshot(v)
	never.Plan.Decisions[0].Known = false
	w.snapshot.Store(never)
	if _, _, err := ask(); err == nil || !strings.Contains(err.Error(), "nothing was ever known") {
		t.Errorf("want an error without a decision, got %v", err)
	}
	w.snapshot.Store(nil)
	if _, _, err := ask(); err == nil || !strings.Contains(err.Error(), "no decision yet") {
		t.Errorf("want an error before the first tick, got %v", err)
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
