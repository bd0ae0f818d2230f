//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// A source that fails in any way never lowers replicas: they are held, after a time the answer becomes an error on
// which the HPA holds, and when the source is well again all goes on.
func TestSourcesThatFail(t *testing.T) {
	t.Parallel()
	for name, now := range map[string]trouble{
		"reset": cut, "empty": empty, "nan": nans, "stale": frozen, "silent": slow,
	} {
		t.Run(name, func(t *testing.T) {
			s := tell(t, "trouble-"+name)
			source := s.troubled[name]
			m := s.serve("llama", sleeper("troubled-"+name))
			s.hpa("llama", 0, 10, desiredOf("llama"), exactly)
			s.loaded(m)
			if now == slow { // every tick waits for it
				measuring.Wait()
			}
			source.set(now)
			s.heldThenError(m)
			source.set(fine)
			s.recovered(m)
		})
	}
}

// sleeper is a model that may sleep: that it does not while nobody can see is Forewarm's doing alone.
func sleeper(source string) options {
	return options{source: source, toZero: true, idle: 20 * time.Second, warmUp: 3 * time.Second}
}

// The same with the server itself: killed, and started again.
func TestPrometheusIsKilled(t *testing.T) {
	s := tell(t, "mortal")
	m := s.serve("llama", sleeper("mortal"))
	s.hpa("llama", 0, 10, desiredOf("llama"), exactly)
	s.loaded(m)
	s.check(s.mortal.Kill())
	s.heldThenError(m)
	s.check(s.mortal.Start())
	s.check(s.mortal.ready(t.Context()))
	s.recovered(m)
	s.queriesDoNotGrow()
}

// queriesDoNotGrow compares what one model and ten cost the server: queries are per engine and source, not per model.
func (s *story) queriesDoNotGrow() {
	s.Helper()
	rate := func() float64 {
		before, err := s.mortal.queriesServed(s.Context())
		s.check(err)
		start := time.Now()
		s.wait(20 * time.Second)
		after, err := s.mortal.queriesServed(s.Context())
		s.check(err)
		return (after - before) / time.Since(start).Seconds()
	}
	one := rate()
	for i := range 9 {
		s.serve(fmt.Sprintf("other-%d", i), options{source: "mortal"})
	}
	ten := 0.0
	s.eventually(3*time.Minute, "ten models ask for no more than one, once their past is read", func(context.Context) error {
		if ten = rate(); one == 0 || ten > one*1.3 {
			return fmt.Errorf("%.2f queries a second for ten, %.2f for one", ten, one)
		}
		return nil
	})
	summary.measured("queries that Prometheus served per tick: %.1f for one model, %.1f for ten",
		one*interval.Seconds(), ten*interval.Seconds())
}

// loaded brings a model to some replicas.
func (s *story) loaded(m *model) {
	s.Helper()
	m.turn(20)
	what, ok := atLeast(4)
	s.spec(2*time.Minute, m.name, what, ok)
	s.eventually(time.Minute, "the load is carried", func(context.Context) error {
		if n := m.totals().Waiting; n > 10 {
			return fmt.Errorf("%d are waiting", n)
		}
		return nil
	})
}

// heldThenError tempts a blind Forewarm to shrink, and to sleep: there is no load any more, and nobody can tell.
func (s *story) heldThenError(m *model) {
	s.Helper()
	blind := time.Now()
	m.turn(0)
	s.always(holdFor/2, "replicas are held", func(context.Context) error { return s.fell(m, blind) })
	s.hpaCondition(5*time.Second, m.name, "ScalingActive", "True", "ValidMetricFound") // it still has an answer
	s.eventually(2*holdFor, "Forewarm holds, and says why", func(ctx context.Context) error {
		r, err := m.forewarmSays(ctx)
		if err == nil && (!r.Hold || !strings.Contains(steps(r), "may rise but not fall")) {
			err = errors.New(steps(r))
		}
		return err
	})
	s.hpaCondition(2*holdFor, m.name, "ScalingActive", "False", "FailedGetObjectMetric")
	s.always(m.options.idle+10*time.Second, "replicas are held by the HPA on an error", func(context.Context) error {
		return s.fell(m, blind)
	})
}

// fell is an error if the replicas were once fewer than before, since a moment; so, too, if they came back.
func (s *story) fell(m *model, from time.Time) error {
	all := specs(since(s.of(s.ns, m.name), from))
	if !slices.IsSorted(all) || all[0] == 0 {
		return fmt.Errorf("there were %v", all)
	}
	return nil
}

// recovered waits for the HPA to act again: there is no load, so to go down. It may go to sleep: that is proven now.
func (s *story) recovered(m *model) {
	s.Helper()
	s.hpaCondition(time.Minute, m.name, "ScalingActive", "True", "ValidMetricFound")
	n := s.last(s.ns, m.name).spec
	s.spec(5*time.Minute, m.name, fmt.Sprintf("fewer than %d", n), func(got int) bool { return got < n })
}

// A pod is deleted: its metric is gone with it, at once, however long Prometheus remembers. A loading pod has none.
func TestNoMetricsOfDeadOrLoadingPods(t *testing.T) {
	s := tell(t, "dead-pods")
	m := s.serve("llama", options{variants: []variant{
		{name: "on-demand", replicas: 3, min: 1, max: 5, warmUp: 40 * time.Second},
	}})
	m.turn(5)
	s.ready("llama", 3)
	const path = "/pods/*/inference_running_requests"
	var names []string
	s.eventually(time.Minute, "three pods have a metric", func(ctx context.Context) error {
		items, err := s.custom(ctx, path)
		if err == nil && len(items) != 3 {
			err = fmt.Errorf("%d have", len(items))
		}
		names = names[:0]
		for name := range items {
			names = append(names, name)
		}
		return err
	})
	s.check(s.Client.CoreV1().Pods(s.ns).Delete(t.Context(), names[0], deleteNow))
	deleted := time.Now()
	s.eventually(15*time.Second, "two have one", func(ctx context.Context) error {
		items, err := s.custom(ctx, path)
		if err == nil && len(items) != 2 {
			err = fmt.Errorf("%d have", len(items))
		}
		return err
	})
	summary.measured("deleted pod -> no metric of it: %.2f s", time.Since(deleted).Seconds())
	s.always(10*time.Second, "its replacement has none while it loads", func(ctx context.Context) error {
		items, err := s.custom(ctx, path)
		if _, found := items[names[0]]; err == nil && (found || len(items) != 2) {
			err = fmt.Errorf("%v", items)
		}
		return err
	})
	s.eventually(90*time.Second, "three have one again", func(ctx context.Context) error {
		items, err := s.custom(ctx, path)
		if err == nil && len(items) != 3 {
			err = fmt.Errorf("%d have", len(items))
		}
		return err
	})
}
