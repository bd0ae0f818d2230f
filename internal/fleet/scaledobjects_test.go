package fleet

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
	sigsyaml "sigs.k8s.io/yaml"
)

// scaled is a ScaledObject from YAML.
func scaled(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	text = "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\n" + text
	if err := sigsyaml.Unmarshal([]byte(text), &u.Object); err != nil {
		t.Fatal(err)
	}
	b, err := u.MarshalJSON() // whole numbers become int64, as from the API
	if err != nil {
		t.Fatal(err)
	}
	if err := u.UnmarshalJSON(b); err != nil {
		t.Fatal(err)
	}
	return u
}

func TestAScaledObjectIsRead(t *testing.T) {
	tolerant := "advanced: {horizontalPodAutoscalerConfig: {behavior: " +
		"{scaleUp: {tolerance: 0}, scaleDown: {tolerance: 0}}}}"
	held := func(annotations string) string {
		return "metadata: {name: o, namespace: llm, annotations: {" + annotations + "}}\nspec: {maxReplicaCount: 4}"
	}
	for name, tc := range map[string]struct {
		text string
		want ScaledObject
	}{
		"the least": {
			"metadata: {name: o, namespace: llm}\nspec: {scaleTargetRef: {name: d}, triggers: []}",
			ScaledObject{Namespace: "llm", Name: "o", Target: "d", Max: 100},
		},
		"all of it": {
			`metadata: {name: o, namespace: llm}
spec:
  scaleTargetRef: {apiVersion: leaderworkerset.x-k8s.io/v1, kind: LeaderWorkerSet, name: d}
  minReplicaCount: 2
  maxReplicaCount: 20
  idleReplicaCount: 0
  ` + tolerant + `
  triggers:
  - {type: cron, metadata: {timezone: UTC}}
  - {type: external-push, metadata: {scalerAddress: "f:1", model: llama}}`,
			ScaledObject{
				Namespace: "llm", Name: "o", APIVersion: "leaderworkerset.x-k8s.io/v1", Kind: "LeaderWorkerSet", Target: "d",
				Min: 2, Max: 20, Idle: new(0), Triggers: []map[string]string{{"scalerAddress": "f:1", "model": "llama"}},
			},
		},
		"paused at a count": {
			held("autoscaling.keda.sh/paused-replicas: '3', autoscaling.keda.sh/paused: 'false'"),
			ScaledObject{Namespace: "llm", Name: "o", Max: 4, Paused: new(3)},
		},
		"paused as it is": {
			held("autoscaling.keda.sh/paused: 'true'"),
			ScaledObject{Namespace: "llm", Name: "o", Max: 4, Paused: new(-1)},
		},
		"paused, in words that are no boolean": {
			held("autoscaling.keda.sh/paused: 'off'"),
			ScaledObject{Namespace: "llm", Name: "o", Max: 4, Paused: new(-1)},
		},
		"paused, and nothing else": {
			held("autoscaling.keda.sh/paused: ''"),
			ScaledObject{Namespace: "llm", Name: "o", Max: 4, Paused: new(-1)},
		},
		"paused in one direction": {
			held("autoscaling.keda.sh/paused-scale-in: 'yes', autoscaling.keda.sh/paused-scale-out: 'false'"),
			ScaledObject{Namespace: "llm", Name: "o", Max: 4, NoIn: true},
		},
		"in the other, and driven": {
			held("autoscaling.keda.sh/paused-scale-out: 'true', autoscaling.keda.sh/force-activation: '1'"),
			ScaledObject{Namespace: "llm", Name: "o", Max: 4, NoOut: true, Forced: true},
		},
		"paused: no": {
			held("autoscaling.keda.sh/paused: 'false'"),
			ScaledObject{Namespace: "llm", Name: "o", Max: 4},
		},
		"risks": {
			"metadata: {name: o, namespace: llm}\nspec: {maxReplicaCount: 10, fallback: {failureThreshold: 3, replicas: 0}, " +
				"triggers: [{type: external, metricType: Value, metadata: {model: a}}]}",
			ScaledObject{
				Namespace: "llm", Name: "o", Max: 10, Triggers: []map[string]string{{"model": "a"}},
				Notes: []string{
					"metricType Value divides by the replicas that are ready, so a fleet that loads is shrunk: use AverageValue.",
					"fallback.replicas 0 takes the fleet to zero when Forewarm cannot answer: leave fallback out.",
					"Without a tolerance of 0 in behavior the HPA ignores small changes above 9 replicas.",
				},
			},
		},
		"a formula": {
			"metadata: {name: o, namespace: llm}\nspec: {maxReplicaCount: 4, advanced: {scalingModifiers: {formula: a + 1, " +
				"target: '1'}}, triggers: [{type: external, name: a, metadata: {model: a}}]}",
			ScaledObject{
				Namespace: "llm", Name: "o", Max: 4, Triggers: []map[string]string{{"model": "a"}},
				Notes: []string{"scalingModifiers take for activity whether the formula is above activationTarget, and not what " +
					"Forewarm proved: leave them out."},
			},
		},
		"nonsense": {
			"metadata: {name: o, namespace: llm}\nspec: {scaleTargetRef: x, minReplicaCount: lots, " +
				"triggers: [1, {type: external, metadata: 7}]}",
			ScaledObject{
				Namespace: "llm", Name: "o", Max: 100, Triggers: []map[string]string{nil},
				Notes: []string{"Without a tolerance of 0 in behavior the HPA ignores small changes above 9 replicas."},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, scaledObject(scaled(t, tc.text))); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// clusterOf is a fake API with some ScaledObjects.
func clusterOf(objects ...runtime.Object) *fake.FakeDynamicClient {
	return fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(),
		map[schema.GroupVersionResource]string{scaledObjects: "ScaledObjectList"}, objects...)
}

func watching(t *testing.T, client *fake.FakeDynamicClient, namespaces ...string) *ScaledObjects {
	t.Helper()
	s, err := newScaledObjects(client, namespaces)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { s.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	s.Wait(ctx)
	return s
}

func TestScaledObjectsComeChangeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := scaled(t, "metadata: {name: o, namespace: llm}\nspec: {scaleTargetRef: {name: d}, maxReplicaCount: 4}")
		client := clusterOf(u)
		s := watching(t, client)
		got, err := s.List()
		if len(got) != 1 || got[0].Max != 4 || err != nil {
			t.Fatalf("want one, got %v (%v)", got, err)
		}
		api := client.Resource(scaledObjects).Namespace("llm")
		change := func(what string, changed bool, do func()) {
			t.Helper()
			before := s.Version()
			do()
			synctest.Wait()
			if (s.Version() != before) != changed {
				t.Errorf("%s: want changed %t", what, changed)
			}
		}
		change("status", false, func() {
			v := u.DeepCopy()
			_ = unstructured.SetNestedField(v.Object, "2026-09-01T12:00:00Z", "status", "lastActiveTime")
			_, _ = api.Update(t.Context(), v, metav1.UpdateOptions{})
		})
		change("bounds", true, func() {
			v := u.DeepCopy()
			_ = unstructured.SetNestedField(v.Object, int64(9), "spec", "maxReplicaCount")
			_, _ = api.Update(t.Context(), v, metav1.UpdateOptions{})
		})
		if got, _ := s.List(); got[0].Max != 9 {
			t.Errorf("want a maximum of 9, got %v", got)
		}
		change("deleted", true, func() { _ = api.Delete(t.Context(), "o", metav1.DeleteOptions{}) })
		if got, _ := s.List(); len(got) != 0 {
			t.Errorf("want none, got %v", got)
		}
	})
}

