package fleet

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	scalefake "k8s.io/client-go/scale/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/forewarm/forewarm/policy"
)

var now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// target of the stories.
var deployment = Target{Variant: "main", APIVersion: "apps/v1", Kind: "Deployment", Name: "llama"}

// world is a cluster in memory.
type world struct {
	*Fleet
	core   *fake.Clientset
	scales *scalefake.FakeScaleClient
}

func newWorld(objects ...runtime.Object) world {
	core, scales := fake.NewClientset(objects...), &scalefake.FakeScaleClient{}
	mapper := meta.NewDefaultRESTMapper(nil)
	for _, gvk := range []schema.GroupVersionKind{
		{Group: "apps", Version: "v1", Kind: "Deployment"},
		{Group: "leaderworkerset.x-k8s.io", Version: "v1", Kind: "LeaderWorkerSet"},
	} {
		mapper.Add(gvk, meta.RESTScopeNamespace)
	}
	return world{newFleet(core, scales, mapper, DefaultOptions()), core, scales}
}

// scaleIs makes every scale answer alike.
func (w world) scaleIs(replicas int32) {
	w.scales.AddReactor("get", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, &autoscalingv1.Scale{
			Spec:   autoscalingv1.ScaleSpec{Replicas: replicas},
			Status: autoscalingv1.ScaleStatus{Replicas: replicas, Selector: "app=llama"},
		}, nil
	})
}

type podOption func(*corev1.Pod)

func pod(name string, age time.Duration, options ...podOption) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "llm", Name: name, UID: types.UID(name), Labels: map[string]string{"app": "llama"},
			CreationTimestamp: metav1.NewTime(now.Add(-age)),
		},
		Status: corev1.PodStatus{Phase: corev1.PodPending},
	}
	for _, o := range options {
		o(p)
	}
	return p
}

// ready makes a pod ready so long after its creation.
func ready(after time.Duration) podOption {
	return func(p *corev1.Pod) {
		p.Status.Phase = corev1.PodRunning
		at := metav1.NewTime(p.CreationTimestamp.Add(after))
		p.Status.Conditions = append(
			p.Status.Conditions,
			corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: at},
		)
	}
}

// scheduled gives a pod its node so long after its creation.
func scheduled(after time.Duration) podOption {
	return func(p *corev1.Pod) {
		p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{
			Type: corev1.PodScheduled, Status: corev1.ConditionTrue,
			LastTransitionTime: metav1.NewTime(p.CreationTimestamp.Add(after)),
		})
	}
}

func on(node string, gpus string) podOption {
	return func(p *corev1.Pod) {
		p.Spec.NodeName = node
		p.Status.Conditions = append(
			p.Status.Conditions, corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionTrue},
		)
		p.Spec.Containers = []corev1.Container{{Resources: corev1.ResourceRequirements{
			Limits: corev1.ResourceList{"nvidia.com/gpu": resource.MustParse(gpus), "cpu": resource.MustParse("8")},
		}}}
	}
}

func restartedTimes(n int32) podOption {
	return func(p *corev1.Pod) { p.Status.ContainerStatuses = []corev1.ContainerStatus{{RestartCount: n}} }
}

func leaving(p *corev1.Pod) {
	at := metav1.NewTime(now)
	p.DeletionTimestamp, p.Finalizers = &at, []string{"x"}
}

func failed(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }

