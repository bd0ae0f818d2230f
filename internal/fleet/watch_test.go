package fleet

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/forewarm/forewarm/policy"
)

var (
	deployments = appsv1.SchemeGroupVersion.WithResource("deployments")
	llama       = policy.ModelID{Namespace: "llm", Name: "llama"}
	workload    = []Workload{{llama, []Target{deployment}}}
)

// watchedWorld is a cluster in memory that is watched. Requests of it fail while they are told to.
type watchedWorld struct {
	world
	t       *testing.T
	objects *dynamicfake.FakeDynamicClient

	mu     sync.Mutex
	fails  map[string]error // by verb and resource
	asked  map[string]int
	broken []func() // end the watches that are open
}

func newWatchedWorld(t *testing.T, replicas int64, pods ...runtime.Object) *watchedWorld {
	t.Helper()
	target := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "llama", "namespace": "llm"},
		"spec": map[string]any{
			"replicas": replicas, "selector": map[string]any{"matchLabels": map[string]any{"app": "llama"}},
		},
	}}
	scheme := runtime.NewScheme()
	w := &watchedWorld{
		world: newWorld(pods...), t: t, fails: map[string]error{}, asked: map[string]int{},
		objects: dynamicfake.NewSimpleDynamicClientWithCustomListKinds(scheme, map[schema.GroupVersionResource]string{
			deployments: "DeploymentList",
			{Group: "leaderworkerset.x-k8s.io", Version: "v1", Resource: "leaderworkersets"}: "LeaderWorkerSetList",
		}, target),
	}
	w.between(&w.core.Fake, w.core.Tracker())
	w.between(&w.objects.Fake, w.objects.Tracker())
	w.views = newViews(w.core, w.objects, w.opt.MaxAge, realTime)
	t.Cleanup(w.Close)
	return w
}

// between stands between the client and the objects.
func (w *watchedWorld) between(f *clienttesting.Fake, objects clienttesting.ObjectTracker) {
	answer := func(a clienttesting.Action) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		what := a.GetVerb() + " " + a.GetResource().Resource
		w.asked[what]++
		return w.fails[what]
	}
	f.PrependReactor("list", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
		err := answer(a)
		return err != nil, nil, err
	})
	f.PrependWatchReactor("*", func(a clienttesting.Action) (bool, watch.Interface, error) {
		if err := answer(a); err != nil {
			return true, nil, err
		}
		o, err := objects.Watch(a.GetResource(), a.GetNamespace())
		if err == nil {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.broken = append(w.broken, o.Stop)
		}
		return true, o, err
	})
}

// fail makes requests fail from now on, and breaks the watches that are open; nil heals.
func (w *watchedWorld) fail(err error, what ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range what {
		w.fails[s] = err
	}
	for _, stop := range w.broken {
		stop()
	}
	w.broken = nil
}

func (w *watchedWorld) requests(what string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked[what]
}

// load is one tick: what is known of the only variant after it, and the faults.
func (w *watchedWorld) load() (policy.Supply, []policy.Fault) {
	w.t.Helper()
	synctest.Wait()
	at := time.Now()
	_ = w.Load(w.t.Context(), at, workload) // that nothing could be read is also in the faults
	s, _, faults, ok := w.Supply(llama, at)
	if !ok || len(s) != 1 {
		w.t.Fatalf("want a row for the variant, got %v", s)
	}
	return s[0], faults
}

func TestAWatchedFleetIsReadOnceAndFollowsChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatchedWorld(t, 2, pod("a", time.Hour, ready(time.Minute)), pod("b", time.Hour))
		s, faults := w.load()
		if !s.Known || s.Spec != 2 || s.Ready != 1 || s.Starting != 1 || len(faults) > 0 {
			t.Fatalf("want 2 replicas, 1 ready and 1 starting, got %+v, %v", s, faults)
		}
		api := w.core.CoreV1().Pods("llm")
		b := pod("b", time.Hour, ready(time.Minute))
		if _, err := api.Update(t.Context(), b, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := api.Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			time.Sleep(15 * time.Second)
			s, faults = w.load()
		}
		if s.Ready != 1 || s.Starting != 0 || s.Age != 0 || len(faults) > 0 {
			t.Errorf("want the one that became ready, got %+v, %v", s, faults)
		}
		for what, want := range map[string]int{"list pods": 1, "list deployments": 1} {
			if got := w.requests(what); got != want {
				t.Errorf("%s: want %d in 21 ticks, got %d", what, want, got)
			}
		}
		if n := len(w.scales.Actions()); n > 0 {
			t.Errorf("want no scale asked for, got %d", n)
		}
	})
}

