//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"
)

// How long it takes from a change of what the engines say to spec.replicas, by path. The same numbers go to all of
// them, and the HPA syncs every 2 s in all of them.
func TestLatency(t *testing.T) {
	t.Parallel()
	t.Run("HPA on inference_pending_requests", func(t *testing.T) {
		s := tell(t, "latency-hpa")
		m := s.serve("llama", options{})
		s.hpa("llama", 1, 10, podsMetric("inference_pending_requests", "5"), exactly)
		s.steps(m)
	})
	t.Run("KEDA prometheus trigger", func(t *testing.T) {
		s := tell(t, "latency-keda")
		s.needKEDA()
		m := s.serve("llama", options{})
		s.scaledObject("llama", scaled{low: 1, high: 10, cooldown: 5, triggers: prometheusTrigger(s, m, 5)})
		s.steps(m)
	})
	t.Run("KEDA external trigger, metric pending", func(t *testing.T) {
		s := tell(t, "latency-external")
		s.needKEDA()
		m := s.serve("llama", options{})
		s.scaledObject("llama", scaled{low: 1, high: 10, cooldown: 5, metadata: ", metric: pending, target: '5'"})
		s.steps(m)
	})
}

// prometheusTrigger is KEDA's own trigger on a model's queue.
func prometheusTrigger(s *story, m *model, threshold int) string {
	return fmt.Sprintf(`
  - type: prometheus
    metadata:
      serverAddress: %s
      threshold: "%d"
      query: sum(vllm:num_requests_waiting{model_name="%s"})`, s.prom.url, threshold, m.id)
}

// steps lets the queue jump between 0 and 20, five to a replica, and measures.
func (s *story) steps(m *model) {
	s.Helper()
	m.say(0)
	s.ready("llama", 1)
	s.wait(5 * time.Second)
	var took []time.Duration
	for i := range 12 {
		queue, want := 20, 4
		if i%2 == 1 {
			queue, want = 0, 1
		}
		start := time.Now()
		m.say(queue)
		if err := eventually(s.Context(), 2*time.Minute, func(context.Context) error {
			if n := s.last(s.ns, "llama").spec; n != want {
				return fmt.Errorf("want %d replicas, got %d", want, n)
			}
			return nil
		}); err != nil {
			s.Fatal(err)
		}
		took = append(took, s.last(s.ns, "llama").at.Sub(start))
		s.wait(3*time.Second + time.Duration(i)*170*time.Millisecond) // not in step with anybody
	}
	slices.Sort(took)
	summary.measured("queue changes -> spec.replicas, %s: median %.1f s, max %.1f s (n = %d)",
		s.Name()[len("TestLatency/"):], took[len(took)/2].Seconds(), took[len(took)-1].Seconds(), len(took))
}
