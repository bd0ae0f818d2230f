package fluid

import (
	"math"
	"testing"
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
	for b.Loop() {
		c.Run(ScalerFunc(func(o *Observation) int { return o.Spec + o.Tick%2*2 - 1 }))
	}
}

// BenchmarkWeekForewarm is the real product on a fleet of 20: one model-week per operation.
func BenchmarkWeekForewarm(b *testing.B) {
	c := week(b, 20)
	for b.Loop() {
		c.Run(NewForewarm(c, Product{Headroom: 1, WarmUpKnown: true}))
	}
}

// BenchmarkWeekForewarmMemoised is the same with every forecast made before.
func BenchmarkWeekForewarmMemoised(b *testing.B) {
	c := week(b, 20)
	run := Products()[0].On(c)
	c.Run(run(1))
	for b.Loop() {
		c.Run(run(1))
	}
}
