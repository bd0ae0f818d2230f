package predictor

import (
	"math"
	"testing"
	"time"
)

// waves of an hour's length, of a height that no clock tells.
func waves(height, low float64, minutes int) load {
	return func(m int) float64 {
		turn := m / 61
		if m%61 < minutes && (turn*turn+turn/3)%7 < 3 { // at irregular turns
			return low * height
		}
		return low
	}
}

// TestOvershootSaysWhatAReplicaMoreWouldHaveBought: the ratio is high where demand is far above what was expected for
// a moment, low where it is a little above for long.
func TestOvershootSaysWhatAReplicaMoreWouldHaveBought(t *testing.T) {
	for name, tc := range map[string]struct {
		load      load
		minutes   int
		low, high float64
	}{
		"before anything was exceeded, what is usual": {steady(8), 3, usualOvershoot, usualOvershoot},
		"a daily wave in counted noise":               {noisy(daily(), 1), 3 * day, 0.03, 0.3},
		"a minute at six times the level, now and then": {
			noisy(waves(6, 4, 1), 2), 3 * day, 1, 40,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := after(tc.load, tc.minutes, 5*time.Minute).Overshoot(); got < tc.low || got > tc.high {
				t.Errorf("want %g to %g, got %g", tc.low, tc.high, got)
			}
		})
	}
}

func TestOvershootIsTheExcessOverTheShareOfTheWindow(t *testing.T) {
	h := newHistory()
	live(h, steady(10).then(20, func(m int) float64 { return []float64{10, 18, 18, 10}[m%4] }), 0, 25)
	var s series
	s.load(h)
	m := moment{mean: 10}
	m.out[overshootLevel] = 12
	var o overshoot
	for range 1000 { // the prior is outweighed
		o.learn(&s, &m, 19, 4, s.ahead(19, 4))
	}
	want := 6 / 12.5 / 0.5 // 6 above 12, softened by a twentieth of the mean, for half of the window
	if got := o.ratio(); math.Abs(got-want) > 0.05*want {
		t.Errorf("want %g, got %g", want, got)
	}
	before := o.ratio()
	m.out[overshootLevel] = 18
	if o.learn(&s, &m, 19, 4, s.ahead(19, 4)); math.Abs(o.ratio()-before) > 0.01 {
		t.Errorf("a window that was not exceeded moved it from %g to %g", before, o.ratio())
	}
}

// TestAMomentWithinABucketIsAQuarterOfIt: only mean and peak of a bucket are known.
func TestAMomentWithinABucketIsAQuarterOfIt(t *testing.T) {
	h := newHistory()
	for k, v := range []float64{4, 4, 4, 4, 4, 9, 4, 4, 9, 9, 9, 9, 4, 4, 4, 4, 4} {
		h.Add(noon.Add(time.Duration(k)*15*time.Second), v)
	}
	var s series
	s.load(h)
	if got := s.above(6, 0, 4); got != 5.0/16 {
		t.Errorf("want a quarter of one bucket and all of another, 5/16 of four, got %g", got)
	}
}

// TestSilenceAndOutliersTeachOneWindow: whatever follows no demand at all is infinitely more than was expected, and says
// nothing about load that goes on.
func TestSilenceAndOutliersTeachOneWindow(t *testing.T) {
	noise := noisy(steady(8), 5)
	usual := after(noise, day, 5*time.Minute)
	for name, tc := range map[string]struct {
		load load
		at   int
	}{
		"ten minutes of silence, an hour later":         {steady(0).then(10, noise), 70},
		"ten minutes of silence, half a day later":      {steady(0).then(10, noise), day / 2},
		"two days of silence, a day later":              {steady(0).then(2*day, noise), 3 * day},
		"a minute at a hundred times, hours later":      {noise.then(day, steady(800)).then(day+1, noise), day + 200},
		"a minute at a hundred times, most of a day on": {noise.then(day, steady(800)).then(day+1, noise), day + 1200},
	} {
		t.Run(name, func(t *testing.T) {
			f := after(tc.load, tc.at, 5*time.Minute)
			if got := f.Overshoot(); got > 4*usual.Overshoot() {
				t.Errorf("overshoot is %g, for %g without", got, usual.Overshoot())
			}
		})
	}
}

// TestSilenceTeachesNoGain: the first demand after none is no measure of how load follows its level.
func TestSilenceTeachesNoGain(t *testing.T) {
	noise := noisy(steady(8), 5)
	for _, silence := range []int{10, day} {
		if got := after(steady(0).then(silence, noise), silence+day/2, 5*time.Minute).gain; got > 0.4 {
			t.Errorf("after %d minutes of silence counted noise moves a forecast by %g of itself", silence, got)
		}
	}
}
