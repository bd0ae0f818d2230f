package policy

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/forewarm/forewarm/predictor"
)

// exceeding is a forecast of a load that exceeds others with an overshoot; 0 = not known.
func exceeding(t interface{ Fatal(...any) }, overshoot float64) *predictor.Forecast {
	f, err := predictor.NewForecast(predictor.Grid{
		At: noon, Horizons: []time.Duration{time.Minute}, Quantiles: []float64{0.5}, Values: []float64{1}, Past: []float64{1},
		Overshoot: overshoot,
	})
	if err != nil {
		t.Fatal(err)
	}
	return &f
}

func TestWindowsToCover(t *testing.T) {
	for name, tc := range map[string]struct {
		attainment, overshoot, want float64
	}{
		"the usual promise, nothing known of the load":              {0.99, 0, 0.92},
		"a load that exceeds as most do":                            {0.99, usualOvershoot, 0.92},
		"a wave that lasts when it comes: more are covered":         {0.99, usualOvershoot / 8, 0.96},
		"bursts far above, for a moment: fewer":                     {0.99, usualOvershoot * 8, 0.84},
		"no overshoot makes it more than four times as many missed": {0.99, 1e9, 0.68},
		"nor less than a quarter":                                   {0.99, 1e-9, 1 - 0.08/4},
		"no promise is so lax that fewer than 0.4 are covered":      {0.5, 1e9, 0.4},
		"none so strict that all are":                               {1, 0, 1 - orderShare*0.0005},
	} {
		t.Run(name, func(t *testing.T) {
			if got := windows(exceeding(t, tc.overshoot), tc.attainment, orderShare); math.Abs(got-tc.want) > 1e-9 {
				t.Errorf("want %g, got %g", tc.want, got)
			}
		})
	}
}

func TestWindowsAreMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		promise := rapid.Float64Range(0.5, 1)
		over := rapid.Float64Range(0.001, 100)
		a, b := promise.Draw(t, "promise"), promise.Draw(t, "promise")
		x, y := over.Draw(t, "overshoot"), over.Draw(t, "overshoot")
		low := windows(exceeding(t, max(x, y)), min(a, b), orderShare)
		high := windows(exceeding(t, min(x, y)), max(a, b), orderShare)
		if low > high {
			t.Fatalf("%g at %g and an overshoot of %g, %g at %g and %g", low, min(a, b), max(x, y), high, max(a, b), min(x, y))
		}
		keep := windows(exceeding(t, x), a, keepShare)
		if order := windows(exceeding(t, x), a, orderShare); keep < order {
			t.Fatalf("kept for %g of the windows, ordered for %g", keep, order)
		}
	})
}

// TestADifferentShareOfWindowsIsExplained: the count of windows covered moves orders, so it is said with its reason.
func TestADifferentShareOfWindowsIsExplained(t *testing.T) {
	for name, tc := range map[string]struct {
		overshoot float64
		want      bool
	}{
		"not known":                   {0, false},
		"as usual":                    {usualOvershoot * 1.1, false},
		"small and long":              {0.06, true},
		"far above, and for a moment": {1.2, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := scene{arrivals: 15, peak: 20, overshoot: tc.overshoot}
			if steps := with(2, s).propose(t).Steps; said(steps, "forecast-overshoot") != tc.want {
				t.Errorf("want it said: %t, got %v", tc.want, codes(steps))
			}
		})
	}
}
