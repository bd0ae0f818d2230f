package sim

import (
	"strings"
	"testing"
	"time"
)

// flat is a steady workload with the default lengths.
func flat(rate float64) WorkloadConfig {
	c := DefaultWorkload()
	c.PeakRate, c.Sharpness, c.Wander, c.Burst, c.Weekend = rate, 0, 0, 1, 1
	c.Crowds = Crowds{}
	return c
}

func newWorkload(tb testing.TB, c WorkloadConfig) *Workload {
	tb.Helper()
	w, err := NewWorkload(c)
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

// world is a fleet of the given configuration under a workload.
func world(tb testing.TB, fc FleetConfig, wc WorkloadConfig) *Fleet {
	tb.Helper()
	f, err := NewFleet(fc, newWorkload(tb, wc))
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// run advances in steps and calls each after every step.
func run(f *Fleet, length, step time.Duration, each func()) {
	end := f.Now().Add(length)
	for f.Now().Before(end) {
		f.Advance(f.Now().Add(step))
		each()
	}
}

func (t Totals) conserved() bool {
	return t.Arrivals == t.Completed+t.Dropped+t.Running+t.Waiting+t.Held
}

// script hands out given arrivals.
type script []Arrival

func (s *script) Next(until time.Time) (Arrival, bool) {
	if len(*s) == 0 || !(*s)[0].At.Before(until) {
		return Arrival{}, false
	}
	a := (*s)[0]
	*s = (*s)[1:]
	return a, true
}

func expose(tb testing.TB, f *Fleet) string {
	tb.Helper()
	var b strings.Builder
	for _, write := range []func() error{
		func() error { return f.Expose(&b) },
		func() error { return ExposeRouter(&b, f) },
		func() error { return ExposeEPP(&b, f) },
		func() error { return ExposeKube(&b, f) },
	} {
		if err := write(); err != nil {
			tb.Fatal(err)
		}
	}
	return b.String()
}
