package fluid

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestResample(t *testing.T) {
	nan := math.NaN()
	for name, tc := range map[string]struct {
		bucket   time.Duration
		requests []float64
		rate     []float64
		filled   int
	}{
		"a minute is four equal ticks":            {time.Minute, []float64{60, 120}, []float64{1, 1, 1, 1, 2, 2, 2, 2}, 0},
		"ten seconds are shared out between two":  {10 * time.Second, []float64{30, 0, 60}, []float64{2, 4}, 0},
		"a hole keeps the last rate":              {15 * time.Second, []float64{15, nan, 30}, []float64{1, 1, 2}, 1},
		"a hole at the start takes the first one": {15 * time.Second, []float64{nan, nan, 30}, []float64{2, 2, 2}, 2},
		"an incomplete tick at the end is left":   {10 * time.Second, []float64{10, 10}, []float64{1}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := Resample("x", tc.bucket, tc.requests, Tick)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.rate, l.Rate); diff != "" {
				t.Error(diff)
			}
			if l.Filled != tc.filled {
				t.Errorf("want %d ticks filled, got %d", tc.filled, l.Filled)
			}
		})
	}
}

func TestResampleRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		bucket   time.Duration
		requests []float64
		want     string
	}{
		"a bucket of nothing": {0, []float64{1}, "above 0"},
		"nothing known":       {time.Minute, []float64{math.NaN()}, "at least one known bucket"},
		"negative demand":     {time.Minute, []float64{-1}, "bucket 0"},
		"infinite demand":     {time.Minute, []float64{1, math.Inf(1)}, "bucket 1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Resample("x", tc.bucket, tc.requests, Tick)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("want an error with %q, got %v", tc.want, err)
			}
		})
	}
}

func TestResampleKeepsSums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bucket := time.Duration(rapid.IntRange(1, 90).Draw(t, "bucket")) * time.Second
		requests := rapid.SliceOfN(rapid.Float64Range(0, 1000), 15, 60).Draw(t, "requests")
		requests = requests[:len(requests)/15*15] // whole ticks
		l, err := Resample("x", bucket, requests, Tick)
		if err != nil {
			t.Fatal(err)
		}
		want, got := 0.0, l.Mean(0)*float64(len(l.Rate))*Tick.Seconds()
		for _, r := range requests {
			want += r
		}
		if math.Abs(got-want) > 1e-6*(1+want) {
			t.Fatalf("want %g requests, got %g", want, got)
		}
	})
}

func TestSight(t *testing.T) {
	type seen struct {
		Rate  float64
		Age   time.Duration
		Known bool
	}
	for name, tc := range map[string]struct {
		sight Sight
		rates []float64
		want  []seen // after each tick
	}{
		"exact: the last finished tick, one scrape late": {
			Exact(),
			[]float64{1, 2, 3},
			[]seen{{}, {1, 30 * time.Second, true}, {2, 30 * time.Second, true}},
		},
		"without delay": {
			Sight{}, []float64{1, 2}, []seen{{1, 15 * time.Second, true}, {2, 15 * time.Second, true}},
		},
		// Scrapes at 7.5 s of each tick. A window of 45 s holds three: counters 7.5, 30, 67.5, 112.5.
		"scraped: growth over the scrapes in the window": {
			Sight{Window: 45 * time.Second, Phase: 7500 * time.Millisecond},
			[]float64{1, 2, 3, 3},
			[]seen{
				{},
				{22.5 / 15, 7500 * time.Millisecond, true},
				{60.0 / 30, 7500 * time.Millisecond, true},
				{82.5 / 30, 7500 * time.Millisecond, true},
			},
		},
		"scraped at the beginning of the tick, one more tick late": {
			Sight{Window: 30 * time.Second, Delay: 1},
			[]float64{1, 2, 3},
			[]seen{{}, {}, {1, 30 * time.Second, true}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScrapes(tc.sight, Tick)
			for k, rate := range tc.rates {
				s.flow(rate)
				var got seen
				got.Rate, got.Age, got.Known = s.rate()
				if diff := cmp.Diff(tc.want[k], got); diff != "" {
					t.Errorf("after tick %d: %s", k, diff)
				}
			}
		})
	}
}
