package adapter

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/forewarm/forewarm/policy"
)

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
