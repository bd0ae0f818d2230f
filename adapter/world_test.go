package adapter

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"k8s.io/metrics/pkg/client/custom_metrics"
	"k8s.io/metrics/pkg/client/external_metrics"

	"github.com/forewarm/forewarm/policy"
)

// noon is when every test happens.
var noon = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// world is a running adapter, its cluster, and what it is told.
type world struct {
	t        *testing.T
	cluster  *cluster
	server   *Server
	addr     string
	snapshot atomic.Pointer[policy.Snapshot]
	now      atomic.Pointer[time.Time]
	stop     func() error

	hold    atomic.Pointer[func()] // called when a request reads the clock, which then waits for release
	release chan struct{}

	mu    sync.Mutex
	warns []string
}

var testNames = Names{
	"vllm": {
		"vllm:num_requests_waiting": "inference_pending_requests", "vllm_num_requests_waiting": "inference_pending_requests",
		"vllm:kv_cache_usage_perc": "inference_kv_utilization",
	},
	"sglang": {"sglang:num_queue_reqs": "inference_pending_requests"},
}

// start runs an adapter on what the cluster has.
func start(t *testing.T, c *cluster, s *policy.Snapshot, change func(*Options)) *world {
	t.Helper()
	w := prepare(t, c, s, change)
	ctx, cancel := context.WithCancel(context.Background()) //nolint:usetesting // it ends in the test
	done := make(chan error, 1)
	go func() { done <- w.server.Run(ctx) }()
	w.stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(30 * time.Second):
			return fmt.Errorf("it did not end")
		}
	})
	t.Cleanup(func() {
		if err := w.stop(); err != nil {
			t.Error(err)
		}
	})
	w.until("ready", func() bool { return w.server.Ready() == nil })
	d, err := discovery.NewDiscoveryClientForConfig(c.as(t, w.addr, hpaUser, "system:serviceaccounts"))
	if err != nil {
		t.Fatal(err)
	}
	w.until("callers told apart", func() bool {
		_, err := d.ServerResourcesForGroupVersion("custom.metrics.k8s.io/v1beta2")
		return err == nil
	})
	return w
}

// prepare builds an adapter that does not run yet.
func prepare(t *testing.T, c *cluster, s *policy.Snapshot, change func(*Options)) *world {
	t.Helper()
	w := &world{t: t, cluster: c}
	w.snapshot.Store(s)
	w.at(noon)
	o := DefaultOptions()
	o.Kubeconfig, o.Names = c.kubeconfig(t), testNames
	o.CertFile, o.KeyFile = c.serverFiles(t)
	o.Warn = func(s string) { w.mu.Lock(); w.warns = append(w.warns, s); w.mu.Unlock() }
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	o.Listen, o.listener, w.addr = "127.0.0.1:0", l, l.Addr().String()
	if change != nil {
		change(&o)
	}
	w.server, err = New(o, View{
		Snapshot: w.snapshot.Load,
		HoldFor:  func() time.Duration { return 10 * time.Minute },
		MaxAge:   func() time.Duration { return 90 * time.Second },
		Now: func() time.Time { // only requests ask for it
			if reached := w.hold.Load(); reached != nil {
				(*reached)()
				<-w.release
			}
			return *w.now.Load()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) at(t time.Time) { w.now.Store(&t) }

func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("never: %s", what)
		}
	}
}

// sees waits until the adapter knows a pod as ready, or as gone.
func (w *world) sees(namespace, name string, ready bool) {
	w.t.Helper()
	w.until(fmt.Sprintf("pod %s ready %t", name, ready), func() bool {
		list, _ := w.server.pods.of(namespace)
		for _, p := range list {
			if p.name == name {
				return p.ready.IsZero() != ready
			}
		}
		return !ready
	})
}

// mapper knows the kinds that tests describe.
func mapper() meta.RESTMapper {
	kinds := []schema.GroupVersionKind{
		{Version: "v1", Kind: "Pod"},
		{Version: "v1", Kind: "Service"},
		{Group: "apps", Version: "v1", Kind: "Deployment"},
		{Group: "apps", Version: "v1", Kind: "StatefulSet"},
		{Group: "leaderworkerset.x-k8s.io", Version: "v1", Kind: "LeaderWorkerSet"},
		{Group: "inference.networking.k8s.io", Version: "v1", Kind: "InferencePool"},
		{Group: "ray.io", Version: "v1", Kind: "RayCluster"},
	}
	var versions []schema.GroupVersion
	for _, k := range kinds {
		versions = append(versions, k.GroupVersion())
	}
	m := meta.NewDefaultRESTMapper(versions)
	for _, k := range kinds {
		m.Add(k, meta.RESTScopeNamespace)
	}
	m.Add(schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}, meta.RESTScopeRoot)
	return m
}

