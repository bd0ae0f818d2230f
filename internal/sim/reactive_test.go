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
