package sim

import (
	"testing"
	"time"
)

// TestReactiveByHand follows a controller with target 10 and limits 1 to 10, one sync per row.
func TestReactiveByHand(t *testing.T) {
	type row struct {
		wait           time.Duration // since the row before
		replicas, pods int
		total          float64
		want           int
	}
	const sync = ReactiveSync
	for name, rows := range map[string][]row{
		"ceil of n times ratio":                     {{0, 3, 3, 45, 5}},
		"within 10 % of the target nothing moves":   {{0, 2, 2, 21.9, 2}, {sync, 2, 2, 18.1, 2}},
		"just beyond it does":                       {{0, 2, 2, 22.1, 3}},
		"at most 4 from 1, double from 3":           {{0, 1, 1, 95, 4}, {sync, 3, 3, 95, 6}},
		"never above the maximum":                   {{0, 8, 8, 500, 10}},
		"no readings: no change":                    {{0, 3, 0, 0, 3}},
		"disabled at zero":                          {{0, 0, 0, 50, 0}},
		"starting pods count as idle on the way up": {{0, 4, 2, 60, 6}},
		"which may bring it within 10 %":            {{0, 4, 2, 42, 4}},
		"or turn it round, and then nothing moves":  {{0, 6, 2, 40, 6}},
		"and as at target on the way down":          {{0, 4, 2, 2, 4}, {5*time.Minute + sync, 4, 2, 2, 3}},
		"down only after five minutes of low proposals": {
			{0, 4, 4, 40, 4},
			{sync, 4, 4, 8, 4},
			{4 * time.Minute, 4, 4, 8, 4},
			{45 * time.Second, 4, 4, 8, 4},
			{sync, 4, 4, 8, 1},
		},
		"one high proposal holds for five minutes": {
			{0, 1, 1, 35, 4}, {sync, 4, 4, 4, 4}, {285 * time.Second, 4, 4, 4, 4}, {sync, 4, 4, 14, 2},
		},
		"a new controller holds what it finds": {{0, 5, 5, 5, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			h := NewReactive(10, 1, 10)
			now := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
			for i, r := range rows {
				now = now.Add(r.wait)
				if got := h.Sync(now, r.replicas, r.pods, r.total); got != r.want {
					t.Errorf("row %d: want %d, got %d", i, r.want, got)
				}
			}
		})
	}
}

// TestBehaviorByHand follows controllers with target 10 and limits 1 to 100 that have a spec.behavior, one sync of 15 s
// per row unless it says otherwise.
func TestBehaviorByHand(t *testing.T) {
	type row struct {
		wait     time.Duration
		replicas int
		total    float64
		want     int
	}
	const sync, minute = ReactiveSync, time.Minute
	for name, tc := range map[string]struct {
		change func(b *Behavior)
		rows   []row
	}{
		"left out, four more or double": {
			nil, []row{{0, 1, 950, 5}, {sync, 3, 950, 7}, {sync, 6, 950, 12}},
		},
		"an old high proposal stops a fall and raises nothing": {
			nil, []row{{0, 4, 200, 8}, {sync, 8, 60, 8}, {5*minute - 2*sync, 8, 60, 8}, {sync, 8, 60, 6}},
		},
		"two pods a minute, counted from where the minute began": {
			func(b *Behavior) { b.Up.Policies = []Allowance{{Pods: 2, Period: minute}} },
			[]row{{0, 4, 900, 6}, {sync, 6, 900, 6}, {30 * time.Second, 6, 900, 6}, {sync, 6, 900, 8}},
		},
		"half as many again, rounded up": {
			func(b *Behavior) { b.Up.Policies = []Allowance{{Percent: 50, Period: sync}} },
			[]row{{0, 3, 900, 5}, {sync, 5, 900, 8}},
		},
		"the slower of two": {
			func(b *Behavior) { b.Up.Select = SelectMin },
			[]row{{0, 3, 950, 6}, {sync, 6, 950, 10}},
		},
		"never up": {
			func(b *Behavior) { b.Up.Select = SelectDisabled },
			[]row{{0, 3, 900, 3}},
		},
		"up only after a minute of high proposals": {
			func(b *Behavior) { b.Up.Window = minute },
			[]row{{0, 3, 60, 3}, {sync, 3, 60, 3}, {sync, 3, 60, 3}, {sync, 3, 60, 3}, {sync, 3, 60, 6}},
		},
		"down by one a minute": {
			func(b *Behavior) { b.Down = Rules{Tolerance: 0.1, Policies: []Allowance{{Pods: 1, Period: minute}}} },
			[]row{{0, 9, 10, 8}, {sync, 8, 10, 8}, {45 * time.Second, 8, 10, 7}},
		},
		"down by a tenth, and what is less than a pod is one": {
			func(b *Behavior) { b.Down = Rules{Policies: []Allowance{{Percent: 10, Period: sync}}} },
			[]row{{0, 9, 10, 8}, {sync, 8, 10, 7}},
		},
		"tolerances of their own": {
			func(b *Behavior) { b.Up.Tolerance, b.Down.Tolerance, b.Down.Window = 0, 0.5, 0 },
			[]row{{0, 10, 101, 11}, {sync, 10, 50, 10}, {sync, 10, 49, 5}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, b := NewReactive(10, 1, 100), DefaultBehavior()
			if tc.change != nil {
				tc.change(&b)
			}
			h.Behavior = &b
			now := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
			for i, r := range tc.rows {
				now = now.Add(r.wait)
				if got := h.Sync(now, r.replicas, r.replicas, r.total); got != r.want {
					t.Errorf("row %d: want %d, got %d", i, r.want, got)
				}
			}
		})
	}
}

// TestExactMultiplesStay: 72.2 / 1.9 is 38 and a rounding error.
func TestExactMultiplesStay(t *testing.T) {
	for name, tc := range map[string]struct {
		target, total  float64
		replicas, pods int
		want           int
	}{
		"38 times 1.9":             {1.9, 72.2, 30, 30, 38},
		"with pods that start, 38": {1.9, 72.2, 30, 29, 38},
		"a bit more is one more":   {1.9, 72.3, 30, 30, 39},
		"a tenth above is within":  {0.1, 0.11, 1, 1, 1},
		"a tenth below is within":  {10, 9, 1, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			h := NewReactive(tc.target, 1, 100)
			if got := h.Sync(time.Unix(0, 0), tc.replicas, tc.pods, tc.total); got != tc.want {
				t.Errorf("want %d, got %d", tc.want, got)
			}
		})
	}
}
