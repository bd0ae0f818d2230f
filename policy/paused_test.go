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

func TestAVariantThatMayMoveOneWayOnlyIsCountedOnThatFar(t *testing.T) {
	noRaise := func(v *Variant) { v.NoRaise = true }
	noLower := func(v *Variant) { v.NoLower = true }
	awake := func(v *Variant) { v.Awake = true }
	for name, tc := range map[string]struct {
		scene
		told func(v *Variant)
		want int
	}{
		"may not rise, more is needed":     {with(2, scene{arrivals: 100}), noRaise, 2},
		"may not rise, less is needed":     {with(8, scene{arrivals: 5}), noRaise, 6},
		"may not rise from zero":           {scene{toZero: true, queue: 3, minReplicas: 1}, noRaise, 0},
		"may not rise, and may sleep":      {with(3, scene{toZero: true, idleFor: day}), noRaise, 0},
		"may not rise, count unknown":      {scene{noSupply: true, arrivals: 45, minReplicas: 1}, noRaise, 5},
		"may not fall, less is needed":     {with(8, scene{arrivals: 5}), noLower, 8},
		"may not fall, more is needed":     {with(2, scene{arrivals: 45}), noLower, 5},
		"may not fall, and may sleep":      {with(3, scene{toZero: true, idleFor: day}), noLower, 3},
		"may not fall, asleep already":     {scene{toZero: true, idleFor: day, minReplicas: 1}, noLower, 0},
		"may not fall, above its maximum":  {with(9, scene{arrivals: 5, maxReplicas: 4}), noLower, 4},
		"is kept awake, and may sleep":     {with(3, scene{toZero: true, idleFor: day}), awake, 2},
		"is kept awake, and needs its own": {with(2, scene{arrivals: 45}), awake, 5},
	} {
		t.Run(name, func(t *testing.T) {
			m := tc.model()
			free := m.Variants[0]
			tc.told(&m.Variants[0])
			p := Propose(m, tc.learned(), tc.input(), tc.forecast(t))
			if got := Allocate(nil, Plan{}, []Proposal{p}).Decisions[0].Replicas; got != tc.want {
				t.Errorf("got %d replicas, want %d; steps %v", got, tc.want, codes(p.Steps))
			}
			if m.Variants[0].Min != free.Min || m.Variants[0].Max != free.Max {
				t.Error("the caller's model was changed")
			}
		})
	}
}
