package fluid

import (
	"math"
	"syscall"
	"testing"
	"time"
)

// week is a model-week of ticks: a day shape with a sawtooth that keeps the fleet moving.
func week(tb testing.TB, mean float64) *Course {
	tb.Helper()
	w := DefaultWorld()
	l := Load{Name: "week", Step: Tick, Rate: make([]float64, 7*24*3600/15)}
	for k := range l.Rate {
		day := 1 + 0.5*math.Sin(2*math.Pi*float64(k)/5760)
		l.Rate[k] = mean * w.Replica.Rate * (day + 0.1*float64(k%97)/97)
	}
	c, err := NewCourse(l, w)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// BenchmarkWeekBare is the fluid world alone: one model-week per operation.
func BenchmarkWeekBare(b *testing.B) {
	c := week(b, 20)
	weeks(b, func() { c.Run(ScalerFunc(func(o *Observation) int { return o.Spec + o.Tick%2*2 - 1 })) })
}

// weeks says what one costs in seconds of CPU, collections included: on a machine that others use, the clock does not.
func weeks(b *testing.B, one func()) {
	b.Helper()
	began := cpu()
	for b.Loop() {
		one()
	}
	b.ReportMetric((cpu()-began).Seconds()/float64(b.N), "cpu-s/week")
}

// cpu is what this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkWeekForewarm is the real product on a fleet of 20: one model-week per operation.
func BenchmarkWeekForewarm(b *testing.B) {
	c := week(b, 20)
	weeks(b, func() { c.Run(NewForewarm(c, Product{Headroom: 1, WarmUpKnown: true})) })
}

// BenchmarkWeekForewarmMemoised is the same with every forecast made before.
func BenchmarkWeekForewarmMemoised(b *testing.B) {
	c := week(b, 20)
	run := Products()[0].On(c)
	c.Run(run(1))
	weeks(b, func() { c.Run(run(1)) })
}
