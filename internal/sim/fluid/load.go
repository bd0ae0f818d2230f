package fluid

import (
	"fmt"
	"math"
	"time"
)

// Tick is the length of a tick unless a Load says otherwise: the usual scrape interval, and how often the
// HorizontalPodAutoscaler looks.
const Tick = 15 * time.Second

// Load is demand: Rate[k] requests per second through tick k, each tick Step long.
type Load struct {
	Name string
	Step time.Duration
	Rate []float64
	// Filled is how many ticks lay in holes of the source and were filled with the last known rate.
	Filled int
}

// Resample turns requests per bucket into rates per tick. A bucket's requests are spread evenly over it, so a
// tick inside a longer bucket has the bucket's rate and one that spans several has their weighted mean; sums
// are kept. NaN is a hole of the source: it is filled with the last known rate (the first known one at the
// start), because unknown demand is not zero demand.
func Resample(name string, bucket time.Duration, requests []float64, step time.Duration) (Load, error) {
	if bucket <= 0 || step <= 0 {
		return Load{}, fmt.Errorf("resample %s: want a bucket and a step above 0, got %v and %v", name, bucket, step)
	}
	rates, known := make([]float64, len(requests)), make([]bool, len(requests))
	for i, r := range requests {
		if math.IsInf(r, 0) || r < 0 {
			return Load{}, fmt.Errorf("resample %s: bucket %d: want requests >= 0, got %g", name, i, r)
		}
		rates[i], known[i] = r/bucket.Seconds(), !math.IsNaN(r)
	}
	if !fill(rates, known) {
		return Load{}, fmt.Errorf("resample %s: want at least one known bucket, got %d without any", name, len(requests))
	}
	l := Load{Name: name, Step: step}
	n := int(time.Duration(len(requests)) * bucket / step)
	l.Rate = make([]float64, n)
	for k := range l.Rate {
		from, to := time.Duration(k)*step, time.Duration(k+1)*step
		holes := false
		for t := from; t < to; {
			i := int(t / bucket)
			end := min(time.Duration(i+1)*bucket, to)
			l.Rate[k] += rates[i] * float64(end-t) / float64(step)
			holes = holes || !known[i]
			t = end
		}
		if holes {
			l.Filled++
		}
	}
	return l, nil
}

// fill replaces unknown rates by the last known one; false if none is known.
func fill(rates []float64, known []bool) bool {
	last, found := 0.0, false
	for i, ok := range known {
		if ok {
			last, found = rates[i], true
			break
		}
	}
	for i, ok := range known {
		if ok {
			last = rates[i]
		}
		rates[i] = last
	}
	return found
}

// Scaled is the load with every rate multiplied by k; it shares nothing with l.
func (l Load) Scaled(k float64) Load {
	rate := make([]float64, len(l.Rate))
	for i, r := range l.Rate {
		rate[i] = r * k
	}
	l.Rate = rate
	return l
}

// Mean is the mean rate of the ticks from a tick on, in requests per second.
func (l Load) Mean(from int) float64 {
	sum := 0.0
	for _, r := range l.Rate[min(from, len(l.Rate)):] {
		sum += r
	}
	return sum / math.Max(float64(len(l.Rate)-from), 1)
}

// Peak is the highest rate of the ticks from a tick on, in requests per second.
func (l Load) Peak(from int) float64 {
	top := 0.0
	for _, r := range l.Rate[min(from, len(l.Rate)):] {
		top = math.Max(top, r)
	}
	return top
}

// BurnIn is how many ticks of the load are not scored: a span, and at most half of it.
func (l Load) BurnIn(span time.Duration) int { return min(l.ticks(span), len(l.Rate)/2) }

// ticks is how many ticks a span lasts, rounded up.
func (l Load) ticks(span time.Duration) int {
	return int((span + l.Step - 1) / l.Step)
}

func (l Load) check() error {
	if l.Step <= 0 || len(l.Rate) == 0 {
		return fmt.Errorf("load %s: want a step above 0 and at least one rate, got %v and %d", l.Name, l.Step, len(l.Rate))
	}
	for i, r := range l.Rate {
		if math.IsNaN(r) || math.IsInf(r, 0) || r < 0 {
			return fmt.Errorf("load %s: tick %d: want a finite rate >= 0, got %g", l.Name, i, r)
		}
	}
	return nil
}
