package policy

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The second implementations of this file are as plain as possible: they keep
// every tick and look at all of them.

// anyTicks draws a life of one pod: loads, queues, and TTFT, a quarter minute each.
func anyTicks(t *rapid.T) []tick {
	var out []tick
	for range rapid.IntRange(1, 30).Draw(t, "spells") {
		x := tick{
			running: 50, output: rapid.Float64Range(100, 3000).Draw(t, "output"),
			pending: rapid.SampledFrom([]float64{0, 0, 0, 40}).Draw(t, "pending"),
			ttft:    rapid.SampledFrom([]float64{0, 0.3, 1.5, 9}).Draw(t, "ttft"),
			kv:      rapid.SampledFrom([]float64{0.1, 0.4, 0.8}).Draw(t, "kv"),
		}
		x.completions, x.replicas = x.output/500, rapid.IntRange(1, 6).Draw(t, "replicas")
		out = append(out, times(rapid.IntRange(1, 40).Draw(t, "ticks"), x)...)
	}
	return out
}

// dumbLower is the highest mean of twelve ticks in a row that were carried and were
// followed by twelve more, counting afresh after every tick that was not carried
// and after every window; without decay.
func dumbLower(ticks []tick) float64 {
	best := 0.0
	var row []float64
	for i, x := range ticks {
		if i == 0 {
			continue // the first moment has no length
		}
		if late, queue := x.ttft > 2, x.pending >= max(1, x.running/10); late || queue && x.ttft == 0 {
			row = nil
			continue
		}
		row = append(row, x.output)
		if n := len(row); n%12 == 0 && n >= 24 {
			sum := 0.0
			for _, v := range row[n-24 : n-12] {
				sum += v
			}
			best = max(best, sum/12)
		}
	}
	return best
}

func TestTheCapacityIntervalAgreesWithTheDumbOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ticks := anyTicks(t)
		for i := range ticks {
			ticks[i].pending = 0 // without misses below Lower, nothing pulls it down
			if ticks[i].ttft > 2 {
				ticks[i].ttft = 1.5
			}
		}
		learned := observed(auto(), ticks...)
		l := learned.variant(0)
		want := dumbLower(ticks)
		fade := decay(time.Duration(len(ticks))*15*time.Second, lowerHalfLife)
		if l.Lower.OutputTokens > want*1.0001 || l.Lower.OutputTokens < want*fade*0.9999 {
			t.Fatalf("Lower is %g, want %g, faded at most to %g", l.Lower.OutputTokens, want, want*fade)
		}
	})
}

func TestCapacityProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ticks := anyTicks(t)
		l := observed(auto(), ticks...)
		c, _ := PlanCapacity(auto(), l, 0)
		v := l.variant(0)
		top := PriorCapacity().OutputTokens
		for _, x := range ticks {
			top = max(top, x.output*boldest)
		}
		switch {
		case math.IsNaN(c.OutputTokens) || c.OutputTokens <= 0 || math.IsInf(c.OutputTokens, 0):
			t.Fatalf("planned with %g", c.OutputTokens)
		case c.OutputTokens > top*1.0001:
			t.Fatalf("planned with %g, beyond the boldest step from anything carried (%g)", c.OutputTokens, top)
		case c.OutputTokens < v.Lower.OutputTokens*0.9999:
			t.Fatalf("planned with %g, below what was carried (%g)", c.OutputTokens, v.Lower.OutputTokens)
		}
	})
}

// TestLearnedIsAValue: what was written down half way and read back learns the
// same from then on, and the same inputs give the same.
func TestLearnedIsAValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, ticks := auto(), anyTicks(t)
		half := rapid.IntRange(0, len(ticks)).Draw(t, "half")
		through := observed(m, ticks...)
		first := observed(m, ticks[:half]...)
		var read Learned
		if err := json.Unmarshal([]byte(text(t, first)), &read); err != nil {
			t.Fatal(err)
		}
		for i, x := range ticks[half:] {
			read = Observe(m, read, x.input(m, noon.Add(time.Duration(half+i)*15*time.Second)))
		}
		if a, b := text(t, through), text(t, read); a != b {
			t.Fatalf("lived through:\n%s\nread back:\n%s", a, b)
		}
		if again := observed(m, ticks...); !reflect.DeepEqual(through, again) {
			t.Fatal("the same inputs taught two things")
		}
	})
}

// TestShrinkAgreesWithTheDumbOne: of one variant, as many replicas go as the share
// allows while the rest carries the need.
func TestShrinkAgreesWithTheDumbOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, least := rapid.IntRange(1, 40).Draw(t, "n"), rapid.IntRange(0, 5).Draw(t, "min")
		need := rapid.Float64Range(0, 400).Draw(t, "need")
		d := &draft{
			m: Model{Variants: []Variant{{Min: least, Max: 99}}}, caps: []Capacity{{Requests: 10}},
			counts: []int{n}, floors: []int{0}, order: []int{0},
		}
		want := 0
		for k := 1; k <= max(n/4, 1); k++ {
			if left := n - k; left >= max(least, 1) && float64(left)*10 >= need-1e-6 {
				want = k
			}
		}
		if got := d.spare(Work{Requests: need})[0]; got != want {
			t.Fatalf("of %d, %d can go for a need of %g, want %d", n, got, need, want)
		}
	})
}
