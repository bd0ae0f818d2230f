package policy

import (
	"strings"
	"testing"
	"time"
)

// A quota allows four replicas. What is asked for beyond them is said to be starved after a minute, no more is asked
// for however much arrives, and when the quota is raised the rest comes.
func TestAQuotaStarves(t *testing.T) {
	var l Learned
	at := func(after time.Duration, spec, ready int, arrivals float64) (Proposal, int) {
		s := scene{spec: spec, ready: ready, arrivals: arrivals}
		in := s.input()
		in.Now = noon.Add(after)
		in.Supply[0].Starting = 0 // those that are missing have no pod
		p := Propose(s.model(), l, in, s.forecast(t))
		starved := Starved(l, in, 0)
		l = Observe(s.model(), l, in)
		return p, starved
	}
	for _, moment := range []struct {
		after       time.Duration
		spec, ready int
		arrivals    float64
		want        int // replicas asked for
		starved     int
		says        string
	}{
		{0, 4, 4, 70, 7, 0, ""},
		{15 * time.Second, 7, 4, 70, 7, 0, ""}, // pods take a moment to be made
		{45 * time.Second, 7, 4, 70, 7, 0, ""},
		{75 * time.Second, 7, 4, 70, 7, 3, "Starved: of 7 replicas asked for, 3 of main have been given no pod for 1m"},
		{90 * time.Second, 7, 4, 150, 7, 3, "Starved"},  // no runaway
		{105 * time.Second, 9, 4, 150, 9, 3, "Starved"}, // somebody else asked for more: for a minute two are not refused
		{120 * time.Second, 7, 6, 150, 7, 1, "Starved"}, // one of them is still to come
		{135 * time.Second, 7, 7, 150, 15, 0, ""},       // the quota was raised
	} {
		p, starved := at(moment.after, moment.spec, moment.ready, moment.arrivals)
		said := ""
		for _, s := range p.Steps {
			if s.Rule == RuleStarved {
				said = Sentence(s)
			}
		}
		if p.Variants[0].Want != moment.want || starved != moment.starved ||
			!strings.HasPrefix(said, moment.says) || (moment.says == "") != (said == "") {
			t.Errorf("after %s: want %d replicas, %d starved and %q, got %d, %d and %q", moment.after,
				moment.want, moment.starved, moment.says, p.Variants[0].Want, starved, said)
		}
	}
}

// Another variant takes what a starved one cannot get.
func TestAnotherVariantStandsInForAStarvedOne(t *testing.T) {
	s := scene{spec: 6, ready: 2, arrivals: 60, extraVariant: &Variant{
		Name: "other", Max: 9, GPUs: 1, Capacity: Capacity{Requests: 10}, CapacityFixed: true,
	}}
	in := s.input()
	in.Supply[0].Starting = 0
	l := s.learned()
	l.Variants = []VariantLearned{{Podless: Podless{noon.Add(-2 * time.Minute), 4}}}
	p := Propose(s.model(), l, in, s.forecast(t))
	if a, b := p.Variants[0].Want, p.Variants[1].Want; a != 6 || b != 4 {
		t.Errorf("want 6 asked for still and 4 of the other, got %d and %d", a, b)
	}
}

// What is unknown proves neither that pods lack nor that they came.
func TestUnknownReplicasAreNotStarved(t *testing.T) {
	lacks := Supply{Known: true, Spec: 3, Ready: 1}
	p := Podless{}.observe(noon, Supply{Spec: 3})
	if p != (Podless{}) {
		t.Errorf("want nothing lacking where nothing is known, got %+v", p)
	}
	p = p.observe(noon, lacks)
	for _, s := range []Supply{{}, {Known: true, Assumed: true, Spec: 1, Ready: 1}} {
		if got := p.observe(noon.Add(time.Minute), s); got != p || p.Least != 2 {
			t.Errorf("%+v: want two lacking since noon still, got %+v", s, got)
		}
	}
	if got := p.observe(noon.Add(time.Minute), Supply{Known: true, Spec: 3, Ready: 1, Starting: 2}); got != (Podless{}) {
		t.Errorf("want nothing lacking once there are pods, got %+v", got)
	}
}

// Less is asked for once less is needed, starved or not, and what stands in for a starved variant goes first.
func TestWhatIsStarvedIsReleasedWhenItIsNotNeeded(t *testing.T) {
	other := &Variant{Name: "other", Max: 9, GPUs: 1, Capacity: Capacity{Requests: 10}, CapacityFixed: true}
	for name, tc := range map[string]struct {
		scene
		starved int
		want    [2]int
	}{
		"four carry it, and three were refused": {scene{spec: 7, ready: 4, arrivals: 35}, 3, [2]int{6, 0}},
		"all would be needed":                   {scene{spec: 7, ready: 4, arrivals: 65}, 3, [2]int{7, 0}},
		"others stand in":                       {scene{spec: 6, ready: 2, arrivals: 60, extraVariant: other, extraSpec: 4}, 4, [2]int{6, 4}},
		"fewer need to stand in":                {scene{spec: 6, ready: 2, arrivals: 50, extraVariant: other, extraSpec: 4}, 4, [2]int{5, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			in, l := tc.input(), tc.learned()
			in.Supply[0].Starting = 0
			l.Variants = []VariantLearned{{Podless: Podless{noon.Add(-2 * time.Minute), tc.starved}}}
			got := [2]int{}
			for i, v := range Propose(tc.model(), l, in, tc.forecast(t)).Variants {
				got[i] = v.Want
			}
			if got != tc.want {
				t.Errorf("want %v, got %v", tc.want, got)
			}
		})
	}
}
