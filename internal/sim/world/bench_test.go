package world

import (
	"runtime"
	"testing"
	"time"

	"github.com/forewarm/forewarm/internal/engine"
	"github.com/forewarm/forewarm/internal/sim"
)

// loop256 is a closed loop at 1000/1000 tokens whose replicas hold 256 sequences: arrivals, gateway,
// replicas, scrapes and the real engine. Four replicas run at about 250 sequences each.
func loop256(b *testing.B) (*World, *Forewarm, float64) {
	b.Helper()
	const rate = 24
	fc := sim.DefaultFleet()
	fc.Replica.KVBlocks, fc.Replicas = 40_000, 4
	wc := steady(rate)
	wc.Prompt, wc.Output = sim.Lengths{Mean: 1000, Max: 1000}, sim.Lengths{Mean: 1000, Max: 1000}
	w := newWorld(b, fc, wc, DefaultOptions())
	w.model.Variants[0].Min, w.model.Variants[0].Max = 4, 4
	opts := engine.DefaultOptions()
	return w, NewForewarm(w, opts), rate
}

// BenchmarkClosedLoop256 reports simulated requests per second of wall time through the full closed loop.
func BenchmarkClosedLoop256(b *testing.B) {
	w, f, rate := loop256(b)
	b.ReportAllocs()
	b.ResetTimer()
	if err := Run(b.Context(), w, f, w.Now().Add(time.Duration(float64(b.N)/rate*float64(time.Second)))); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(w.Fleet().Totals().Arrivals)/b.Elapsed().Seconds(), "requests/s")
	batch := 0
	for _, p := range w.Fleet().Pods() {
		batch += p.Server().Running()
	}
	b.ReportMetric(float64(batch)/4, "batch")
}

// BenchmarkAt is one look at a fleet of eight.
func BenchmarkAt(b *testing.B) {
	fc := sim.DefaultFleet()
	fc.Replicas = 8
	w := newWorld(b, fc, steady(10), DefaultOptions())
	w.Advance(w.Now().Add(5 * time.Minute))
	for b.Loop() {
		w.At(w.Now())
	}
}

// TestMemoryDoesNotGrowWithTheTrace compares the heap after an hour with that after ten.
func TestMemoryDoesNotGrowWithTheTrace(t *testing.T) {
	fc := sim.DefaultFleet()
	fc.Replicas = 2
	w := newWorld(t, fc, steady(4), DefaultOptions())
	h := NewHPA(Concurrency(), 40, 1, 4)
	heap := func(hours int) int64 {
		if err := Run(t.Context(), w, h, fc.Start.Add(time.Duration(hours)*time.Hour)); err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	early, late := heap(1), heap(12)
	if grown := late - early; grown > 500_000 {
		t.Errorf("want no more memory after 12 hours than after one, got %d bytes more than %d", grown, early)
	}
}