func TestAWatchThatFailsMakesSupplyUnknownNotZero(t *testing.T) {
	gone := errors.New("connection reset")
	synctest.Test(t, func(t *testing.T) {
		w := newWatchedWorld(t, 1, pod("a", time.Hour, ready(time.Minute)))
		w.load()
		time.Sleep(time.Minute)
		w.fail(gone, "watch pods", "list pods")

		time.Sleep(time.Minute)
		s, faults := w.load()
		if !s.Known || s.Ready != 1 || len(faults) > 0 {
			t.Fatalf("want a minute bridged, got %+v, %v", s, faults)
		}
		if s.Age < 50*time.Second || s.Age > time.Minute {
			t.Errorf("want an age that says so, got %s", s.Age)
		}

		time.Sleep(time.Minute)
		s, faults = w.load()
		if s.Known || s.Ready != 0 {
			t.Errorf("want nothing known after %s, got %+v", w.opt.MaxAge, s)
		}
		if len(faults) != 1 || faults[0].Code != FaultUnreachable ||
			!strings.Contains(faults[0].Text, "has been failing for 2m0s: connection reset") {
			t.Errorf("want it said, got %v", faults)
		}
		if _, expected, _, _ := w.Supply(llama, time.Now()); expected != nil {
			t.Errorf("want the pods that should answer not known, got %v", expected)
		}

		w.fail(nil, "watch pods", "list pods")
		time.Sleep(2 * time.Minute) // the reflector's pause
		if s, faults = w.load(); !s.Known || s.Ready != 1 || s.Age != 0 || len(faults) > 0 {
			t.Errorf("want it healed, got %+v, %v", s, faults)
		}
	})
}

// A server that takes every watch and can go on with none looks alive to each request.
func TestAWatchThatKeepsEndingProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatchedWorld(t, 1, pod("a", time.Hour, ready(time.Minute)))
		w.load()
		w.fail(errors.New("not this time"), "list pods")
		for range 300 {
			time.Sleep(time.Second)
			w.fail(errors.New("not this time"), "list pods") // ends the watches
		}
		if s, faults := w.load(); s.Known || len(faults) != 1 || !strings.Contains(faults[0].Text, "the watch") {
			t.Errorf("want nothing known, got %+v, %v", s, faults)
		}
	})
}

func TestWhatIsNotReadYetIsNotWaitedForForever(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New("RBAC"))
	for name, tc := range map[string]struct {
		err        error
		code, says string
	}{
		"an API that fails": {errors.New("boom"), FaultUnreachable, "boom"},
		"no permission":     {forbidden, FaultForbidden, "list and watch on pods in namespace llm"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWatchedWorld(t, 1, pod("a", time.Hour, ready(time.Minute)))
				w.fail(tc.err, "list pods", "watch pods")
				start := time.Now()
				s, faults := w.load()
				if took := time.Since(start); took > firstWait {
					t.Errorf("want at most %s, got %s", firstWait, took)
				}
				if s.Known || len(faults) != 1 || faults[0].Code != tc.code || !strings.Contains(faults[0].Text, tc.says) {
					t.Errorf("want %s with %q, got %+v, %v", tc.code, tc.says, s, faults)
				}
			})
		})
	}
}

// Who may read the scale of a target and not watch it loses nothing but requests.
func TestATargetThatMayNotBeWatchedIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatchedWorld(t, 7, pod("a", time.Hour, ready(time.Minute)))
		w.fail(apierrors.NewForbidden(deployments.GroupResource(), "", nil), "list deployments", "watch deployments")
		w.scaleIs(3)
		if s, faults := w.load(); !s.Known || s.Spec != 3 || s.Ready != 1 || len(faults) > 0 {
			t.Errorf("want the 3 that its scale says, got %+v, %v", s, faults)
		}
	})
}

