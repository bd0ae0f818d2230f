package policy

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// wish is a one-variant proposal: want replicas of one GPU each, the first floor
// of them guaranteed, the others worth value.
type wish struct {
	name       string
	priority   int
	now, want  int
	floor      int
	value      float64
	hold       bool
	nowUnknown bool
	guessed    bool
	gpus       int
	product    string
}

func (w wish) proposal() Proposal {
	id := ModelID{"llm", w.name}
	v := VariantProposal{
		ID: VariantID{id, "main"}, Now: w.now, NowKnown: !w.nowUnknown, Want: w.want, Max: 99,
		GPUs: max(w.gpus, 1), Product: w.product, Guessed: w.guessed,
	}
	p := Proposal{Model: id, At: noon, Priority: w.priority, Hold: w.hold, Variants: []VariantProposal{v}}
	for n := 1; n <= w.want; n++ {
		p.Layers = append(p.Layers, Layer{N: n, Value: w.value, Floor: n <= w.floor})
	}
	return p
}

func replicasOf(p Plan) map[string]int {
	out := map[string]int{}
	for _, d := range p.Decisions {
		out[d.ID.Model.Name] = d.Replicas
	}
	return out
}

func TestAllocate(t *testing.T) {
	a100 := []Budget{{Name: "a100", Limit: 8}}
	for name, tc := range map[string]struct {
		budgets []Budget
		wishes  []wish
		want    map[string]int
	}{
		"without a budget everybody gets what they want": {
			nil,
			[]wish{{name: "a", want: 90}, {name: "b", want: 90}},
			map[string]int{"a": 90, "b": 90},
		},
		"room for all": {
			a100,
			[]wish{{name: "a", want: 3}, {name: "b", want: 5}},
			map[string]int{"a": 3, "b": 5},
		},
		"priority first": {
			a100,
			[]wish{{name: "a", want: 6, value: 1}, {name: "b", want: 6, priority: 9, value: 0.1}},
			map[string]int{"a": 2, "b": 6},
		},
		"equal priority: what is worth more first": {
			a100,
			[]wish{{name: "a", want: 6, value: 0.2}, {name: "b", want: 6, value: 0.3}},
			map[string]int{"a": 2, "b": 6},
		},
		"floors come before any priority": {
			a100,
			[]wish{{name: "a", want: 6, floor: 4}, {name: "b", want: 9, priority: 9}},
			map[string]int{"a": 4, "b": 4},
		},
		"ties keep what is there": {
			a100,
			[]wish{{name: "a", want: 6, now: 1}, {name: "b", want: 6, now: 6}},
			map[string]int{"a": 2, "b": 6},
		},
		"worth a little more does not move a GPU": {
			a100,
			[]wish{{name: "a", want: 6, now: 6, value: 0.25}, {name: "b", want: 6, now: 2, value: 0.3}},
			map[string]int{"a": 6, "b": 2},
		},
		"worth much more does": {
			a100,
			[]wish{{name: "a", want: 6, now: 6, value: 0.25}, {name: "b", want: 6, now: 2, value: 0.5}},
			map[string]int{"a": 2, "b": 6},
		},
		"what nobody's budget covers is not rationed": {
			[]Budget{{Product: "H100", Limit: 2}},
			[]wish{{name: "a", want: 50, product: "A100"}, {name: "b", want: 5, product: "H100"}},
			map[string]int{"a": 50, "b": 2},
		},
		"a replica that does not fit whole is not granted": {
			a100,
			[]wish{{name: "a", want: 3, gpus: 3}},
			map[string]int{"a": 2},
		},
		"a smaller replica may use what a bigger one cannot": {
			a100,
			[]wish{{name: "a", want: 3, gpus: 3, priority: 9}, {name: "b", want: 3}},
			map[string]int{"a": 2, "b": 2},
		},
		"a budget for another product does not bind": {
			[]Budget{{Product: "H100", Limit: 1}},
			[]wish{{name: "a", want: 5, product: "A100"}, {name: "b", want: 5, product: "H100"}},
			map[string]int{"a": 5, "b": 1},
		},
		"every budget that covers a variant binds": {
			[]Budget{{Limit: 4}, {Product: "H100", Limit: 9}},
			[]wish{{name: "a", want: 5, product: "H100"}},
			map[string]int{"a": 4},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var ps []Proposal
			for _, w := range tc.wishes {
				ps = append(ps, w.proposal())
			}
			plan := Allocate(tc.budgets, Plan{}, ps)
			for model, want := range tc.want {
				if got := replicasOf(plan)[model]; got != want {
					t.Errorf("%s gets %d, want %d", model, got, want)
				}
			}
		})
	}
}