// hpa is the clients of the HPA controller: the version of the custom API is
// discovered, as there.
func (w *world) hpa() (custom_metrics.CustomMetricsClient, external_metrics.ExternalMetricsClient) {
	w.t.Helper()
	return w.clients(w.cluster.as(w.t, w.addr, hpaUser, "system:serviceaccounts"))
}

func (w *world) clients(cfg *rest.Config) (custom_metrics.CustomMetricsClient, external_metrics.ExternalMetricsClient) {
	w.t.Helper()
	d, err := discovery.NewDiscoveryClientForConfig(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	e, err := external_metrics.NewForConfig(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return custom_metrics.NewForConfig(cfg, mapper(), custom_metrics.NewAvailableAPIsGetter(d)), e
}

// readyPod is a pod that has served for an hour.
func readyPod(namespace, name, app string) *corev1.Pod {
	old := metav1.NewTime(noon.Add(-time.Hour))
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: "u", CreationTimestamp: old, Labels: map[string]string{"app": app}},
		Status: corev1.PodStatus{
			Phase:      corev1.PodRunning,
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: old}},
			ContainerStatuses: []corev1.ContainerStatus{{
				Name: "engine", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: old}},
			}},
		},
	}
}

// reports is what a pod says: values of 10 s ago.
func reports(name, variant string, pending, running float64) policy.Pod {
	seen := func(v float64) policy.Reading { return policy.Seen(v, 10*time.Second) }
	return policy.Pod{
		Name: name, Variant: variant, Pending: seen(pending), Running: seen(running), KV: seen(0.4567),
		Completions: seen(1.5), PromptTokens: seen(300), OutputTokens: seen(100),
	}
}

// model is a model with one Deployment per variant, called like the variant.
func model(namespace, name, engine string, pods []policy.Pod, variants ...string) policy.ModelView {
	m := policy.Model{ID: policy.ModelID{Namespace: namespace, Name: name}, Engine: engine}
	v := policy.ModelView{Input: policy.Input{Model: m.ID, Now: noon.Add(-5 * time.Second)}}
	for _, one := range variants {
		m.Variants = append(m.Variants, policy.Variant{
			Name: one, Target: policy.Target{APIVersion: "apps/v1", Kind: "Deployment", Name: one},
		})
		ready := 0
		for _, p := range pods {
			if p.Variant == one {
				ready++
			}
		}
		v.Input.Supply = append(v.Input.Supply, policy.Supply{Variant: one, Known: true, Spec: ready, Ready: ready})
	}
	v.Model, v.Input.Signals.Pods = m, pods
	v.Input.Signals.Arrivals = policy.Seen(4.25, 20*time.Second)
	v.Input.Signals.TTFTP95 = policy.Seen(0.75, 20*time.Second)
	return v
}

// snapshot decides three replicas for every variant.
func snapshot(views ...policy.ModelView) *policy.Snapshot {
	s := &policy.Snapshot{At: noon.Add(-5 * time.Second), Models: views}
	s.Plan.At = s.At
	for _, v := range views {
		for _, one := range v.Model.Variants {
			s.Plan.Decisions = append(s.Plan.Decisions, policy.Decision{
				ID: policy.VariantID{Model: v.Model.ID, Variant: one.Name}, Known: true, Replicas: 3, Good: s.At,
			})
		}
	}
	return s
}

var (
	deployment = schema.GroupKind{Group: "apps", Kind: "Deployment"}
	service    = schema.GroupKind{Kind: "Service"}
	podKind    = schema.GroupKind{Kind: "Pod"}
	nsKind     = schema.GroupKind{Kind: "Namespace"}
)

func selector(t *testing.T, s string) labels.Selector {
	t.Helper()
	out, err := labels.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestMain keeps the library's log out of the tests' output.
func TestMain(m *testing.M) {
	klog.SetSlogLogger(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}
