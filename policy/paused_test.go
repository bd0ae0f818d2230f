package policy

import "testing"

func TestAPausedVariantStaysAtWhatItHas(t *testing.T) {
	for name, tc := range map[string]struct {
		scene
		want int
	}{
		"more is needed":       {with(2, scene{arrivals: 100}), 2},
		"less is needed":       {with(8, scene{arrivals: 5}), 8},
		"nothing, for a day":   {with(3, scene{toZero: true, idleFor: day}), 3},
		"above its maximum":    {with(9, scene{arrivals: 5, maxReplicas: 4}), 9},
		"at zero, with work":   {scene{toZero: true, queue: 3, minReplicas: 1}, 0},
		"its count is unknown": {scene{noSupply: true, arrivals: 45, minReplicas: 1}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			m := tc.model()
			m.Variants[0].Paused = true
			p := Propose(m, tc.learned(), tc.input(), tc.forecast(t))
			if got := Allocate(nil, Plan{}, []Proposal{p}).Decisions[0].Replicas; got != tc.want {
				t.Errorf("got %d replicas, want %d; steps %v", got, tc.want, codes(p.Steps))
			}
			if m.Variants[0].Max != tc.model().Variants[0].Max {
				t.Error("the caller's model was changed")
			}
		})
	}
}
