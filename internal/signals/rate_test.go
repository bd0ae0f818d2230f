package signals

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func atSecond(seconds int) time.Time { return storyStart.Add(time.Duration(seconds) * time.Second) }

func climb(values ...float64) []Sample {
	out := make([]Sample, len(values))
	for i, v := range values {
		out[i] = Sample{T: atSecond(15 * i), V: v}
	}
	return out
}

func TestIncrease(t *testing.T) {
	nan := math.NaN()
	for name, tc := range map[string]struct {
		samples []Sample
		want    float64
	}{
		"nothing":                           {nil, 0},
		"one sample says nothing":           {climb(1e9), 0},
		"a steady counter":                  {climb(10, 20, 30), 20},
		"a restart begins at zero":          {climb(100, 110, 5, 15), 25},
		"two restarts":                      {climb(100, 4, 8, 3), 11},
		"a lost worker is no restart":       {climb(1e6, 9e5, 9e5+10), 10},
		"nonsense between is passed over":   {climb(10, nan, 30, math.Inf(1), -5, 40), 30},
		"nonsense at first starts no count": {climb(nan, 50, 60), 10},
	} {
		t.Run(name, func(t *testing.T) {
			if got := increase(tc.samples); got != tc.want {
				t.Errorf("want %g, got %g", tc.want, got)
			}
		})
	}
}

// TestIncreaseEqualsTheNaiveOne draws monotone counters that restart at random.
func TestIncreaseEqualsTheNaiveOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 40).Draw(t, "samples")
		value := float64(rapid.IntRange(0, 1e6).Draw(t, "start"))
		var samples []Sample
		var want float64
		for i := range n {
			if i > 0 {
				gain := float64(rapid.IntRange(0, 1000).Draw(t, "gain"))
				if rapid.IntRange(0, 9).Draw(t, "restart") == 0 && gain <= value/2 && gain < value {
					value = 0
				}
				value += gain
				want += gain
			}
			samples = append(samples, Sample{T: atSecond(15 * i), V: value})
		}
		got := increase(samples)
		if got < 0 || got != want {
			t.Fatalf("want %g, got %g of %v", want, got, samples)
		}
	})
}

// TestIncreaseIsNeverASpike draws any numbers at all: what a counter gains is never
// negative and never more than all its values together.
func TestIncreaseIsNeverASpike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.Float64()).Draw(t, "values")
		total := 0.0
		for i, v := range values {
			if i > 0 && valid(v) {
				total += v
			}
		}
		got := increase(climb(values...))
		if !(got >= 0) || got > total*(1+1e-9) {
			t.Fatalf("want within [0, %g], got %g", total, got)
		}
	})
}

func TestCombine(t *testing.T) {
	whole := func(delta float64, from, to int) piece {
		return piece{delta: delta, from: atSecond(from), to: atSecond(to), every: 15 * time.Second, live: true}
	}
	gone := func(delta float64, from, to int) piece {
		p := whole(delta, from, to)
		p.live = false
		return p
	}
	rare := func(delta float64, from, to int) piece {
		p := whole(delta, from, to)
		p.every = time.Minute
		return p
	}
	for name, tc := range map[string]struct {
		pieces []piece
		want   float64
		to     int // 0 = no live piece
		known  bool
	}{
		"nothing":                                 {nil, 0, 0, false},
		"one sample has no span":                  {[]piece{whole(5, 10, 10)}, 0, 0, false},
		"the true span, first to last sample":     {[]piece{whole(105, 10, 115)}, 1, 115, true},
		"phases differ, each has its own span":    {[]piece{whole(105, 2, 107), whole(210, 14, 119)}, 3, 107, true},
		"a pod that came half-way counts half":    {[]piece{whole(105, 5, 110), whole(45, 65, 110)}, 1 + 45.0/105, 110, true},
		"a pod that left half-way counts half":    {[]piece{whole(105, 5, 110), gone(45, 5, 50)}, 1 + 45.0/105, 110, true},
		"a lagging target goes on":                {[]piece{whole(105, 5, 110), whole(45, 5, 50)}, 2, 50, true},
		"one after the other is one":              {[]piece{gone(45, 5, 50), whole(45, 65, 110)}, 90.0 / 105, 110, true},
		"all are new: their own span is all time": {[]piece{whole(30, 80, 110), whole(30, 82, 112)}, 2, 110, true},
		"rare scrapes have wide edges":            {[]piece{rare(60, 50, 110)}, 1, 110, true},
		"what fell more than it rose is negative": {[]piece{whole(-105, 5, 110)}, -1, 110, true},
		"a target without a span adds nothing":    {[]piece{whole(105, 5, 110), whole(0, 110, 110)}, 1, 110, true},
		"only the departed: nothing goes on":      {[]piece{gone(45, 5, 50)}, 1, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, known := combine(tc.pieces, atSecond(0), atSecond(120))
			want := flowRate{perSecond: tc.want}
			if tc.to > 0 {
				want.to = atSecond(tc.to)
			}
			if known != tc.known || math.Abs(got.perSecond-want.perSecond) > 1e-12 || !got.to.Equal(want.to) {
				t.Errorf("want %+v %v, got %+v %v", want, tc.known, got, known)
			}
		})
	}
}
