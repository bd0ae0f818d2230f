package engine

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/forewarm/forewarm/policy"
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

// BenchmarkTickOfModelsWithTwoWeeks ticks models whose histories are full and whose forests have grown, none of
// which is due for training within six hours: trainings are predictor's BenchmarkEpochOfTwoWeeks. Each has four
// pods. Seconds are of CPU, collections included; memory is without the scratch that all models share.
func BenchmarkTickOfModelsWithTwoWeeks(b *testing.B) {
	const models, history = 50, 14 * 24 * time.Hour
	at := noon.Add(time.Minute)
	before := heap()
	w := newWorld(0)
	for n := 0; len(w.models) < models; n++ {
		if m := model(fmt.Sprintf("m%04d", n)); untilTraining(m, at) > 6*time.Hour {
			w.models = append(w.models, m)
		}
	}
	e := engineOn(w)
	e.source = prepare(w.models, at)
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
	e.scratch = predictor.Workspace{}
	kept := float64(heap()-before) / 1024 / models
	b.ReportAllocs()
	began := cpu()
	for b.Loop() {
		at = at.Add(15 * time.Second)
		if err := e.Tick(b.Context(), at); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((cpu()-began).Seconds()/float64(b.N)*10000/models, "cpu-s/10000-models")
	b.ReportMetric(kept, "KiB/model")
}

// prepared is a source whose inputs are made before, so that they cost nothing; only rates change.
type prepared struct{ all []policy.Input }

func prepare(models []policy.Model, at time.Time) *prepared {
	p := &prepared{}
	for _, m := range models {
		p.all = append(p.all, steady(m, at, 8, 4))
	}
	return p
}

func (p *prepared) Load(context.Context, time.Time, time.Time) error { return nil }

func (p *prepared) At(at time.Time) []policy.Input {
	for i := range p.all {
		in := &p.all[i]
		rate := 8 + 4*math.Sin(at.Sub(noon).Hours()/24*2*math.Pi) + float64((int(at.Unix())/15+i)%7)/7
		in.Now, in.Signals.Arrivals.Value = at, rate
		for k := range in.Signals.Pods {
			in.Signals.Pods[k].Completions.Value = rate / 4
		}
	}
	return p.all
}

// untilTraining is how long a model's forecaster folds on before it begins anew.
func untilTraining(m policy.Model, at time.Time) time.Duration {
	const every = time.Duration(predictor.EpochEvery) * predictor.DefaultStep
	return (stagger(m.ID, math.MaxInt64)%every + every - time.Duration(at.UnixNano())%every) % every
}

// cpu is what this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// heap is what is in use after a collection, in bytes.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func BenchmarkReplayADayOfTenModels(b *testing.B) {
	for b.Loop() {
		if err := engineOn(newWorld(10)).Replay(b.Context(), noon, noon.Add(24*time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
}
