package fluid

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Faults are what goes wrong between the replicas and who looks at them. The zero value is no fault. Replica counts
// come from elsewhere and are not hit.
type Faults struct {
	Delay   int     // ticks that pass before readings arrive
	Lost    float64 // share of scrapes that fail: the newest readings stay, a tick older each time
	NaN     float64 // share of scrapes whose values are NaN: nothing is known in that tick
	Outages []Span  // nothing is scraped at all
}

// Span is a stretch of ticks, [From, To).
type Span struct{ From, To int }

// freshFor is how old a reading may be before it is unknown: the product's default.
const freshFor = 90 * time.Second

func (f Faults) check() error {
	var errs []error
	if f.Delay < 0 {
		errs = append(errs, fmt.Errorf("faults.delay: want at least 0, got %d", f.Delay))
	}
	if !(f.Lost >= 0 && f.Lost <= 1) {
		errs = append(errs, fmt.Errorf("faults.lost: want [0, 1], got %g", f.Lost))
	}
	if !(f.NaN >= 0 && f.NaN <= 1) {
		errs = append(errs, fmt.Errorf("faults.nan: want [0, 1], got %g", f.NaN))
	}
	for i, s := range f.Outages {
		if s.To <= s.From {
			errs = append(errs, fmt.Errorf("faults.outages[%d]: want an end after its start, got %v", i, s))
		}
	}
	return errors.Join(errs...)
}

// spoiler puts faults between what was measured and what is shown.
type spoiler struct {
	Faults
	step time.Duration
	rng  *rand.Rand
	late []readings // ring of what was measured, for the delay
	last readings   // newest that got through
	age  time.Duration
}

// readings are the part of an Observation that is scraped, and of how many replicas of each pool that was.
type readings struct {
	rate    float64
	balance float64
	age     time.Duration
	known   bool
	engines Engines
	of      []int
}

func newSpoiler(w World, step time.Duration) *spoiler {
	f := w.Faults
	if f.Delay == 0 && f.Lost == 0 && f.NaN == 0 && len(f.Outages) == 0 {
		return nil
	}
	rng := rand.New(rand.NewPCG(w.Seed, 0x6661756c74))
	return &spoiler{Faults: f, step: step, rng: rng, late: make([]readings, f.Delay+1)}
}

// spoil turns what was measured into what is seen of it.
func (s *spoiler) spoil(o *Observation) {
	if s == nil {
		return
	}
	newest := s.arrive(o)
	lost, garbled := s.rng.Float64() < s.Lost, s.rng.Float64() < s.NaN
	for _, out := range s.Outages {
		lost = lost || o.Tick >= out.From && o.Tick < out.To
	}
	switch {
	case garbled:
		s.age += s.step
		o.Known, o.Blind = false, true
		return
	case lost:
		s.age += s.step
	default:
		s.age, s.last = 0, newest
	}
	o.Rate, o.Balance, o.RateAge, o.Engines = s.last.rate, s.last.balance, s.last.age+s.age, s.last.engines
	o.EnginesAge += time.Duration(s.Delay)*s.step + s.age
	for i := range o.Pools {
		v, of := &o.Pools[i], 0
		if i < len(s.last.of) {
			of = s.last.of[i]
		}
		v.Reporting = min(v.Serving, of)
	}
	o.Known = s.last.known && o.RateAge <= freshFor+s.step // the rate's own age counts from its measurement
	o.Blind = o.EnginesAge > freshFor+s.step
}

// arrive is what arrives now: what was measured Delay ticks ago, with its age.
func (s *spoiler) arrive(o *Observation) readings {
	at := o.Tick % len(s.late)
	of := make([]int, len(o.Pools))
	for i, v := range o.Pools {
		of[i] = v.Reporting
	}
	s.late[at] = readings{o.Rate, o.Balance, o.RateAge, o.Known, o.Engines, of}
	r := s.late[(o.Tick+1)%len(s.late)]
	r.age += time.Duration(s.Delay) * s.step
	return r
}
