//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/forewarm/forewarm/internal/sim"
)

// exactly is a behaviour that follows a metric exactly.
const exactly = `
  behavior:
    scaleUp: {tolerance: '0', stabilizationWindowSeconds: 0, policies: [{type: Pods, value: 100, periodSeconds: 15}]}
    scaleDown: {tolerance: '0', stabilizationWindowSeconds: 0, policies: [{type: Percent, value: 100, periodSeconds: 15}]}
`

// quickly is the default behaviour but for the five minutes before it shrinks.
const quickly = `
  behavior: {scaleDown: {stabilizationWindowSeconds: 0}}
`

// hpa applies an HPA of a Deployment's name on one metric.
func (s *story) hpa(deployment string, low, high int, metric, behavior string) {
	s.Helper()
	s.apply(fmt.Sprintf(`
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: %[1]s}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: %[1]s}
  minReplicas: %[2]d
  maxReplicas: %[3]d
  metrics: [%[4]s]
%[5]s`, deployment, low, high, metric, behavior))
}

func podsMetric(name, average string) string {
	return fmt.Sprintf(`{type: Pods, pods: {metric: {name: %q}, target: {type: AverageValue, averageValue: %q}}}`, name, average)
}

// desiredOf is our decision on a Deployment.
func desiredOf(deployment string) string {
	return fmt.Sprintf(`{type: Object, object: {describedObject: {apiVersion: apps/v1, kind: Deployment, name: %q}, `+
		`metric: {name: forewarm_desired_replicas}, target: {type: AverageValue, averageValue: '1'}}}`, deployment)
}

func atLeast(n int) (string, func(int) bool) {
	return fmt.Sprintf("at least %d", n), func(got int) bool { return got >= n }
}

func exact(n int) (string, func(int) bool) {
	return fmt.Sprint(n), func(got int) bool { return got == n }
}

// Requests queue on one replica: the HPA adds replicas until they do not, and takes them away when nobody asks.
func TestHPAOnPendingRequests(t *testing.T) {
	s := tell(t, "hpa-pending")
	m := s.serve("llama", options{})
	s.hpa("llama", 1, 10, podsMetric("inference_pending_requests", "5"), quickly)
	m.turn(20)
	what, ok := atLeast(3)
	s.spec(time.Minute, "llama", what, ok)
	s.hpaCondition(30*time.Second, "llama", "ScalingActive", "True", "ValidMetricFound")
	s.eventually(2*time.Minute, "the queue is gone", func(context.Context) error {
		if n := m.totals().Waiting; n > 5 {
			return fmt.Errorf("%d are waiting", n)
		}
		return nil
	})
	m.turn(0)
	what, ok = exact(1)
	s.spec(time.Minute, "llama", what, ok)
}

// Caches fill before queues form: a target for their use adds replicas earlier. The engine's own spelling of the
// metric, colon and all, is as good as ours.
func TestHPAOnKVCache(t *testing.T) {
	s := tell(t, "hpa-kv")
	m := s.serve("llama", options{})
	s.hpa("llama", 1, 10, podsMetric("vllm:kv_cache_usage_perc", "300m"), quickly)
	m.turn(14)
	what, ok := atLeast(3)
	s.spec(time.Minute, "llama", what, ok)
	s.hpaCondition(30*time.Second, "llama", "ScalingActive", "True", "ValidMetricFound")
	s.eventually(2*time.Minute, "at least three are ready", func(context.Context) error { // it may be on its way to more
		if p := s.last(s.ns, "llama"); p.ready < 3 {
			return fmt.Errorf("%d of %d are", p.ready, p.spec)
		}
		return nil
	})
	m.turn(0)
	what, ok = exact(1)
	s.spec(time.Minute, "llama", what, ok)
}

