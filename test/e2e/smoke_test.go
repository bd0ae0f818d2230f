//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// The harness itself: pods warm up for as long as they are told to, engines are scraped with the labels of a
// PodMonitor, and replicas change what is measured.
func TestHarness(t *testing.T) {
	s := tell(t, "harness")
	m := s.serve("llama", options{warmUp: 3 * time.Second})
	s.ready("llama", 1)
	m.turn(12)
	pending := `sum(vllm:num_requests_waiting{namespace="harness",pod=~"llama-.*"})`
	s.eventually(time.Minute, "one replica cannot carry twelve requests a second", func(ctx context.Context) error {
		v, _, err := s.prom.value(ctx, pending)
		if err == nil && v < 20 {
			err = fmt.Errorf("%g are waiting", v)
		}
		return err
	})
	start := time.Now()
	s.scale("llama", 4)
	s.ready("llama", 4)
	if took := time.Since(start); took < 3*time.Second {
		t.Errorf("want a warm-up of 3 s, got ready after %s", took)
	}
	s.eventually(time.Minute, "four replicas work the queue off", func(ctx context.Context) error {
		v, ok, err := s.prom.value(ctx, pending)
		if err == nil && (!ok || v > 0) {
			err = fmt.Errorf("%g are waiting", v)
		}
		return err
	})
	m.turn(0)
	s.scale("llama", 0)
	s.eventually(time.Minute, "no series is left of pods that are gone", func(ctx context.Context) error {
		_, ok, err := s.prom.value(ctx, pending)
		if err == nil && ok {
			err = fmt.Errorf("there still is")
		}
		return err
	})
}
