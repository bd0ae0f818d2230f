package policy

import (
	"testing"
	"time"
)

const day = 24 * time.Hour

// Nothing is known of the replicas; the last decision is all there is.
func TestInTheDarkSleepGoesOnUntilSomethingIsSeen(t *testing.T) {
	dark := scene{noSupply: true, blind: true, toZero: true, minReplicas: 1, onBlind: BlindHold}
	change := func(f func(*scene)) scene { s := dark; f(&s); return s }
	for name, tc := range map[string]struct {
		scene
		last int
		want int
	}{
		"asleep":                       {dark, 0, 0},
		"asleep, without a minimum":    {change(func(s *scene) { s.minReplicas = 0 }), 0, 0},
		"awake":                        {dark, 3, 3},
		"asleep, and told to wake one": {change(func(s *scene) { s.onBlind = BlindOne }), 0, 1},
		"asleep, with a queue":         {change(func(s *scene) { s.queue = 1 }), 0, 1},
		"asleep, with arrivals":        {change(func(s *scene) { s.blind, s.arrivals = false, 0.1 }), 0, 1},
		"zero is not allowed":          {change(func(s *scene) { s.toZero = false }), 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := tc.propose(t)
			prev := Plan{Decisions: []Decision{{ID: p.Variants[0].ID, Known: true, Replicas: tc.last, Good: noon}}}
			if got := Allocate(nil, prev, []Proposal{p}).Decisions[0].Replicas; got != tc.want {
				t.Errorf("got %d replicas, want %d; steps %v", got, tc.want, codes(p.Steps))
			}
		})
	}
}
