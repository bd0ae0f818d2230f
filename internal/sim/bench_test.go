package sim

import (
	"io"
	"testing"
	"time"
)

// BenchmarkFleet reports simulated requests per second of wall time on three replicas at their knee.
func BenchmarkFleet(b *testing.B) {
	fc := DefaultFleet()
	fc.Replicas = 3
	f := world(b, fc, flat(6))
	b.ResetTimer()
	f.Advance(f.Now().Add(time.Duration(float64(b.N) / 6 * float64(time.Second))))
	b.ReportMetric(float64(f.Totals().Arrivals)/b.Elapsed().Seconds(), "requests/s")
}

// BenchmarkThreeDays is the history a demo starts with: three days, a reactive fleet, a scrape of every
// pod each 15 s.
func BenchmarkThreeDays(b *testing.B) {
	for b.Loop() {
		wc := DefaultWorkload()
		f := world(b, DefaultFleet(), wc)
		h := NewReactive(20, 1, 8)
		run(f, 72*time.Hour, ReactiveSync, func() {
			t := f.Totals()
			f.Scale(h.Sync(f.Now(), f.Desired(), f.Count(Ready), float64(t.Running+t.Waiting)))
			if err := f.Expose(io.Discard); err != nil {
				b.Fatal(err)
			}
		})
		b.ReportMetric(float64(f.Totals().Arrivals), "requests/op")
	}
}

// BenchmarkThreeDaysBare is the same world without scrapes or scaling, at about two requests/s.
func BenchmarkThreeDaysBare(b *testing.B) {
	for b.Loop() {
		fc := DefaultFleet()
		fc.Replicas = 2
		f := world(b, fc, flat(2))
		f.Advance(f.Now().Add(72 * time.Hour))
		b.ReportMetric(float64(f.Totals().Arrivals), "requests/op")
	}
}

func BenchmarkWorkload(b *testing.B) {
	w := newWorkload(b, DefaultWorkload())
	far := w.cfg.Start.AddDate(100, 0, 0)
	for b.Loop() {
		w.Next(far)
	}
}

func BenchmarkExpose(b *testing.B) {
	f := world(b, DefaultFleet(), flat(2))
	f.Advance(f.Now().Add(time.Hour))
	for b.Loop() {
		if err := f.Expose(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
