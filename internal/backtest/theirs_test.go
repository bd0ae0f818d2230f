package backtest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/sim/rival"
	"github.com/forewarm/forewarm/policy"
)

const listOfHPAs = `{"kind": "HorizontalPodAutoscalerList", "items": [
  {"metadata": {"namespace": "llm", "name": "chat"}, "spec": {
    "scaleTargetRef": {"kind": "Deployment", "name": "chat"}, "minReplicas": 2, "maxReplicas": 9,
    "behavior": {"scaleDown": {"stabilizationWindowSeconds": 600, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}},
    "metrics": [
      {"type": "Pods", "pods": {"metric": {"name": "vllm:num_requests_waiting"}, "target": {"type": "AverageValue", "averageValue": "3"}}},
      {"type": "External", "external": {"metric": {"name": "requests_per_second"}, "target": {"averageValue": "1500m"}}},
      {"type": "Resource", "resource": {"name": "cpu"}}]}},
  {"metadata": {"namespace": "llm", "name": "keda-hpa-chat", "ownerReferences": [{"kind": "ScaledObject"}]}, "spec": {}}]}`

const scaledObject = `
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: chat}
spec:
  scaleTargetRef: {name: chat}
  minReplicaCount: 1
  triggers:
  - {type: prometheus, metadata: {query: 'sum(vllm:kv_cache_usage_perc)', threshold: "0.7"}}
  - {type: prometheus, metadata: {query: 'sum(rate(vllm:generation_tokens_total[1m]))', threshold: "900"}}
  - {type: cron, metadata: {desiredReplicas: "4"}}
`

const everything = `
kind: ScaledObject
metadata: {name: chat, annotations: {autoscaling.keda.sh/paused-scale-in: "true", autoscaling.keda.sh/note: x}}
spec:
  scaleTargetRef: {name: chat}
  maxReplicaCount: 20
  idleReplicaCount: 0
  cooldownPeriod: 600
  fallback: {failureThreshold: 3, replicas: 6}
  advanced:
    scalingModifiers: {formula: "q + 1"}
    horizontalPodAutoscalerConfig:
      behavior:
        scaleUp:
          stabilizationWindowSeconds: 30
          tolerance: "0"
          selectPolicy: Min
          policies:
          - {type: Percent, value: 50, periodSeconds: 60}
          - {type: Pods, value: 2, periodSeconds: 30}
          - {type: Rows, value: 1, periodSeconds: 30}
        scaleDown: {selectPolicy: Disabled}
  triggers:
  - type: prometheus
    metadata: {query: 'sum(vllm:num_requests_waiting)', threshold: "5", activationThreshold: "2", ignoreNullValues: "false"}
`

// behaving is a behavior that differs from the API's defaults in something.
func behaving(change func(b *rival.Behavior)) *rival.Behavior {
	b := rival.DefaultBehavior()
	change(&b)
	return &b
}