func TestAllocateHolds(t *testing.T) {
	prev := Plan{Decisions: []Decision{{
		ID: VariantID{ModelID{"llm", "a"}, "main"}, Known: true, Replicas: 5,
		Good: noon.Add(-time.Minute),
	}}}
	sleeping := Plan{Decisions: slices.Clone(prev.Decisions)}
	sleeping.Decisions[0].Replicas = 0
	for name, tc := range map[string]struct {
		wish
		prev  Plan
		limit int // of a budget; 0 = none
		want  int
		known bool
		good  time.Time
	}{
		"whole inputs decide":                           {wish{name: "a", now: 2, want: 3}, prev, 0, 3, true, noon},
		"held inputs keep the last decision":            {wish{name: "a", now: 2, want: 2, hold: true}, prev, 0, 5, true, noon.Add(-time.Minute)},
		"held inputs may rise above it":                 {wish{name: "a", now: 2, want: 7, hold: true}, prev, 0, 7, true, noon.Add(-time.Minute)},
		"held, nothing decided before: what is":         {wish{name: "a", now: 2, want: 2, hold: true}, Plan{}, 0, 2, true, time.Time{}},
		"held, unknown, nothing before: no answer":      {wish{name: "a", want: 1, hold: true, nowUnknown: true}, Plan{}, 0, 1, false, time.Time{}},
		"held, unknown, a guess: sleep goes on":         {wish{name: "a", want: 1, hold: true, nowUnknown: true, guessed: true}, sleeping, 0, 0, true, noon.Add(-time.Minute)},
		"held, unknown, asked for: it is woken":         {wish{name: "a", want: 1, hold: true, nowUnknown: true}, sleeping, 0, 1, true, noon.Add(-time.Minute)},
		"held, unknown, a guess: more is kept":          {wish{name: "a", want: 1, hold: true, nowUnknown: true, guessed: true}, prev, 0, 5, true, noon.Add(-time.Minute)},
		"held, unknown, a guess, nothing before":        {wish{name: "a", want: 1, hold: true, nowUnknown: true, guessed: true}, Plan{}, 0, 1, false, time.Time{}},
		"held, unknown: the last decision":              {wish{name: "a", want: 1, hold: true, nowUnknown: true}, prev, 0, 5, true, noon.Add(-time.Minute)},
		"held: a budget takes nothing away in the dark": {wish{name: "a", now: 8, want: 8, hold: true}, Plan{}, 4, 8, true, time.Time{}},
		"whole inputs: the budget binds":                {wish{name: "a", now: 8, want: 8}, Plan{}, 4, 4, true, noon},
	} {
		t.Run(name, func(t *testing.T) {
			var budgets []Budget
			if tc.limit > 0 {
				budgets = []Budget{{Limit: tc.limit}}
			}
			d := Allocate(budgets, tc.prev, []Proposal{tc.proposal()}).Decisions[0]
			if d.Replicas != tc.want || d.Known != tc.known || !d.Good.Equal(tc.good) {
				t.Errorf("got %d, known %v, good %v; want %d, %v, %v; %v", d.Replicas, d.Known, d.Good,
					tc.want, tc.known, tc.good, codes(d.Steps))
			}
		})
	}
}

