package fluid

import (
	"math"
	"math/rand/v2"
	"slices"
)

// speeds are how fast a pool's serving replicas are, where they differ: multiples of the pool's Speed, lognormal with
// mean 1. Replicas that are alike are counted only, and all of this does nothing.
type speeds struct {
	spread  float64 // standard deviation of the logarithm; 0 = alike
	rng     *rand.Rand
	ready   []float64 // oldest first
	leaving []float64 // in the order of their ends
}

// opened draws the speed of a replica that became ready.
func (s *speeds) opened() {
	if s.spread > 0 {
		s.ready = append(s.ready, math.Exp(s.spread*s.rng.NormFloat64()-s.spread*s.spread/2))
	}
}

// noticed takes a ready replica away; it still serves if it has notice.
func (s *speeds) noticed(i int, serves bool) {
	if s.spread == 0 {
		return
	}
	if serves {
		s.leaving = append(s.leaving, s.ready[i])
	}
	s.ready = slices.Delete(s.ready, i, i+1)
}

// left ends the first of those that leave.
func (s *speeds) left() {
	if s.spread > 0 {
		s.leaving = s.leaving[1:]
	}
}

// closed takes the youngest n ready ones away.
func (s *speeds) closed(n int) {
	if s.spread > 0 {
		s.ready = s.ready[:len(s.ready)-n]
	}
}

// of is what n serving replicas are as strong as.
func (s *speeds) of(n int) float64 {
	if s.spread == 0 {
		return float64(n)
	}
	sum := 0.0
	for _, v := range s.ready {
		sum += v
	}
	for _, v := range s.leaving {
		sum += v
	}
	return sum
}
