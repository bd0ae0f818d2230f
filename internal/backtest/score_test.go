package backtest

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/internal/sim/fluid"
)

// all are ticks that all count.
func all(n int) []bool { return slices.Repeat([]bool{true}, n) }

func TestScore(t *testing.T) {
	const tick = 15 * time.Second
	for name, tc := range map[string]struct {
		rate     []float64
		counts   []bool
		paid     []int
		capacity []float64
		want     tally
	}{
		"a fleet that carries exactly its demand misses nothing": {
			[]float64{4, 4},
			all(2),
			[]int{2, 2},
			[]float64{4, 4},
			tally{Ticks: 2, Requests: 120, Hours: 1.0 / 60, Peak: 2},
		},
		"a moment above capacity is missed whole, and unmet by the difference": {
			[]float64{4, 5, 4},
			all(3),
			[]int{2, 2, 2},
			[]float64{4, 4, 4},
			tally{Ticks: 3, Requests: 195, Late: 75, Unmet: 15, Hours: 1.5 / 60, Peak: 2},
		},
		"replicas that start are paid for and carry nothing": {
			[]float64{4, 6, 6},
			all(3),
			[]int{2, 3, 3},
			[]float64{4, 4, 6},
			tally{Ticks: 3, Requests: 240, Late: 90, Unmet: 30, Hours: 2.0 / 60, ColdStarts: 1, Peak: 3},
		},
		"up, down and up again within ten minutes are two flaps": {
			[]float64{1, 1, 1, 1},
			all(4),
			[]int{1, 3, 2, 3},
			[]float64{9, 9, 9, 9},
			tally{Ticks: 4, Requests: 60, Hours: 2.25 / 60, ColdStarts: 3, Flaps: 2, Peak: 3},
		},
		"what does not count is not scored, though it is seen": {
			[]float64{1, 100, 1},
			[]bool{true, false, true},
			[]int{1, 5, 5},
			[]float64{2, 2, 10},
			tally{Ticks: 2, Requests: 30, Hours: 1.5 / 60, Peak: 5},
		},
		"a count that is not known is no zero": {
			[]float64{1, 1, 1},
			[]bool{true, false, true},
			[]int{2, unknownCount, 3},
			[]float64{4, 0, 6},
			tally{Ticks: 2, Requests: 30, Hours: 1.25 / 60, ColdStarts: 1, Peak: 3},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := score(tick, tc.rate, tc.counts, run{paid: tc.paid, capacity: tc.capacity})
			got.Hours, tc.want.Hours = math.Round(got.Hours*1e9), math.Round(tc.want.Hours*1e9)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Eleven minutes apart a change back is no flap.
func TestScoreForgetsChanges(t *testing.T) {
	n := 60
	paid, rate, capacity := make([]int, n), make([]float64, n), make([]float64, n)
	for k := range paid {
		paid[k] = 1
		if k >= 5 && k < 5+44 { // 44 ticks of 15 s
			paid[k] = 2
		}
	}
	if got := score(15*time.Second, rate, all(n), run{paid: paid, capacity: capacity}); got.Flaps != 0 || got.ColdStarts != 1 {
		t.Errorf("want no flap and one cold start, got %+v", got)
	}
}

func TestStretches(t *testing.T) {
	counts := []bool{true, true, false, true, false, false}
	if diff := cmp.Diff([]segment{{0, 2}, {3, 4}}, stretches(counts, true)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]segment{{2, 3}, {4, 6}}, stretches(counts, false)); diff != "" {
		t.Error(diff)
	}
}

// Demand of 2, 2, 4, 4, 2, 2 requests/s needs 1, 1, 2, 2, 1, 1 replicas; the second one is ordered one tick of
// warm-up before: 1, 2, 2, 2, 1, 1 are paid for, 9 ticks in all. Without the middle two it is 5.
func TestClairvoyantLeavesGapsOut(t *testing.T) {
	load := fluid.Load{Name: "steps", Step: fluid.Tick, Rate: []float64{2, 2, 4, 4, 2, 2}}
	w := fluid.DefaultWorld()
	w.WarmUp.Median, w.Start = fluid.Tick, 1
	for name, tc := range map[string]struct {
		counts []bool
		ticks  float64
	}{
		"everything counts":       {all(6), 9},
		"a gap in the middle":     {[]bool{true, true, false, false, true, true}, 5},
		"nothing but the warm-up": {[]bool{false, true, false, false, false, false}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			hours, known, err := clairvoyant(load, w, tc.counts)
			if err != nil || !known || math.Abs(hours*240-tc.ticks) > 1e-9 {
				t.Errorf("want %g ticks, got %g (%t, %v)", tc.ticks, hours*240, known, err)
			}
		})
	}
	if _, known, err := clairvoyant(load, w, make([]bool, 6)); known || err != nil {
		t.Errorf("without a scored tick: want no bill, got one (%v)", err)
	}
}
