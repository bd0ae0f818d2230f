package study

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forewarm/forewarm/internal/sim"
)

// three is two loads in two cells each, and three policies with these Js.
func three(js map[string][]float64) Simulation {
	s := Simulation{Seed: 1, Versus: "moving-max", Loads: []Load{{Name: "a"}, {Name: "b"}}}
	for _, name := range []string{"forewarm", "forewarm-plain", "hpa", "moving-max"} {
		p := Policy{Name: name}
		for i, j := range js[name] {
			p.Cells = append(p.Cells, Cell{Load: []string{"a", "a", "b", "b"}[i], Score: Score{J: j, Cost: j, V1: 0.01}})
		}
		if len(p.Cells) > 0 {
			s.Policies = append(s.Policies, p)
		}
	}
	return s
}

// TestADuelByHand has us ahead of both rivals in three cells of four, and level in none.
func TestADuelByHand(t *testing.T) {
	s := three(map[string][]float64{
		"forewarm": {1, 2, 3, 4}, "forewarm-plain": {1, 3, 3, 5}, "hpa": {2, 2.5, 9, 9}, "moving-max": {3, 3, 3.5, 4},
	})
	if n := s.ahead(s.Policies[0]); n == nil || *n != 3 {
		t.Errorf("want three cells ahead, got %v", n)
	}
	if n := s.ahead(s.Policies[2]); n != nil {
		t.Errorf("a rival has no such number, got %d", *n)
	}
	number := func(v float64) *float64 { return &v }
	want := &Duel{
		Policy: "forewarm", Beside: []string{"forewarm-plain", "moving-max"},
		Loads: []DuelLoad{
			{"a", 1.5, 1.5, 0.01, []Opponent{
				{2, Interval{-0.5, number(-1), number(0)}}, {3, Interval{-1.5, number(-2), number(-1)}},
			}, number(2.25)},
			{"b", 3.5, 3.5, 0.01, []Opponent{
				{4, Interval{-0.5, number(-1), number(0)}}, {3.75, Interval{-0.25, number(-0.5), number(0)}},
			}, number(3.75)},
		},
		// Of two loads, drawn with replacement: one of them twice is as likely as one of each.
		Mean: DuelLoad{"mean", 2.5, 2.5, 0.01, []Opponent{
			{3, Interval{-0.5, number(-0.5), number(-0.5)}}, {3.375, Interval{-0.875, number(-1.5), number(-0.25)}},
		}, number(3)},
	}
	if diff := cmp.Diff(want, s.duel(), cmpopts.EquateApprox(0, 1e-12)); diff != "" {
		t.Error(diff)
	}
}

func TestADuelWithoutOpponents(t *testing.T) {
	alone := three(map[string][]float64{"forewarm": {1, 2, 3, 4}})
	if d := alone.duel(); d == nil || len(d.Beside) != 0 || d.Mean.BestRivals != nil || alone.ahead(alone.Policies[0]) != nil {
		t.Errorf("want us alone, got %+v", d)
	}
	if d := three(map[string][]float64{"hpa": {1, 2, 3, 4}}).duel(); d != nil {
		t.Errorf("want nothing without us, got %+v", d)
	}
}

// TestTheSameStudyInBothResolutions, under the same conditions.
func TestTheSameStudyInBothResolutions(t *testing.T) {
	for _, resolution := range Resolutions() {
		t.Run(resolution, func(t *testing.T) {
			o := brief(t)
			o.Resolution, o.Under, o.ByLoad = resolution, sim.Conditions{Quota: 20, Lost: 0.1, SpeedSpread: 0.1}, true
			o.Policies, o.Capacity = []string{"forewarm", "hpa", "moving-max"}, []string{"known", "plain"}
			one, courses := bytesOf(t, o)
			o.Workers = 3
			if again, _ := bytesOf(t, o); again != one {
				t.Error("a second run gives other bytes")
			}
			for _, says := range []string{
				`"resolution":"` + resolution + `"`, `"gpuQuota":20`, `"scrapesLost":0.1`, `"byLoad":`, `"forewarm-plain"`,
				`"cellsAheadOfRivals":`,
			} {
				if !strings.Contains(one, says) {
					t.Errorf("want %s in %s", says, one)
				}
			}
			if ride := courses[0].Runs[0]; len(ride.Points) < 40 || (len(ride.Band) > 0) != (resolution == Fluid) {
				t.Errorf("want a timeline, and forecasts of the fluid world, got %d and %d", len(ride.Points), len(ride.Band))
			}
		})
	}
}

func TestWhatAResolutionDoesNotHaveIsRefused(t *testing.T) {
	o := DefaultOptions()
	o.Resolution, o.Under.Sight, o.Capacity, o.Policies = Request, sim.Exact, []string{"half"}, []string{"forewarm-learned-double"}
	err := o.Check()
	for _, says := range []string{"--sight exact", "--capacity half", "--capacity double"} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q refused, got %v", says, err)
		}
	}
	o = DefaultOptions()
	o.Resolution = "atoms"
	if err := o.Check(); err == nil || !strings.Contains(err.Error(), "fluid, request") {
		t.Errorf("want the resolutions named, got %v", err)
	}
}