func TestWhyThereAreNoScaledObjectsIsSaidAndHeals(t *testing.T) {
	forbidden := apierrors.NewForbidden(scaledObjects.GroupResource(), "", errors.New("RBAC"))
	missing := apierrors.NewNotFound(scaledObjects.GroupResource(), "")
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"not allowed": {forbidden, "grant list and watch on scaledobjects.keda.sh"},
		"no KEDA":     {missing, "KEDA is not installed"},
		"no API":      {errors.New("connection refused"), "watch ScaledObjects: connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := clusterOf(scaled(t, "metadata: {name: o, namespace: llm}"))
				var mu sync.Mutex
				err := tc.err
				client.PrependReactor("list", "scaledobjects", func(clienttesting.Action) (bool, runtime.Object, error) {
					mu.Lock()
					defer mu.Unlock()
					return err != nil, nil, err
				})
				s := watching(t, client, "llm")
				if got, err := s.List(); len(got) != 0 || err == nil || !strings.Contains(err.Error(), tc.want) ||
					s.Err() == nil || s.Err().Error() != err.Error() {
					t.Fatalf("want %q, got %v and %v", tc.want, got, err)
				}
				mu.Lock()
				err = nil
				mu.Unlock()
				time.Sleep(2 * time.Minute) // in the bubble: the reflector's pause
				if got, err := s.List(); len(got) != 1 || err != nil || s.Err() != nil {
					t.Errorf("want it healed, got %v and %v", got, err)
				}
			})
		})
	}
}
