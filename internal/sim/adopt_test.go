package sim

import (
	"testing"
	"time"
)

func TestAdoptedReplicasServeUntilTheyAreDismissed(t *testing.T) {
	load := DefaultWorkload()
	load.PeakRate, load.Trough, load.Wander, load.Crowds, load.Weekend = 1, 1, 0, Crowds{}, 1
	w, err := NewWorkload(load)
	if err != nil {
		t.Fatal(err)
	}
	cfg := DefaultFleet()
	cfg.Replicas = 0
	f, err := NewFleet(cfg, w)
	if err != nil {
		t.Fatal(err)
	}
	at := cfg.Start
	advance := func(d time.Duration) { at = at.Add(d); f.Advance(at) }

	advance(20 * time.Second)
	if got := f.Totals(); got.Held == 0 || got.Held != got.Arrivals {
		t.Fatalf("want everything held while there is no replica, got %+v", got)
	}
	a, b := f.Adopt(0, "a"), f.Adopt(0, "b")
	if got := f.Totals(); got.Held != 0 {
		t.Fatalf("want a replica to take what was held, got %+v", got)
	}
	advance(5 * time.Minute)
	f.Dismiss(a, false)
	if a.State() != Draining {
		t.Errorf("want a to finish what it has, got %s", a.State())
	}
	advance(5 * time.Minute)
	if got := f.Totals(); a.State() != Gone || got.Dropped != 0 {
		t.Errorf("want a gone and nothing lost, got %s and %+v", a.State(), got)
	}
	f.Dismiss(b, true)
	if got := f.Totals(); b.State() != Gone || got.CutOff == 0 || got.Running+got.Waiting != 0 {
		t.Errorf("want b gone with its requests, got %s and %+v", b.State(), got)
	}
	if n := len(f.Pods()); n != 0 {
		t.Errorf("want no pods left, got %d", n)
	}
}