func TestAutoscalersAreRead(t *testing.T) {
	for name, tc := range map[string]struct {
		text  string
		want  rival.Setup
		notes []string
	}{
		"a list of the API, without those that KEDA made": {
			listOfHPAs, rival.Setup{
				Metrics: []rival.Target{{Of: rival.Queue, Value: 3}, {Of: rival.Arrivals, Value: 1.5}},
				Min:     2, Max: 9, Behavior: behaving(func(b *rival.Behavior) {
					b.Down.Window, b.Down.Policies = 10*time.Minute, []rival.Allowance{{Pods: 1, Period: time.Minute}}
				}),
			}, []string{"its Resource metric is not simulated"},
		},
		"a ScaledObject among other documents, with KEDA's defaults": {
			scaledObject, rival.Setup{
				Metrics: []rival.Target{{Of: rival.KV, Value: 0.7, Nulls: true}}, Min: 1, Max: 100,
			}, []string{
				`its metric "sum(rate(vllm:generation_tokens_total[1m]))" is nothing that this world shows, and is not simulated`,
				"its trigger of type cron is not simulated",
			},
		},
		"a ScaledObject with everything": {
			everything, rival.Setup{
				Metrics: []rival.Target{{Of: rival.Queue, Value: 5}}, Max: 20, Behavior: behaving(func(b *rival.Behavior) {
					b.Up = rival.Rules{
						Window: 30 * time.Second, Tolerance: 0, Select: rival.Select("Min"),
						Policies: []rival.Allowance{{Percent: 50, Period: time.Minute}, {Pods: 2, Period: 30 * time.Second}},
					}
					b.Down.Select = rival.Select("Disabled")
				}),
			}, []string{
				"its annotation autoscaling.keda.sh/paused-scale-in is not honoured: it is simulated as if it scaled freely",
				"its minReplicaCount of 0 is not simulated: it keeps one replica",
				"its idleReplicaCount of 0 is not simulated: it never goes below its minimum",
				"its cooldownPeriod of 600 s is not simulated: it says when to go to zero",
				"its fallback is not simulated: without a metric it holds",
				"its scalingModifiers are not simulated: each trigger counts on its own",
				"its activationThreshold of 2 is not simulated: it says when to leave zero",
				`its scaleUp policy of type "Rows", 1 in 30 s, is none that Kubernetes has, and is left out`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseAutoscalers([]byte(tc.text))
			if err != nil || len(got) != 1 {
				t.Fatalf("want one, got %v, %v", got, err)
			}
			if diff := cmp.Diff(tc.want, got[0].Setup); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tc.notes, got[0].Notes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAutoscalersThatCannotBe(t *testing.T) {
	for want, text := range map[string]string{
		"read autoscalers":                  "kind: [",
		"HorizontalPodAutoscaler llm/chat":  strings.Replace(listOfHPAs, `"maxReplicas": 9`, `"maxReplicas": 1`, 1),
		"target of queue: want above 0":     strings.Replace(listOfHPAs, `"averageValue": "3"`, `"averageValue": "0"`, 1),
		"ignoreNullValues: want true or f":  strings.Replace(everything, `"false"`, `"maybe"`, 1),
		"cannot unmarshal string into Go s": strings.Replace(scaledObject, "minReplicaCount: 1", "minReplicaCount: many", 1),
	} {
		if got, err := ParseAutoscalers([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v, %v", want, got, err)
		}
	}
}

// TestTheMinimumThatIsRunIsShown: none of them sleeps at zero here.
func TestTheMinimumThatIsRunIsShown(t *testing.T) {
	got, err := ParseAutoscalers([]byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	if s := got[0].setting(); s != "queue 5 per replica, 1 to 20, 5m0s down" {
		t.Errorf("want the minimum of one, got %q", s)
	}
}

// TestYourOwnHPARunsBesideTheOthers: its target of 1 request/s per replica keeps the two replicas of a constant
// 2 requests/s; what scales something else is no business of this model.
func TestYourOwnHPARunsBesideTheOthers(t *testing.T) {
	h, _ := fold1(t, past{of: func(at time.Time) policy.Input { return seen(at, 2, 2, 0) }}, 4*time.Hour, time.Minute)
	mine := Autoscaler{Kind: "HorizontalPodAutoscaler", Namespace: "llm", Name: "mine", Target: "chat-main", Notes: []string{"half of it"}}
	mine.Setup = rival.Setup{
		Metrics: []rival.Target{{Of: rival.Arrivals, Value: 1}}, Min: 1, Max: 5,
	}
	other := mine
	other.Name, other.Target = "other", "something-else"
	s := DefaultSettings()
	s.Theirs = []Autoscaler{other, mine}
	m, err := evaluate(t.Context(), h, s, config.Entry{Model: chat(), Targets: []config.Target{{Name: "chat-main"}}})
	if err != nil {
		t.Fatal(err)
	}
	var yours []PolicyRow
	for _, p := range m.Policies {
		if p.Name == "yours" {
			yours = append(yours, p)
		}
	}
	if len(yours) != 1 || yours[0].Setting != "arrivals 1 per replica, 1 to 5, 5m0s down" {
		t.Fatalf("want a row for the one that scales the model, got %+v", yours)
	}
	if f := yours[0].Figures; *f.Peak != 2 || *f.Misses != 0 {
		t.Errorf("want two replicas throughout, got a peak of %d and misses of %g", *f.Peak, *f.Misses)
	}
	if !strings.Contains(strings.Join(m.Notes, "\n"), "HorizontalPodAutoscaler mine: half of it.") {
		t.Errorf("want to be told what is left out, got %q", m.Notes)
	}
	if o := m.Policies[len(m.Policies)-1]; o.Name != "optimum" || o.Figures.Misses == nil || *o.Figures.Misses != 0 {
		t.Errorf("want the optimum with its misses, got %+v", o)
	}
}
