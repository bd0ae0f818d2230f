package policy

import (
	"testing"

	"pgregory.net/rapid"
)

// firmAndSpot are a firm and a spot variant with prices, so that they are decided as one fleet.
func firmAndSpot(s scene) scene {
	s.extraVariant = &Variant{
		Name: "spot", Max: 20, GPUs: 1, CapacityType: Spot, PricePerGPU: 1, Spot: DefaultSpotTerms(),
		Capacity: Capacity{Requests: 10}, CapacityFixed: true,
	}
	return s
}

// TestAWorkspaceChangesNoAnswer: whatever was made in its memory before, answers are those of fresh memory, and the
// earlier ones stay what they were.
func TestAWorkspaceChangesNoAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w Workspace
		var proposals []Proposal
		var learned []Learned
		var said []string
		plan, fresh := Plan{}, Plan{}
		budgets := []Budget{{Limit: rapid.IntRange(0, 30).Draw(t, "limit")}}
		for range rapid.IntRange(2, 5).Draw(t, "scenes") {
			s := anyScene(t)
			if rapid.Bool().Draw(t, "mixed") {
				s = firmAndSpot(s)
			}
			m, l, in, f := s.model(), s.learned(), s.input(), s.forecast(t)
			if len(m.Variants) > 1 {
				m.Variants[0].PricePerGPU = 3
			}
			proposals, learned = append(proposals, w.Propose(&m, &l, &in, &f)), append(learned, w.Observe(&m, &l, &in))
			last := len(proposals) - 1
			plan = w.Allocate(budgets, &plan, proposals[last:])
			alone := Propose(m, l, in, f)
			fresh = Allocate(budgets, fresh, []Proposal{alone})
			want := text(t, alone) + text(t, Observe(m, l, in))
			if text(t, proposals[last])+text(t, learned[last]) != want || text(t, plan) != text(t, fresh) {
				t.Fatalf("a used workspace answers differently:\n%s\nand not\n%s", text(t, proposals[last]), want)
			}
			said = append(said, want)
		}
		for i := range said {
			if text(t, proposals[i])+text(t, learned[i]) != said[i] {
				t.Fatalf("answer %d was overwritten", i)
			}
		}
	})
}

func TestATickAllocatesNothing(t *testing.T) {
	for name, s := range map[string]scene{
		"one variant":   with(6, scene{arrivals: 45, peak: 60, running: 100, kv: 0.5, ttft: 0.4}),
		"firm and spot": firmAndSpot(with(6, scene{arrivals: 45, peak: 60, running: 100, kv: 0.5, ttft: 0.4})),
		"no data":       with(6, scene{blind: true, partial: true}),
	} {
		t.Run(name, func(t *testing.T) {
			m, l, in, f := s.model(), s.learned(), s.input(), s.forecast(t)
			m.Variants[0].PricePerGPU = 3
			var desks [2]Workspace
			var plan Plan
			turn, ps := 0, make([]Proposal, 1)
			tick := func() {
				turn = 1 - turn // the last plan is read while the next one is made
				w := &desks[turn]
				w.Reclaim()
				l = w.Observe(&m, &l, &in)
				ps[0] = w.Propose(&m, &l, &in, &f)
				plan = w.Allocate(nil, &plan, ps)
			}
			if n := testing.AllocsPerRun(200, tick); n > 0 {
				t.Errorf("want no allocations, got %g per tick", n)
			}
		})
	}
}
