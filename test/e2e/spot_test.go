//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// standsBefore is how long spot must have stood before on-demand that stood in for it is released, less what a busy
// machine may miss of it.
const standsBefore = 5*time.Minute - 15*time.Second

// A spot node is reclaimed. Its pods are gone at once, their replacements find no node, and on-demand replicas take their
// place. When there is a spot node again the replacements run there, and on-demand goes back only after they have stood
// for a while: at no moment are there too few.
func TestSpotNodeIsReclaimed(t *testing.T) {
	s := tell(t, "spot")
	spotNode := func(name string) {
		s.check(s.node(t.Context(), name, "spot-spot", 8, map[string]string{"cloud.google.com/gke-spot": "true"}))
	}
	spotNode("node-spot-spot")
	m := s.serve("llama", options{untold: true, variants: []variant{
		{name: "on-demand", replicas: 1, min: 1, max: 10, price: 4, warmUp: 3 * time.Second},
		{
			name: "spot", replicas: 4, min: 3, max: 8, price: 1, capacityType: "spot", pool: "spot-spot",
			warmUp: 3 * time.Second,
		},
	}})
	s.ready("llama", 1)
	s.ready("llama-spot", 4)
	m.turn(20)
	s.eventually(time.Minute, "the load is carried, mostly on spot", func(context.Context) error {
		if n := m.totals(); n.Waiting > 10 || n.Completed < 200 {
			return fmt.Errorf("%+v", n)
		}
		return nil
	})
	m.configure()
	s.hpa("llama", 1, 10, desiredOf("llama"), exactly)
	s.hpa("llama-spot", 1, 8, desiredOf("llama-spot"), exactly)
	for _, name := range []string{"llama", "llama-spot"} {
		s.hpaCondition(2*time.Minute, name, "ScalingActive", "True", "ValidMetricFound")
	}
	if n := s.last(s.ns, "llama").spec; n >= carriedBy {
		t.Fatalf("want the load on spot as long as there is, got %d on demand: %s", n, s.course(s.ns, "llama"))
	}
	reclaimed := time.Now()
	s.check(s.patch(t.Context(), "", "Node", "node-spot-spot",
		`{"spec":{"taints":[{"key":"reclaimed","effect":"NoExecute"}]}}`))
	s.spotFails(m, reclaimed)
	returned := time.Now()
	spotNode("node-spot-again")
	s.spotReturns(m, returned)
}

// spotFails waits until on-demand replicas carry the load that was on a spot node.
func (s *story) spotFails(m *model, reclaimed time.Time) {
	s.Helper()
	s.eventually(time.Minute, "the spot pods are gone", func(context.Context) error {
		if p := s.last(s.ns, "llama-spot"); p.ready > 0 {
			return fmt.Errorf("%d are ready", p.ready)
		}
		return nil
	})
	gone := time.Since(reclaimed)
	s.said(s.forewarm, m, "on spot, 0 are ready and [0-9]+ have no node, so on-demand goes from")
	s.eventually(2*time.Minute, "on-demand replicas carry the load", func(context.Context) error {
		if p := s.last(s.ns, "llama"); p.ready < carriedBy || m.totals().Waiting > 10 {
			return fmt.Errorf("%d of %d are ready, %d requests wait", p.ready, p.spec, m.totals().Waiting)
		}
		return nil
	})
	summary.measured("spot node reclaimed: pods gone after %.1f s, load carried on demand after %.1f s (warm-up 3 s)",
		gone.Seconds(), time.Since(reclaimed).Seconds())
	if p := s.last(s.ns, "llama-spot"); p.ready > 0 || p.spec < carriedBy { // more than its minimum
		s.Errorf("want spot still asked for, and nothing ready there, got %d of %d", p.ready, p.spec)
	}
	for _, name := range []string{"llama", "llama-spot"} {
		s.hpaCondition(30*time.Second, name, "ScalingActive", "True", "ValidMetricFound")
	}
}

// spotReturns waits until spot replicas run on the new node and on-demand has gone back, in this order.
func (s *story) spotReturns(m *model, returned time.Time) {
	s.Helper()
	s.eventually(time.Minute, "replacements are ready on the new node", func(ctx context.Context) error {
		return s.readyOn(ctx, "node-spot-again", carriedBy)
	})
	standing := time.Now()
	s.stepSaid(m, "after which what stood in for them is released")
	s.eventually(8*time.Minute, "on-demand is released", func(context.Context) error {
		if p := s.last(s.ns, "llama"); p.spec >= carriedBy {
			return fmt.Errorf("there are %d", p.spec)
		}
		return nil
	})
	released := time.Now()
	r, err := m.forewarmSays(s.Context())
	s.check(err)
	if !strings.Contains(steps(r), "Spot is cheaper") {
		s.Errorf("want spot chosen by its price:\n%s", steps(r))
	}
	summary.measured("spot back: replacements ready on a new node after %.1f s, on-demand released %.0f s later",
		standing.Sub(returned).Seconds(), released.Sub(standing).Seconds())
	for _, p := range since(s.of(s.ns, "llama"), returned) {
		if stood := p.at.Sub(standing); p.spec < carriedBy && stood < standsBefore {
			s.Errorf("want on-demand kept until spot has stood for five minutes, went to %d after %s: %s",
				p.spec, stood.Round(time.Second), s.course(s.ns, "llama"))
			break
		}
	}
	for at, n := range s.together(returned, "llama", "llama-spot") {
		if n < carriedBy {
			s.Errorf("want %d ready at every moment, there were %d after %s", carriedBy, n, at.Sub(returned).Round(time.Second))
		}
	}
	if p := s.last(s.ns, "llama-spot"); p.ready < carriedBy-1 { // one is on demand, its minimum
		s.Errorf("want the load carried on spot, got %d of %d", p.ready, p.spec)
	}
}

// readyOn is an error unless a node has so many ready pods of the namespace.
func (s *story) readyOn(ctx context.Context, node string, want int) error {
	list, err := s.Client.CoreV1().Pods(s.ns).List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + node})
	if err != nil {
		return err
	}
	ready := 0
	for i := range list.Items {
		if isReady(&list.Items[i]) {
			ready++
		}
	}
	if ready < want {
		return fmt.Errorf("%s has %d ready pods, want %d", node, ready, want)
	}
	return nil
}

// stepSaid waits until a step of the last decision has a sentence.
func (s *story) stepSaid(m *model, sentence string) {
	s.Helper()
	s.eventually(time.Minute, "a step says: "+sentence, func(ctx context.Context) error {
		r, err := m.forewarmSays(ctx)
		if err == nil && !strings.Contains(steps(r), sentence) {
			err = errors.New(steps(r))
		}
		return err
	})
}

// together is how many replicas of Deployments were ready, at a moment and at each change since.
func (s *story) together(from time.Time, names ...string) map[time.Time]int {
	out := map[time.Time]int{from: 0}
	for _, name := range names {
		for _, p := range s.of(s.ns, name) {
			if p.at.After(from) {
				out[p.at] = 0
			}
		}
	}
	for at := range out {
		for _, name := range names {
			out[at] += since(s.of(s.ns, name), at)[0].ready
		}
	}
	return out
}
