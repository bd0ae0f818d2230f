package engine

import (
	"testing"
	"time"
)

func BenchmarkTick1000Models(b *testing.B) {
	w := newWorld(1000)
	e := engineOn(w)
	if err := e.Replay(b.Context(), noon, noon.Add(6*time.Hour)); err != nil {
		b.Fatal(err)
	}
	at := noon.Add(6 * time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		at = at.Add(15 * time.Second)
		if err := e.Tick(b.Context(), at); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReplayADayOfTenModels(b *testing.B) {
	for b.Loop() {
		if err := engineOn(newWorld(10)).Replay(b.Context(), noon, noon.Add(24*time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
}