// The HPA of chapter 7 of 100 Days of Inference Engineering, letter by letter, on a fast model.
func TestHPAOfTheSeedChapter(t *testing.T) {
	s := tell(t, "hpa-seed")
	m := s.serve("vllm-inference", options{requests: &requests{
		prompt: sim.Lengths{Mean: 10, Max: 10}, output: sim.Lengths{Mean: 2, Max: 2}, seqs: 256,
	}, capacity: 100})
	s.apply(`
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: vllm-hpa
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: vllm-inference
  minReplicas: 1
  maxReplicas: 10
  metrics:
  - type: Pods
    pods:
      metric:
        name: requests_per_second
      target:
        type: AverageValue
        averageValue: 100
`)
	m.turn(260) // ceil(260/100) = 3, and 2.6 is not within a tenth of 3 or of 2
	what, ok := exact(3)
	s.spec(3*time.Minute, "vllm-inference", what, ok)
	s.hpaCondition(30*time.Second, "vllm-hpa", "ScalingActive", "True", "ValidMetricFound")
	s.always(20*time.Second, "there are three", func(context.Context) error {
		if n := s.last(s.ns, "vllm-inference").spec; n != 3 {
			return fmt.Errorf("there are %d", n)
		}
		return nil
	})
}

// Our count is followed exactly, one replica at a time from 1 to 40 and back in leaps, because the HPA's tolerance is
// set to 0. Beside it an HPA without that swallows steps, which is why the examples set it.
func TestHPAIsExact(t *testing.T) {
	s := tell(t, "hpa-exact")
	m := s.serve("llama", options{variants: []variant{{name: "on-demand", replicas: 1, min: 1, max: 1}}})
	other := s.serve("tolerant", options{variants: []variant{{name: "on-demand", replicas: 1, min: 1, max: 1}}})
	s.hpa("llama", 1, 50, desiredOf("llama"), exactly)
	s.hpa("tolerant", 1, 50, desiredOf("tolerant"), quickly)
	want := func(n int) {
		for _, m := range []*model{m, other} {
			m.options.variants[0].min, m.options.variants[0].max = n, n
			m.configure()
		}
		what, ok := exact(n)
		s.spec(time.Minute, "llama", what, ok)
	}
	var asked []int
	for n := 1; n <= 40; n++ {
		want(n)
		asked = append(asked, n)
	}
	for _, n := range []int{37, 38, 20, 21, 20, 1} {
		want(n)
		asked = append(asked, n)
	}
	s.hpaCondition(30*time.Second, "llama", "ScalingActive", "True", "ValidMetricFound")
	followed := specs(s.of(s.ns, "llama"))
	if !slices.Equal(followed, asked) {
		t.Errorf("want exactly %v, got %v", asked, followed)
	}
	got := specs(s.of(s.ns, "tolerant"))
	swallowed := len(asked) - len(got)
	if swallowed < 10 {
		t.Errorf("want the default tolerance to swallow steps beyond 10 replicas, got %v", got)
	}
	summary.measured("HPA on forewarm_desired_replicas: %d of %d steps followed with tolerance 0, %d by the default",
		len(followed), len(asked), len(got))
}

// TestHPAHoldsOnUnknownMetrics: a metric that nobody serves is an error, and the HPA holds.
func TestHPAHoldsWithoutAModel(t *testing.T) {
	s := tell(t, "hpa-unknown")
	s.serve("llama", options{variants: []variant{{name: "on-demand", replicas: 3, min: 1, max: 5}}})
	s.apply(strings.ReplaceAll(`
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: stranger}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: llama}
  minReplicas: 1
  maxReplicas: 10
  metrics: [METRIC]
`, "METRIC", desiredOf("stranger")))
	s.hpaCondition(30*time.Second, "stranger", "ScalingActive", "False", "FailedGetObjectMetric")
	s.always(10*time.Second, "replicas are held", func(context.Context) error {
		if n := s.last(s.ns, "llama").spec; n != 3 {
			return fmt.Errorf("there are %d", n)
		}
		return nil
	})
}
