package world

import (
	"strings"
	"testing"
)

// TestRivalsRunAtRequestLevel: from one replica, uncapped, every rival is there by its own name, none beats what can be
// seen, and those whose rule follows demand end with fewer errors than a fleet that never grows.
func TestRivalsRunAtRequestLevel(t *testing.T) {
	b := DefaultBurst()
	b.Rivals, b.Fleet.HoldAbove = true, burstHold
	rows, err := b.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + written(t, rows))
	at := map[string]BurstRow{}
	for _, r := range rows {
		at[r.Policy] = r
		if !strings.HasPrefix(r.Policy, "static") && float64(r.Result.TTFT.P99) < 0.99*float64(r.Causal) {
			t.Errorf("%s: p99 %v beats the causal bound %v", r.Policy, r.Result.TTFT.P99, r.Causal)
		}
	}
	for _, name := range []string{"hpa", "keda-queue", "kpa", "wva", "aibrix-apa", "dynamo-constant", "phpa-linear", "crane", "moving-max"} {
		if r, ok := at[name]; !ok || r.Errors >= at["static-1"].Errors || r.MeanReplicas < 1.5 {
			t.Errorf("%s: want it to grow and to help, got %g errors of %g with %.2f replicas", name, r.Errors,
				at["static-1"].Errors, r.MeanReplicas)
		}
	}
}