// TestAllocateProperties: budgets are never exceeded but by nobody, nobody gets
// more than they want, order of proposals does not matter, and a higher priority
// model is never refused a replica that a lower one of the same size is granted.
func TestAllocateProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ps []Proposal
		names := []string{"a", "b", "c", "d"}
		for _, n := range names[:rapid.IntRange(1, 4).Draw(t, "models")] {
			want := rapid.IntRange(0, 8).Draw(t, "want")
			ps = append(ps, wish{
				name: n, want: want, now: rapid.IntRange(0, 8).Draw(t, "now"),
				priority: rapid.IntRange(0, 2).Draw(t, "priority"), floor: rapid.IntRange(0, want).Draw(t, "floor"),
				value: rapid.Float64Range(0, 1).Draw(t, "value"),
			}.proposal())
		}
		budgets := []Budget{{Limit: rapid.IntRange(0, 16).Draw(t, "limit")}}
		plan := Allocate(budgets, Plan{}, ps)
		sum := 0
		for i, d := range plan.Decisions {
			sum += d.Replicas
			if d.Replicas > ps[i].Variants[0].Want {
				t.Fatalf("%s gets %d of %d wanted", d.ID, d.Replicas, ps[i].Variants[0].Want)
			}
			for j, o := range plan.Decisions {
				refused := d.Replicas < ps[i].Variants[0].Want
				beyondFloor := o.Replicas > floorOf(ps[j])
				if refused && beyondFloor && ps[i].Priority > ps[j].Priority {
					t.Fatalf("%s (priority %d) is refused while %s (priority %d) gets more than its floor",
						d.ID, ps[i].Priority, o.ID, ps[j].Priority)
				}
			}
		}
		if sum > budgets[0].Limit {
			t.Fatalf("%d GPUs granted of %d", sum, budgets[0].Limit)
		}
		for i, j := 0, len(ps)-1; i < j; i, j = i+1, j-1 {
			ps[i], ps[j] = ps[j], ps[i]
		}
		again := Allocate(budgets, Plan{}, ps)
		for i := range plan.Decisions {
			if plan.Decisions[i].Replicas != again.Decisions[i].Replicas {
				t.Fatal("the order of proposals changed the plan")
			}
		}
	})
}

// TestAllocateIsStable: once a plan is applied, worth that wobbles by less than half
// of staying changes nothing, whatever the priorities.
func TestAllocateIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var wishes []wish
		for _, n := range []string{"a", "b", "c"} {
			want := rapid.IntRange(0, 8).Draw(t, "want")
			wishes = append(wishes, wish{
				name: n, want: want, priority: rapid.IntRange(0, 1).Draw(t, "priority"),
				floor: rapid.IntRange(0, want).Draw(t, "floor"), value: rapid.Float64Range(0, 1).Draw(t, "value"),
			})
		}
		budgets := []Budget{{Limit: rapid.IntRange(0, 16).Draw(t, "limit")}}
		allocate := func() map[string]int {
			var ps []Proposal
			for _, w := range wishes {
				ps = append(ps, w.proposal())
			}
			return replicasOf(Allocate(budgets, Plan{}, ps))
		}
		first := allocate()
		for i := range wishes {
			wishes[i].now = first[wishes[i].name]
			wishes[i].value += rapid.Float64Range(-0.49, 0.49).Draw(t, "wobble") * staying
		}
		if again := allocate(); !reflect.DeepEqual(first, again) {
			t.Fatalf("the plan moved from %v to %v for a wobble in %+v", first, again, wishes)
		}
	})
}

