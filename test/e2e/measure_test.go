//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// measuring ends when latencies are measured: until then no source is silent, which would make ticks late.
var measuring sync.WaitGroup

// How long it takes from a change of what the engines say to spec.replicas, by path. The HPA syncs every 2 s in all of
// them. Who can has a Forewarm of its own; HPAs have the one that all stories share, because there is one metrics API.
func TestLatency(t *testing.T) {
	measuring.Add(1) // before any story that runs beside others goes on
	t.Cleanup(measuring.Done)
	t.Parallel()
	t.Run("HPA on inference_pending_requests", func(t *testing.T) {
		s := tell(t, "latency-hpa")
		m := s.serve("llama", options{source: "troubled-never"})
		s.hpa("llama", 1, 10, podsMetric("inference_pending_requests", "5"), exactly)
		s.steps(m)
	})
	t.Run("KEDA prometheus trigger", func(t *testing.T) {
		s := tell(t, "latency-keda")
		s.needKEDA()
		m := s.serve("llama", options{})
		s.scaledObject("llama", scaled{low: 1, high: 10, cooldown: 5, triggers: prometheusTrigger(s.prom.url, m, 5)})
		s.steps(m)
	})
	t.Run("KEDA external trigger, metric pending", func(t *testing.T) {
		s := tell(t, "latency-external")
		s.needKEDA()
		m := s.serve("llama", options{})
		f := s.alone(m, s.prom.url)
		s.scaledObject("llama", scaled{low: 1, high: 10, cooldown: 5, metadata: ", metric: pending, target: '5'", scaler: f.scaler})
		s.steps(m)
	})
	t.Run("HPA on forewarm_desired_replicas", func(t *testing.T) {
		s := tell(t, "latency-desired")
		s.needKEDA()
		s.desiredBesideQueue()
	})
}

// alone is a Forewarm that knows one model of one source and nothing else.
func (s *story) alone(m *model, url string) *forewarm {
	s.Helper()
	config, err := newConfigFile(fmt.Sprintf("%s/%s.yaml", s.dir, s.ns), map[string]string{"default": url})
	s.check(err)
	s.check(config.change(func() { config.models[m.key()] = m.document() }))
	return s.startOwn("forewarm-"+s.ns, config.path, s.certs())
}

// prometheusTrigger is KEDA's own trigger on a model's queue.
func prometheusTrigger(url string, m *model, threshold int) string {
	return fmt.Sprintf(`
  - type: prometheus
    metadata:
      serverAddress: %s
      threshold: "%d"
      query: sum(vllm:num_requests_waiting{model_name="%s"})`, url, threshold, m.id)
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
		s.check(eventually(s.Context(), 2*time.Minute, func(context.Context) error {
			if n := s.last(s.ns, "llama").spec; n != want {
				return fmt.Errorf("want %d replicas, got %d", want, n)
			}
			return nil
		}))
		took = append(took, s.last(s.ns, "llama").at.Sub(start))
		s.wait(3*time.Second + time.Duration(i)*170*time.Millisecond) // not in step with anybody
	}
	path := strings.TrimPrefix(s.Name(), "TestLatency/")
	summary.measured("queue changes -> spec.replicas, %s: %s", path, spread(took))
}

// spread is a text: the middle and the end of what something took.
func spread(took []time.Duration) string {
	slices.Sort(took)
	return fmt.Sprintf("median %.1f s, max %.1f s (n = %d)",
		took[len(took)/2].Seconds(), took[len(took)-1].Seconds(), len(took))
}

// desiredBesideQueue lets the load of pairs of models leap, one pair after another. The queue that grows by it is what both
// read, from the same server: ours decides and an HPA follows, of the other the queue is KEDA's prometheus trigger.
func (s *story) desiredBesideQueue() {
	s.Helper()
	source, err := startTroubled(s.prom.url) // which counts
	s.check(err)
	s.Cleanup(func() { _ = source.srv.Close() })
	const pairs = 6
	var ours, theirs []*model
	for i := range pairs {
		m, other := s.serve(fmt.Sprintf("ours-%d", i), options{source: "troubled-never"}), s.serve(fmt.Sprintf("theirs-%d", i), options{})
		ours, theirs = append(ours, m), append(theirs, other)
		s.hpa(m.name, 1, 10, desiredOf(m.name), exactly)
		s.scaledObject(other.name, scaled{
			low: 1, high: 10, cooldown: 5, triggers: prometheusTrigger("http://"+source.addr, other, 5),
		})
		m.turn(2)
		other.turn(2)
	}
	for i := range pairs {
		s.hpaCondition(time.Minute, ours[i].name, "ScalingActive", "True", "ValidMetricFound")
		s.ready(ours[i].name, 1)
		s.ready(theirs[i].name, 1)
	}
	began := time.Now()
	before, beforeTheirs := s.troubled["never"].queries.Load(), source.queries.Load()
	var took, tookTheirs []time.Duration
	for i := range pairs {
		leapt := time.Now()
		ours[i].turn(24)
		theirs[i].turn(24)
		took = append(took, s.raised(ours[i], leapt))
		tookTheirs = append(tookTheirs, s.raised(theirs[i], leapt))
		ours[i].turn(0)
		theirs[i].turn(0)
		s.wait(time.Duration(2000+i*310) * time.Millisecond) // not in step with anybody
	}
	minutes := time.Since(began).Minutes()
	summary.measured("load leaps from 2 to 24 requests/s -> first more spec.replicas, HPA on forewarm_desired_replicas: %s", spread(took))
	summary.measured("the same, KEDA prometheus trigger on the queue: %s", spread(tookTheirs))
	summary.measured("queries that Prometheus served meanwhile: %.0f a minute for Forewarm and all its metrics of these and a "+
		"seventh model, %.0f a minute for %d triggers", float64(s.troubled["never"].queries.Load()-before)/minutes,
		float64(source.queries.Load()-beforeTheirs)/minutes, pairs)
}

// raised waits for more replicas of a model than one, and says when they were asked for, after a moment.
func (s *story) raised(m *model, from time.Time) time.Duration {
	s.Helper()
	what, ok := atLeast(2)
	s.spec(2*time.Minute, m.name, what, ok)
	for _, p := range since(s.of(s.ns, m.name), from) {
		if took := p.at.Sub(from); p.spec > 1 && took > 0 {
			return took
		}
	}
	s.Fatalf("%s had more than one before its load leapt: %s", m.name, s.course(s.ns, m.name))
	return 0
}