func TestSupplyFromTheKubernetesAPI(t *testing.T) {
	for name, tc := range map[string]struct {
		replicas int32
		pods     []runtime.Object
		want     policy.Supply
		expected []string
	}{
		"two ready, one starting": {
			3,
			[]runtime.Object{
				pod("a", 2*time.Hour, ready(3*time.Minute)), pod("b", 2*time.Hour, ready(4*time.Minute)),
				pod("c", 40*time.Second, on("n", "1")),
			},
			policy.Supply{
				Variant: "main", Known: true, Spec: 3, Ready: 2, Starting: 1,
				Ages: []time.Duration{40 * time.Second}, WarmUps: []time.Duration{3 * time.Minute, 4 * time.Minute},
			},
			[]string{"a", "b"},
		},
		"one waited for a new node": {
			2,
			[]runtime.Object{
				pod("a", 2*time.Hour, scheduled(time.Second), ready(3*time.Minute)),
				pod("b", 2*time.Hour, scheduled(4*time.Minute), ready(7*time.Minute)),
			},
			policy.Supply{
				Variant: "main", Known: true, Spec: 2, Ready: 2,
				WarmUps: []time.Duration{3 * time.Minute}, NewNodes: []time.Duration{7 * time.Minute},
			},
			[]string{"a", "b"},
		},
		"zero is known": {0, nil, policy.Supply{Variant: "main", Known: true}, []string{}},
		"no node takes it": {
			2,
			[]runtime.Object{pod("a", 11*time.Minute), pod("b", 20*time.Minute, on("n", "1"))},
			policy.Supply{
				Variant: "main", Known: true, Spec: 2, Starting: 2, Homeless: 1, Starved: 1,
				Ages: []time.Duration{20 * time.Minute, 11 * time.Minute},
			},
			[]string{},
		},
		"leaving and failed pods do not serve": {
			1,
			[]runtime.Object{pod("a", 30*time.Hour, ready(25*time.Hour), leaving), pod("b", time.Hour, failed)},
			policy.Supply{Variant: "main", Known: true, Spec: 1},
			[]string{},
		},
		"restarts and late flaps teach no warm-up": {
			2,
			[]runtime.Object{
				pod("a", time.Hour, ready(time.Minute), restartedTimes(1)),
				pod("b", 48*time.Hour, ready(40*time.Hour)),
			},
			policy.Supply{Variant: "main", Known: true, Spec: 2, Ready: 2},
			[]string{"a", "b"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(tc.pods...)
			w.scaleIs(tc.replicas)
			id := policy.ModelID{Namespace: "llm", Name: "llama"}
			if err := w.Load(t.Context(), now, []Workload{{id, []Target{deployment}}}); err != nil {
				t.Fatal(err)
			}
			got, expected, faults, ok := w.Supply(id, now)
			if !ok || len(faults) > 0 {
				t.Fatalf("want an answer without faults, got %v, %v", ok, faults)
			}
			if d := cmp.Diff([]policy.Supply{tc.want}, got); d != "" {
				t.Errorf("supply (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tc.expected, expected); d != "" {
				t.Errorf("expected pods (-want +got):\n%s", d)
			}
		})
	}
}

func TestWarmUpIsHandedOutOnceAndSupplyAges(t *testing.T) {
	w := newWorld(pod("a", time.Hour, ready(3*time.Minute)))
	w.scaleIs(1)
	id := policy.ModelID{Namespace: "llm", Name: "llama"}
	var warmUps []time.Duration
	for i := range 3 {
		at := now.Add(time.Duration(i) * 15 * time.Second)
		if err := w.Load(t.Context(), at, []Workload{{id, []Target{deployment}}}); err != nil {
			t.Fatal(err)
		}
		s, _, _, _ := w.Supply(id, at)
		warmUps = append(warmUps, s[0].WarmUps...)
	}
	if d := cmp.Diff([]time.Duration{3 * time.Minute}, warmUps); d != "" {
		t.Errorf("warm-ups (-want +got):\n%s", d)
	}
	if s, _, _, ok := w.Supply(id, now.Add(90*time.Second)); !ok || s[0].Age != time.Minute {
		t.Errorf("want a supply that is a minute old, got %+v", s)
	}
	if _, _, _, ok := w.Supply(id, now.Add(time.Hour)); ok {
		t.Error("want no answer from an hour ago")
	}
}

func TestWhatMayNotBeReadIsAFaultWithARemedy(t *testing.T) {
	forbidden := apierrors.NewForbidden(
		schema.GroupResource{Group: "apps", Resource: "deployments/scale"}, "llama", nil,
	)
	missing := apierrors.NewNotFound(schema.GroupResource{Group: "apps", Resource: "deployments"}, "llama")
	for name, tc := range map[string]struct {
		target Target
		err    error
		code   string
		says   string
	}{
		"no permission": {
			deployment, forbidden, FaultForbidden, "grant get on deployments/scale and list on pods in namespace llm",
		},
		"no such object":    {deployment, missing, FaultTarget, "check the variant's target"},
		"a kind of nobody":  {Target{"main", "example.com/v1", "Thing", "x"}, nil, FaultTarget, "find kind Thing"},
		"an API that fails": {deployment, fmt.Errorf("boom"), FaultUnreachable, "boom"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.scales.AddReactor(
				"get", "*", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, tc.err },
			)
			id := policy.ModelID{Namespace: "llm", Name: "llama"}
			if err := w.Load(t.Context(), now, []Workload{{id, []Target{tc.target}}}); err == nil {
				t.Error("want an error where nothing could be read")
			}
			got, _, faults, _ := w.Supply(id, now)
			if len(faults) != 1 || faults[0].Code != tc.code || !strings.Contains(faults[0].Text, tc.says) {
				t.Errorf("want %s with %q, got %+v", tc.code, tc.says, faults)
			}
			if len(got) != 1 || got[0].Known {
				t.Errorf("want an unknown supply, got %+v", got)
			}
		})
	}
}

func TestFleetOnlyReads(t *testing.T) {
	w := newWorld(pod("a", time.Hour, ready(time.Minute), on("n1", "1")))
	w.scaleIs(1)
	id := policy.ModelID{Namespace: "llm", Name: "llama"}
	_ = w.Load(t.Context(), now, []Workload{{id, []Target{deployment}}})
	_, _ = w.Shape(t.Context(), "llm", deployment)
	_, _ = w.FindPrometheus(t.Context())
	for _, a := range append(w.core.Actions(), w.scales.Actions()...) {
		if a.GetVerb() != "get" && a.GetVerb() != "list" {
			t.Errorf("want get and list only, got %s %s", a.GetVerb(), a.GetResource().Resource)
		}
	}
}
