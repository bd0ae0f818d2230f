package fluid

import (
	"math"
	"math/rand/v2"
	"time"
)

// starting is a replica between order and ready, in ticks.
type starting struct{ ordered, due int }

// fleet is the replicas of one run.
type fleet struct {
	ready   int
	warming []starting // oldest first
	warmUp  WarmUp
	step    time.Duration
	fixed   int // warm-up in ticks, if it is always the same
	rng     *rand.Rand
}

func newFleet(w World, step time.Duration, start int) *fleet {
	f := &fleet{ready: start, warmUp: w.WarmUp, step: step}
	f.fixed = int((w.WarmUp.Median + step - 1) / step)
	f.rng = rand.New(rand.NewPCG(w.Seed, 0x666c756964)) // one stream, drawn from only if warm-ups vary
	return f
}

func (f *fleet) size() int { return f.ready + len(f.warming) }

// mature makes ready what is due, and says how long each took.
func (f *fleet) mature(tick int, took []time.Duration) []time.Duration {
	took = took[:0]
	kept := f.warming[:0]
	for _, s := range f.warming {
		if s.due > tick {
			kept = append(kept, s)
			continue
		}
		f.ready++
		took = append(took, time.Duration(s.due-s.ordered)*f.step)
	}
	f.warming = kept
	return took
}

// scale orders or gives back replicas, youngest warming ones first, and says how many were ordered.
func (f *fleet) scale(tick, want int) (ordered int) {
	for ; f.size() < want; ordered++ {
		if d := f.draw(); d > 0 {
			f.warming = append(f.warming, starting{tick, tick + d})
		} else {
			f.ready++
		}
	}
	if cancel := min(f.size()-want, len(f.warming)); cancel > 0 {
		f.warming = f.warming[:len(f.warming)-cancel]
	}
	f.ready = min(f.ready, max(want-len(f.warming), 0))
	return ordered
}

// draw is the warm-up of the next replica in ticks.
func (f *fleet) draw() int {
	if f.warmUp.Sigma == 0 {
		return f.fixed
	}
	d := f.warmUp.Median.Seconds() * math.Exp(f.warmUp.Sigma*f.rng.NormFloat64())
	return int(math.Ceil(d / f.step.Seconds()))
}

// ages is how long each starting replica has been starting, oldest first.
func (f *fleet) ages(tick int, into []time.Duration) []time.Duration {
	into = into[:0]
	for _, s := range f.warming {
		into = append(into, time.Duration(tick-s.ordered)*f.step)
	}
	return into
}