// TestRaiseOnItsWayStaysWithinBudget: a model that asked for 5 a moment ago and now
// wants 3 keeps its 5 only as far as the GPUs were not granted to somebody else.
func TestRaiseOnItsWayStaysWithinBudget(t *testing.T) {
	asked := func(n int) Plan {
		return Plan{Decisions: []Decision{{
			ID: VariantID{ModelID{"llm", "a"}, "main"}, Known: true, Replicas: n, Raised: noon.Add(-15 * time.Second),
		}}}
	}
	for name, tc := range map[string]struct {
		budgets []Budget
		other   int
		want    map[string]int
	}{
		"nobody else wants them":      {[]Budget{{Limit: 6}}, 1, map[string]int{"a": 5, "b": 1}},
		"the other was granted three": {[]Budget{{Limit: 6}}, 3, map[string]int{"a": 3, "b": 3}},
		"one is left":                 {[]Budget{{Limit: 6}}, 2, map[string]int{"a": 4, "b": 2}},
		"no budget":                   {nil, 9, map[string]int{"a": 5, "b": 9}},
		"another product's budget":    {[]Budget{{Product: "H100", Limit: 1}}, 9, map[string]int{"a": 5, "b": 9}},
	} {
		t.Run(name, func(t *testing.T) {
			ps := []Proposal{
				wish{name: "a", want: 3, now: 1}.proposal(), wish{name: "b", want: tc.other, now: 1}.proposal(),
			}
			if got := replicasOf(Allocate(tc.budgets, asked(5), ps)); !reflect.DeepEqual(got, tc.want) {
				t.Fatalf("got %v, want %v", got, tc.want)
			}
		})
	}
}

// TestAPlanForNobodyIsNotWaitedFor: a replay decided 5 a moment ago and told nobody, so what is wanted now, 3, is asked
// for.
func TestAPlanForNobodyIsNotWaitedFor(t *testing.T) {
	decided := Plan{At: noon, Decisions: []Decision{{
		ID: VariantID{ModelID{"llm", "a"}, "main"}, Known: true, Replicas: 5, Now: 1, NowKnown: true,
		Raised: noon.Add(-15 * time.Second),
	}}}
	now := []Proposal{wish{name: "a", want: 3, now: 1}.proposal()}
	if got := replicasOf(Allocate(nil, decided, now))["a"]; got != 5 {
		t.Fatalf("want a raise on its way kept, got %d", got)
	}
	decided.Untold = true
	if got := Allocate(nil, decided, now); got.Decisions[0].Replicas != 3 || got.Untold {
		t.Errorf("want what nobody was told of not waited for, got %+v", got)
	}
}

// TestAHeldRaiseStaysWithinBudget: what a held model has stays; what it was only promised may have gone to another.
func TestAHeldRaiseStaysWithinBudget(t *testing.T) {
	prev := Plan{Decisions: []Decision{{
		ID: VariantID{ModelID{"llm", "a"}, "main"}, Known: true, Replicas: 5, Raised: noon.Add(-time.Hour),
	}}}
	for name, tc := range map[string]struct {
		now, other int
		unknown    bool
		want       map[string]int
	}{
		"four are there, two went to the other": {now: 4, other: 2, want: map[string]int{"a": 4, "b": 2}},
		"four are there, one is free":           {now: 4, other: 1, want: map[string]int{"a": 5, "b": 1}},
		"five are there":                        {now: 5, other: 2, want: map[string]int{"a": 5, "b": 2}},
		"nobody knows how many are there":       {unknown: true, other: 2, want: map[string]int{"a": 5, "b": 2}},
	} {
		t.Run(name, func(t *testing.T) {
			ps := []Proposal{
				wish{name: "a", want: 4, now: tc.now, nowUnknown: tc.unknown, hold: true}.proposal(),
				wish{name: "b", want: tc.other, now: 1}.proposal(),
			}
			if got := replicasOf(Allocate([]Budget{{Limit: 6}}, prev, ps)); !reflect.DeepEqual(got, tc.want) {
				t.Fatalf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func floorOf(p Proposal) int {
	n := 0
	for _, l := range p.Layers {
		if l.Floor {
			n++
		}
	}
	return n
}
