package policy

import "testing"

func TestLimits(t *testing.T) {
	for name, tc := range map[string]struct {
		asked, wish int
		min, max    int
		stepUp      int
		tolerance   float64
		asleep      bool
		hold        bool
		want        int
		says        WhyCode
	}{
		"within":                    {asked: 4, wish: 6, max: 9, want: 6},
		"below the minimum":         {asked: 4, wish: 1, min: 2, max: 9, want: 2, says: "limit-min"},
		"below the minimum, asleep": {asked: 1, wish: 0, min: 2, max: 9, asleep: true, want: 0},
		"above the maximum":         {asked: 4, wish: 12, max: 9, want: 9, says: "limit-max"},
		"more than a step beyond what is asked for":  {asked: 4, wish: 12, max: 20, stepUp: 3, want: 7, says: "limit-step"},
		"a step never keeps it below the minimum":    {asked: 0, wish: 12, min: 5, max: 20, stepUp: 3, want: 5, says: "limit-min"},
		"a step binds no release":                    {asked: 12, wish: 4, max: 20, stepUp: 3, want: 4},
		"an increase that the HPA would ignore":      {asked: 20, wish: 21, max: 30, tolerance: 0.1, want: 23, says: "limit-band"},
		"an increase that it sees":                   {asked: 20, wish: 23, max: 30, tolerance: 0.1, want: 23},
		"a small fleet sees every change":            {asked: 5, wish: 6, max: 30, tolerance: 0.1, want: 6},
		"the band never leads beyond the maximum":    {asked: 20, wish: 21, max: 21, tolerance: 0.1, want: 21},
		"a decrease that it would ignore is not one": {asked: 20, wish: 19, max: 30, tolerance: 0.1, want: 20, says: "limit-band"},
		"a decrease that it sees":                    {asked: 20, wish: 17, max: 30, tolerance: 0.1, want: 17},
		"beyond the maximum it may not stay":         {asked: 11, wish: 11, max: 10, tolerance: 0.1, want: 9, says: "limit-band"},
		"nor go on if it wants less, unseen":         {asked: 100, wish: 92, max: 95, tolerance: 0.1, want: 89, says: "limit-band"},
		"what it sees is as wanted":                  {asked: 100, wish: 80, max: 95, tolerance: 0.1, want: 80},
		"with a part missing, no further than that":  {asked: 11, wish: 11, max: 10, tolerance: 0.1, hold: true, want: 10, says: "limit-max"},
		"nor below the minimum":                      {asked: 11, wish: 11, min: 10, max: 10, tolerance: 0.1, want: 10, says: "limit-max"},
		"nor to zero":                                {asked: 2, wish: 2, max: 1, tolerance: 0.5, want: 1, says: "limit-max"},
		"a step that it would not see is none":       {asked: 20, wish: 25, max: 30, stepUp: 1, tolerance: 0.1, want: 23, says: "limit-band"},
		"from zero there is no band":                 {asked: 0, wish: 1, max: 30, tolerance: 0.1, want: 1},
	} {
		t.Run(name, func(t *testing.T) {
			m := Model{Variants: []Variant{{
				Name: "main", Min: tc.min, Max: tc.max, StepUp: tc.stepUp, Tolerance: tc.tolerance,
			}}}
			d := &draft{
				m: m, in: Input{Supply: []Supply{{Known: true, Spec: tc.asked}}}, counts: []int{tc.wish}, findings: findings{asleep: tc.asleep, hold: tc.hold},
			}
			ruleLimits(d)
			if d.counts[0] != tc.want || (tc.says == "") != (len(d.steps) == 0) || tc.says != "" && !said(d.steps, tc.says) {
				t.Errorf("%d, want %d; %v", d.counts[0], tc.want, codes(d.steps))
			}
		})
	}
}
