package engine

import (
	"math"
	"testing"
	"time"

	"github.com/forewarm/forewarm/predictor"
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

// BenchmarkTickOfModelsWithTwoWeeks ticks models whose histories are full and whose forests have grown, the
// trainings of an epoch left out: those are predictor's BenchmarkEpochOfTwoWeeks.
func BenchmarkTickOfModelsWithTwoWeeks(b *testing.B) {
	const models, history = 100, 14 * 24 * time.Hour
	w := newWorld(models)
	e := engineOn(w)
	at := noon.Add(time.Minute)
	if err := e.Tick(b.Context(), at); err != nil {
		b.Fatal(err)
	}
	for i, m := range w.models {
		s := e.stateOf(m.ID)
		s.history = predictor.NewHistoryAt(predictor.DefaultStep, history, stagger(m.ID, math.MaxInt64))
		for t := at.Add(-history); t.Before(at); t = t.Add(15 * time.Second) {
			s.history.Add(t, 8+4*math.Sin(t.Sub(noon).Hours()/24*2*math.Pi)+float64((int(t.Unix())/15+i)%7)/7)
		}
	}
	for range 5 { // every forecaster begins
		if at = at.Add(15 * time.Second); e.Tick(b.Context(), at) != nil {
			b.Fatal("a tick failed")
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		at = at.Add(15 * time.Second)
		if err := e.Tick(b.Context(), at); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)*10000/models, "s/10000-models")
}

func BenchmarkReplayADayOfTenModels(b *testing.B) {
	for b.Loop() {
		if err := engineOn(newWorld(10)).Replay(b.Context(), noon, noon.Add(24*time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
}
