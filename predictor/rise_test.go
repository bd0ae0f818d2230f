package predictor

import (
	"testing"
	"time"
)

// TestAJumpFromNothingPromisesNoMoreThanWasSeen: the error made at zero is huge in
// units of the square root of the level, and must not be scaled up with it.
func TestAJumpFromNothingPromisesNoMoreThanWasSeen(t *testing.T) {
	h := NewHistory(time.Minute, 24*time.Hour)
	f := NewForecaster(nil, 0)
	at := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	horizons := []time.Duration{time.Minute, 4 * time.Minute}
	for i := range 120 {
		rate := 0.0
		if i >= 40 {
			rate = 15
		}
		at = at.Add(15 * time.Second)
		h.Add(at, rate)
		if got := f.Forecast(h, at, horizons); got.Known() && got.Max(horizons[1], 1) > mostRise*max(rate, 15) {
			t.Fatalf("after %d ticks: up to %g req/s after 15 at most", i, got.Max(horizons[1], 1))
		}
	}
}