// A model that is not served any more has its watch ended, and a later one begins anew.
func TestNamespacesWithoutModelsAreNotWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatchedWorld(t, 1, pod("a", time.Hour, ready(time.Minute)))
		w.load()
		if err := w.Load(t.Context(), time.Now(), nil); err != nil {
			t.Fatal(err)
		}
		if n := len(w.views.open); n != 0 {
			t.Errorf("want no watch, got %d", n)
		}
		if s, faults := w.load(); !s.Known || s.Ready != 1 || len(faults) > 0 {
			t.Errorf("want it known again, got %+v, %v", s, faults)
		}
	})
}

func TestWhereTheScaleComesFrom(t *testing.T) {
	gr := func(group, resource string) schema.GroupResource {
		return schema.GroupResource{Group: group, Resource: resource}
	}
	type m = map[string]any
	for name, tc := range map[string]struct {
		kind     schema.GroupResource
		object   m
		replicas int
		selector string
	}{
		"labels": {
			gr("apps", "deployments"), m{"spec": m{"replicas": int64(3), "selector": m{"matchLabels": m{"a": "b"}}}}, 3, "a=b",
		},
		"an expression, and replicas left out": {
			gr("apps", "statefulsets"), m{"spec": m{"selector": m{"matchExpressions": []any{
				m{"key": "a", "operator": "In", "values": []any{"b", "c"}},
			}}}}, 1, "a in (b,c)",
		},
		"a LeaderWorkerSet's leaders": {
			gr("leaderworkerset.x-k8s.io", "leaderworkersets"),
			m{"spec": m{"replicas": int64(2)}, "status": m{"hpaPodSelector": "role=leader"}},
			2, "role=leader",
		},
		"not by its controller yet": {
			gr("leaderworkerset.x-k8s.io", "leaderworkersets"), m{"spec": m{"replicas": int64(2)}}, 2, "",
		},
		"nonsense": {gr("apps", "deployments"), m{"spec": m{"selector": "x"}}, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := scalableOf(watchedTargets[tc.kind])(&unstructured.Unstructured{Object: tc.object})
			s, ok := o.(*scalable)
			if err != nil || !ok {
				t.Fatalf("want a scalable, got %v, %v", o, err)
			}
			got := ""
			if s.selector != nil {
				got = s.selector.String()
			}
			if s.replicas != tc.replicas || got != tc.selector {
				t.Errorf("want %d of %q, got %d of %q", tc.replicas, tc.selector, s.replicas, got)
			}
		})
	}
}

func TestAHerdFindsWhatEachSelectorMeans(t *testing.T) {
	var all []*sketch
	for _, set := range []map[string]string{
		{"app": "vllm", "model": "a"}, {"app": "vllm", "model": "b"}, {"app": "vllm"}, {"app": "other", "model": "a"}, nil,
	} {
		p := pod("p", time.Hour)
		p.Labels = set
		all = append(all, sketchOf(p))
	}
	h := newHerd(all)
	for text, want := range map[string]int{
		"app=vllm": 3, "app=vllm,model=a": 1, "model=a": 2, "model": 3, "!model": 2, "app in (vllm,other)": 4, "app=none": 0,
		"": 5,
	} {
		s, err := labels.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(h.of(s)); got != want {
			t.Errorf("%q: want %d pods, got %d", text, want, got)
		}
	}
}

// What is kept of a watched pod counts as the pod does.
func TestASketchHasWhatCountingNeeds(t *testing.T) {
	p := pod("a", time.Hour, scheduled(time.Second), ready(time.Minute), restartedTimes(1), leaving)
	o, err := sketched(p)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := o.(*sketch)
	if !ok {
		t.Fatalf("want a sketch, got %T", o)
	}
	want := transition{true, p.CreationTimestamp.Add(time.Minute)}
	if !got.leaving || !got.restarted || got.ended || !got.scheduled.is || got.ready != want {
		t.Errorf("got %+v", got)
	}
	if d := cmp.Diff("llm/a", got.Namespace+"/"+got.Name); d != "" {
		t.Error(d)
	}
	if o, _ := sketched(&corev1.Node{}); o == nil {
		t.Error("want what is no pod left alone")
	}
}
