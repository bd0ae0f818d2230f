package sim

import (
	"math"
	"time"
)

// Behavior is an HPA's spec.behavior. Where there is any of it, the controller leaves its old way for all of it
// (horizontal.go, normalizeDesiredReplicasWithBehaviors):
//
//  1. What is there is kept as long as it lies between the lowest proposal of the last Up.Window and the highest of
//     the last Down.Window: an old high proposal stops a fall, and unlike without behavior it raises nothing.
//  2. Each policy counts from the replicas that its Period began with, so that what was added or taken away in it
//     is part of its allowance.
type Behavior struct{ Up, Down Rules }

// Rules are those of one direction.
type Rules struct {
	Window    time.Duration // of stabilisation
	Tolerance float64       // 0.1 is 10 %
	Select    Select
	Policies  []Allowance
}

// Select says which of several policies counts.
type Select string

// As the API spells them; none is SelectMax.
const (
	SelectMax      Select = "Max"
	SelectMin      Select = "Min"
	SelectDisabled Select = "Disabled"
)

// Allowance is one policy: so many pods, or so many percent of them, within a Period.
type Allowance struct {
	Pods    int
	Percent int // if Pods is 0
	Period  time.Duration
}

// DefaultBehavior is what the API fills in where a behavior leaves something out.
func DefaultBehavior() Behavior {
	return Behavior{
		Up: Rules{
			Tolerance: defaultTolerance,
			Policies:  []Allowance{{Pods: 4, Period: 15 * time.Second}, {Percent: 100, Period: 15 * time.Second}},
		},
		Down: Rules{
			Window: defaultWindow, Tolerance: defaultTolerance,
			Policies: []Allowance{{Percent: 100, Period: 15 * time.Second}},
		},
	}
}

// behave is the controller's way where there is a behavior, from a proposal to what it asks for.
func (h *Reactive) behave(now time.Time, replicas, n int) int {
	b := h.Behavior
	low := h.lows.add(now, n, b.Up.Window-1, func(old, n int) bool { return old < n }) // younger than the window
	high := h.past.add(now, n, b.Down.Window-1, func(old, n int) bool { return old > n })
	n = min(max(replicas, low), high)
	h.moves = recent(h.moves, now, max(b.Up.longest(), b.Down.longest()))
	switch {
	case n > replicas:
		n = min(n, max(b.Up.limit(now, replicas, h.moves, 1), replicas))
	case n < replicas:
		n = max(n, min(b.Down.limit(now, replicas, h.moves, -1), replicas))
	}
	return n
}

// limit is how far the policies let go in a direction, 1 up and -1 down.
func (r Rules) limit(now time.Time, replicas int, moves []proposal, way int) int {
	if r.Select == SelectDisabled {
		return replicas
	}
	out, found := replicas, false
	for _, p := range r.Policies {
		began := replicas
		for _, m := range recent(moves, now, p.Period) {
			began -= m.n
		}
		to := p.from(began, way)
		further := (to-out)*way > 0
		if !found || further != (r.Select == SelectMin) {
			out, found = to, true
		}
	}
	return out
}

// from is how far one policy lets go; a share of a pod counts as a pod either way.
func (p Allowance) from(began, way int) int {
	if p.Pods > 0 {
		return began + way*p.Pods
	}
	to := float64(began) * (1 + float64(way)*float64(p.Percent)/100)
	if way > 0 {
		return int(math.Ceil(to))
	}
	return int(to)
}

func (r Rules) longest() (out time.Duration) {
	for _, p := range r.Policies {
		out = max(out, p.Period)
	}
	return out
}

// recent are those of the past that are younger than a period.
func recent(past []proposal, now time.Time, period time.Duration) []proposal {
	for len(past) > 0 && now.Sub(past[0].at) >= period {
		past = past[1:]
	}
	return past
}
