package engine

import (
	"testing"

	"github.com/forewarm/forewarm/policy"
)

// What was learned of a variant goes with its name: a ScaledObject that joins, or another order in the file, must not
// make a large GPU's capacity that of a small one.
func TestWhatWasLearnedOfAVariantGoesWithItsName(t *testing.T) {
	named := func(names ...string) (out []policy.Variant) {
		for _, n := range names {
			out = append(out, policy.Variant{Name: n})
		}
		return out
	}
	learned := func(requests ...float64) (out []policy.VariantLearned) {
		for _, r := range requests {
			out = append(out, policy.VariantLearned{Plan: policy.Capacity{Requests: r}})
		}
		return out
	}
	for name, tc := range map[string]struct {
		before, after []policy.Variant
		want          []float64
	}{
		"the same":        {named("l4", "h100"), named("l4", "h100"), []float64{2, 20}},
		"another order":   {named("l4", "h100"), named("h100", "l4"), []float64{20, 2}},
		"one joins first": {named("l4", "h100"), named("a100", "l4", "h100"), []float64{0, 2, 20}},
		"one goes":        {named("l4", "h100"), named("h100"), []float64{20}},
		"the first look":  {nil, named("l4", "h100"), []float64{2, 20}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &state{learned: policy.Learned{Variants: learned(2, 20)}}
			if tc.before != nil {
				s.fit(tc.before)
			}
			published := s.learned.Variants
			s.fit(tc.after)
			if len(s.learned.Variants) != len(tc.want) {
				t.Fatalf("want %d variants, got %d", len(tc.want), len(s.learned.Variants))
			}
			for i, want := range tc.want {
				if got := s.learned.Variants[i].Plan.Requests; got != want {
					t.Errorf("variant %d: want %g, got %g", i, want, got)
				}
			}
			if published[0].Plan.Requests != 2 || published[1].Plan.Requests != 20 {
				t.Error("want what was published unchanged")
			}
		})
	}
}
