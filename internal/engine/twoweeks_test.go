package engine

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/forewarm/forewarm/policy"
	"github.com/forewarm/forewarm/predictor"
)

// BenchmarkTickOfModelsWithTwoWeeks ticks models whose histories are full and whose forests have grown, none of
// which is due for training within six hours: trainings are predictor's BenchmarkEpochOfTwoWeeks. Each has four
// pods. Seconds are of CPU, collections included; memory is without the scratch that all models share. It ticks 50
// models, which a processor's cache may hold, and BENCH_MODELS of them if that is set: 10,000 need some 4 GB.
func BenchmarkTickOfModelsWithTwoWeeks(b *testing.B) {
	counts := []int{50}
	if asked, err := strconv.Atoi(os.Getenv("BENCH_MODELS")); err == nil {
		counts = append(counts, asked)
	}
	for _, n := range counts {
		b.Run(fmt.Sprintf("models=%d", n), func(b *testing.B) { benchmarkTwoWeeks(b, n) })
	}
}

func benchmarkTwoWeeks(b *testing.B, models int) {
	b.Helper()
	before := heap()
	e, at := grown(b, models)
	kept := float64(heap()-before) / 1024 / float64(models)
	next := func() time.Duration {
		began := cpu()
		if at = at.Add(15 * time.Second); e.Tick(b.Context(), at) != nil {
			b.Fatal("a tick failed")
		}
		return cpu() - began
	}
	for range 8 { // the scratch grows again
		next()
	}
	b.ReportAllocs()
	var all, worst time.Duration
	for b.Loop() {
		took := next()
		all, worst = all+took, max(worst, took)
	}
	began := cpu()
	runtime.GC()
	share := 10000 / float64(models)
	b.ReportMetric((cpu()-began).Seconds()*share, "cpu-s/collection")
	b.ReportMetric(all.Seconds()/float64(b.N)*share, "cpu-s/10000-models")
	b.ReportMetric(worst.Seconds()*share, "worst-cpu-s/10000-models")
	b.ReportMetric(kept, "KiB/model")
}

// grown is an engine of models with two weeks behind them, and the moment it has come to. The first of them were
// trained; the others have histories of their own and copies of trained forecasters, no memory of which is another's,
// and go on by themselves: what a tick touches is as large as if all had been trained.
func grown(b *testing.B, models int) (*Engine, time.Time) {
	b.Helper()
	at := noon.Add(time.Minute)
	w := newWorld(0)
	lived := min(models, 64)
	for n := 0; len(w.models) < models; n++ {
		if m := model(fmt.Sprintf("m%05d", n)); len(w.models) >= lived || untilTraining(m, at) > 6*time.Hour {
			w.models = append(w.models, m)
		}
	}
	all := w.models
	w.models = all[:lived]
	e := engineOn(w)
	e.source = prepare(w.models, at)
	next := func() {
		if err := e.Tick(b.Context(), at); err != nil {
			b.Fatal(err)
		}
		at = at.Add(15 * time.Second)
	}
	next()
	for i, m := range w.models {
		e.stateOf(m.ID).history = twoWeeks(i, m.ID, at, 15*time.Second)
	}
	for range 5 { // every forecaster begins
		next()
	}
	for i, m := range all[lived:] {
		like := all[i%lived].ID
		e.states[m.ID] = copied(e.states[like], &e.scratch, twoWeeks(lived+i, like, at, time.Minute))
	}
	e.SetModels(all, nil)
	e.source = prepare(all, at)
	next()
	e.scratch = predictor.Workspace{}
	return e, at.Add(-15 * time.Second)
}

// twoWeeks is a model's course up to a moment, in the buckets of a model of this name. It has run for longer, so that
// its memory is as large as it gets.
func twoWeeks(model int, like policy.ModelID, to time.Time, every time.Duration) *predictor.History {
	const long = 14 * 24 * time.Hour
	h := predictor.NewHistoryAt(predictor.DefaultStep, long, stagger(like, math.MaxInt64))
	for t := to.Add(-long - 36*time.Hour); t.Before(to); t = t.Add(every) {
		h.Add(t, course(model, t))
	}
	return h
}

// course is the demand of one model: a day of its own size and time, and noise.
func course(model int, at time.Time) float64 {
	z := uint64(model+1)*0x9e3779b97f4a7c15 ^ uint64(at.Unix())*0xbf58476d1ce4e5b9
	z = (z ^ z>>31) * 0x94d049bb133111eb
	noise := float64(z>>40) / (1 << 24)
	own := float64(model % 64)
	return 8 + (2+own/16)*math.Sin((at.Sub(noon).Hours()+own)/24*2*math.Pi) + noise
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
		in, rate := &p.all[i], course(i, at)
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
