package sim

import (
	"math"
	"testing"
)

func TestKnee(t *testing.T) {
	fc := DefaultFleet()
	prompt, output := Lengths{Mean: 1000, Max: 1000}, Lengths{Mean: 640, Max: 640}
	batching, err := Knee(fc, prompt, output)
	if err != nil {
		t.Fatal(err)
	}
	slots := DefaultSlots()
	fc.Slots = &slots
	fixed, err := Knee(fc, prompt, output)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("knees: %.2f requests/s batching, %.2f with fixed slots", batching, fixed)
	if batching < 2.2 || batching > 3.1 || fixed < 2.2 || fixed > 3 {
		t.Errorf("want both between the published knee (2) and peak (3), got %g and %g", batching, fixed)
	}
	fc.TTFT = 0
	if _, err := Knee(fc, prompt, output); err == nil {
		t.Error("want an error for a fleet without a goal")
	}
}

func TestVaryKeepsTheMean(t *testing.T) {
	d := DefaultReplica()
	if d.Vary(1, 0.3) != d.Vary(1, 0.3) || d.Vary(1, 0.3) == d.Vary(2, 0.3) || d.Vary(1, 0) != d {
		t.Error("want the seed to decide, and no spread to change nothing")
	}
	sum := 0.0
	for seed := range uint64(2000) {
		c := d.Vary(seed, 0.3)
		if err := c.check(); err != nil {
			t.Fatal(err)
		}
		sum += c.PrefillRate / d.PrefillRate / 2000
	}
	if math.Abs(sum-1) > 0.03 {
		t.Errorf("want a mean factor of 1, got %g", sum)
	}
}
