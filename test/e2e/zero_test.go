//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// A plain HPA takes a model to zero and back, without KEDA: Kubernetes 1.37 can, and our metric answers while there
// is no pod. What arrives meanwhile waits at the gateway, and nothing is lost.
func TestNativeZeroAndBack(t *testing.T) {
	s := tell(t, "native-zero")
	m := s.serve("llama", options{toZero: true, idle: 20 * time.Second, warmUp: 3 * time.Second})
	s.hpa("llama", 0, 10, desiredOf("llama"), exactly)
	m.turn(4)
	s.serving(m)
	s.wait(10 * time.Second)
	m.turn(0)
	quiet := time.Now()
	what, ok := exact(0)
	s.spec(asleepWithin, "llama", what, ok)
	if took := time.Since(quiet); took < 20*time.Second {
		t.Errorf("want 20 s of proven silence before zero, got %s", took)
	}
	s.hpaCondition(30*time.Second, "llama", "ScaledToZero", "True", "")
	s.always(10*time.Second, "it sleeps", func(context.Context) error {
		if n := s.last(s.ns, "llama").spec; n != 0 {
			return fmt.Errorf("there are %d", n)
		}
		return nil
	})
	m.turn(4)
	woken := time.Now()
	what, ok = atLeast(1)
	s.spec(time.Minute, "llama", what, ok)
	summary.measured("native HPA, request at zero -> spec.replicas: %.1f s (scrape 1 s, tick %s, sync 2 s)",
		time.Since(woken).Seconds(), interval)
	s.eventually(time.Minute, "what waited is served", func(context.Context) error {
		if n := m.totals(); n.Held > 0 || n.Completed == 0 {
			return fmt.Errorf("%+v", n)
		}
		return nil
	})
	if n := m.totals(); n.Dropped > 0 {
		t.Errorf("want nothing lost, got %+v", n)
	}
}
