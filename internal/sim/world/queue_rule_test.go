package world

import (
	"testing"
	"time"

	"github.com/forewarm/forewarm/internal/sim"
)

// TestAQueueThresholdSwings: an HPA on waiting requests alone has no resting point. An empty queue asks for the
// minimum, the queue that follows asks for many times the need, and both come a warm-up late. It is no artefact
// of the fluid world: this is the request-level one, at constant demand.
func TestAQueueThresholdSwings(t *testing.T) {
	b := DefaultBurst()
	b.Rates, b.Stage, b.Initial = []float64{8}, 2*time.Hour, 5
	counts := map[int]int{}
	b.Fleet.Replicas = b.Initial
	src, err := b.arrivals()
	if err != nil {
		t.Fatal(err)
	}
	fleet, err := sim.NewFleet(b.Fleet, src)
	if err != nil {
		t.Fatal(err)
	}
	w, err := New(fleet, b.model(), DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	p := NewHPA(Queue(), 5, 1, Uncapped)
	for at := b.Fleet.Start.Add(b.Prelude); at.Before(b.Fleet.Start.Add(b.Prelude + b.Stage)); at = at.Add(SyncPeriod) {
		if err := Run(t.Context(), w, p, at); err != nil {
			t.Fatal(err)
		}
		counts[fleet.Desired()]++
	}
	low, high := 0, 0
	for n, ticks := range counts {
		if n <= 2 {
			low += ticks
		}
		if n >= 16 {
			high += ticks
		}
	}
	if low < 10 || high < 200 { // four carry the load
		t.Errorf("want minutes at the minimum and hours at several times the need, got %v", counts)
	}
}
