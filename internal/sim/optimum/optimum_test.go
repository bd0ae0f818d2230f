package optimum

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestPlansByHand(t *testing.T) {
	for name, tc := range map[string]struct {
		p    Problem
		want Plan
	}{
		"a steady fleet costs itself": {
			Problem{Need: []int{2, 2, 2}, WarmUp: 1, Start: 2},
			Plan{Billed: []int{2, 2, 2}, Starts: []int{0, 0, 0}},
		},
		"a replica is ordered one warm-up ahead": {
			Problem{Need: []int{1, 1, 1, 2}, WarmUp: 2, Start: 1},
			Plan{Billed: []int{1, 2, 2, 2}, Starts: []int{0, 1, 0, 0}},
		},
		"a gap as long as the warm-up is held through": {
			Problem{Need: []int{1, 0, 0, 1}, WarmUp: 2, Start: 1},
			Plan{Billed: []int{1, 1, 1, 1}, Starts: []int{0, 0, 0, 0}},
		},
		"a longer one is not": {
			Problem{Need: []int{1, 0, 0, 0, 1}, WarmUp: 2, Start: 1},
			Plan{Billed: []int{1, 0, 1, 1, 1}, Starts: []int{0, 0, 1, 0, 0}},
		},
		"what comes before the first warm-up is missed": {
			Problem{Need: []int{1, 1, 1}, WarmUp: 2, Start: 0},
			Plan{Billed: []int{1, 1, 1}, Starts: []int{1, 0, 0}, Missed: 2},
		},
		"what is there and never needed goes at once": {
			Problem{Need: []int{1, 1}, WarmUp: 1, Start: 3},
			Plan{Billed: []int{1, 1}, Starts: []int{0, 0}},
		},
		"without a warm-up the fleet is the need": {
			Problem{Need: []int{0, 3, 0, 2}, Start: 0},
			Plan{Billed: []int{0, 3, 0, 2}, Starts: []int{0, 3, 0, 2}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Solve(tc.p)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestNoFleetIsCheaper compares the bill with that of a search over all ways to run a fleet.
func TestNoFleetIsCheaper(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Problem{
			Need:   rapid.SliceOfN(rapid.IntRange(0, 3), 1, 12).Draw(t, "need"),
			WarmUp: rapid.IntRange(0, 3).Draw(t, "warmUp"),
			Start:  rapid.IntRange(0, 3).Draw(t, "start"),
		}
		plan, bill := Solve(p), 0
		for _, n := range plan.Billed {
			bill += n
		}
		if want := search(p); bill != want {
			t.Fatalf("bill %d, the search found %d; plan %v", bill, want, plan)
		}
		serves(t, p, plan)
	})
}

// serves checks that a plan, carried out, is ready in every tick that it could be ready in.
func serves(t *rapid.T, p Problem, plan Plan) {
	due, ready := make([]int, len(p.Need)+p.WarmUp+1), p.Start
	warming := 0
	for k, need := range p.Need {
		warming += plan.Starts[k]
		due[k+p.WarmUp] += plan.Starts[k]
		ready, warming = ready+due[k], warming-due[k]
		if spare := ready + warming - plan.Billed[k]; spare > 0 {
			ready -= spare // given back
		}
		if k < p.WarmUp {
			need = min(need, p.Start)
		}
		if ready < need || ready+warming != plan.Billed[k] {
			t.Fatalf("tick %d: ready %d and warming %d, need %d, billed %d", k, ready, warming, need, plan.Billed[k])
		}
	}
}

// search is the dynamic programme: the least bill from each state at each tick, a state being the ready
// replicas and, for each tick to come, those that become ready in it.
func search(p Problem) int {
	type state [4]int // ready, then due in 1, 2, 3 ticks
	best := map[state]int{{p.Start}: 0}
	for k, need := range p.Need {
		if k < p.WarmUp {
			need = min(need, p.Start)
		}
		next := map[state]int{}
		for s, spent := range best {
			for order := 0; order <= 3; order++ {
				s := s
				s[p.WarmUp] += order
				for keep := need; keep <= s[0]; keep++ {
					after, bill := state{keep + s[1], s[2], s[3]}, spent+keep+s[1]+s[2]+s[3]
					if old, seen := next[after]; !seen || bill < old {
						next[after] = bill
					}
				}
			}
		}
		best = next
	}
	least := math.MaxInt
	for _, bill := range best {
		least = min(least, bill)
	}
	return least
}
