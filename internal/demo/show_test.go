package demo

import (
	"bytes"
	"context"
	"math"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sample() frame {
	trail := []point{{1, 1}, {4, 2}, {9, 3}}
	return frame{
		at: opening.Add(time.Hour), live: true, load: 4.2, ahead: 6.1, lead: 210 * time.Second, known: true,
		forewarm: column{
			wanted: 3, ready: 2, warming: 1, p95: 0.24, p95Known: true, inTime: 0.99999, inTimeKnown: true,
			usd: 1234.5, trail: trail,
		},
		hpa: column{
			wanted: 2, ready: 2, waiting: 7, p95: 12.3, p95Known: true, inTime: 0.95, inTimeKnown: true, trail: trail,
		},
		knows: []string{"One replica carries a lot."},
		loads: trail, promise: promise, speed: 1440, seed: 7, startedAt: opening,
		news: []news{{at: opening, from: 2, to: 3, why: "To carry 6.1 req/s, qwen3-32b goes from 2 to 3 replicas."}},
	}
}

var (
	escape = regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]")
	colour = regexp.MustCompile("\x1b\\[[0-9;]*m")
)

func TestAPictureFitsTheTerminal(t *testing.T) {
	for name, size := range map[string][2]int{
		"usual": {80, 24}, "large": {200, 60}, "narrow": {30, 24}, "flat": {80, 5}, "tiny": {1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			s := &screen{out: &out, paint: true, size: func() (int, int) { return size[0], size[1] }}
			for range 2 {
				out.Reset()
				s.picture(sample())
			}
			lines := strings.Split(escape.ReplaceAllString(out.String(), ""), "\n")
			if len(lines) > size[1] {
				t.Errorf("want at most %d lines, got %d", size[1], len(lines))
			}
			for _, l := range lines {
				if n := len([]rune(strings.TrimPrefix(l, "\r"))); n > size[0] {
					t.Errorf("want at most %d columns, got %d: %q", size[0], n, l)
				}
			}
		})
	}
}

func TestAPictureShowsBothWorldsAndTheReason(t *testing.T) {
	var out bytes.Buffer
	s := &screen{out: &out, size: func() (int, int) { return 100, 40 }}
	s.open(7, 1440)
	s.picture(sample())
	s.close()
	text := out.String()
	for _, want := range []string{
		"Thursday 07:00:00", "now 4.2; forecast: under 6.1 for the next 3m30s", "2 + 1", "0.24 s", "12.3 s",
		"99.99 %", "95.00 %", "$1,234.50", "at 06:00:00 Forewarm went from 2 to 3 replicas", "To carry 6.1 req/s",
		"One replica carries a lot.", "plain HPA in both until Thu 06:00",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("want %q in:\n%s", want, text)
		}
	}
	if !strings.HasPrefix(text, hideCursor) || !strings.HasSuffix(text, showCursor) {
		t.Error("want the cursor hidden at first and shown at last")
	}
	if colour.MatchString(text) {
		t.Error("want no colours without paint")
	}
}

func TestANewSizeClearsTheTerminal(t *testing.T) {
	var out bytes.Buffer
	width := 100
	s := &screen{out: &out, size: func() (int, int) { return width, 40 }}
	s.open(1, 0)
	s.picture(sample())
	if strings.Contains(out.String(), clearAll) {
		t.Error("cleared without need")
	}
	width = 60
	s.picture(sample())
	if !strings.Contains(out.String(), clearAll) {
		t.Error("want what may have been wrapped cleared")
	}
}

func TestBars(t *testing.T) {
	for name, tc := range map[string]struct {
		values []float64
		height int
		want   []string
	}{
		"an empty day":                  {[]float64{0, 0}, 1, []string{"  "}},
		"little is not nothing":         {[]float64{0, 0.01, 8}, 1, []string{" ▁█"}},
		"two lines have sixteen steps":  {[]float64{8, 4, 6}, 2, []string{"█ ▄", "███"}},
		"what is not a number is blank": {[]float64{math.NaN(), 8}, 1, []string{" █"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, bars(tc.values, 8, tc.height)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAColumnOnceDrawnStays(t *testing.T) {
	var trail []point
	at := opening
	add := func() {
		at = at.Add(scrapeEvery)
		trail = append(trail, point{load: float64(len(trail))})
	}
	for range 200 {
		add()
	}
	before := columns(trail, at, 30*time.Minute, 30, loadOf)
	width := int(time.Minute / scrapeEvery)
	for range width {
		add()
	}
	after := columns(trail, at, 30*time.Minute, 30, loadOf)
	if diff := cmp.Diff(before[2:29], after[1:28]); diff != "" {
		t.Error(diff)
	}
}

func TestVerdictNamesTheBetterOne(t *testing.T) {
	score := func(share, hours float64) Score { return Score{InTime: share, GPUHours: hours} }
	for name, tc := range map[string]struct {
		forewarm, hpa Score
		want          string
	}{
		"nothing to tell apart": {
			score(0.995, 100), score(0.9951, 100.5), "No difference worth the name: " +
				"Forewarm had as many of the requests in time, " +
				"with as many GPU-hours. Both kept the promise.",
		},
		"cheaper": {
			score(0.995, 80), score(0.995, 100), "Forewarm is better here: " +
				"Forewarm had as many of the requests in time, " +
				"with 20 % fewer GPU-hours. Both kept the promise.",
		},
		"dearer": {
			score(0.995, 120), score(0.995, 100), "The plain HPA is better here: " +
				"Forewarm had as many of the requests in time, " +
				"with 20 % more GPU-hours. Both kept the promise.",
		},
		"better and cheaper": {
			score(0.995, 90), score(0.98, 100), "Forewarm is better here: " +
				"Forewarm had 1.50 points more of the requests in time, " +
				"with 10 % fewer GPU-hours. Only Forewarm kept the promise.",
		},
		"better at the same": {
			score(0.995, 100), score(0.98, 100), "Forewarm is better here: " +
				"Forewarm had 1.50 points more of the requests in time, " +
				"with as many GPU-hours. Only Forewarm kept the promise.",
		},
		"worse and dearer": {
			score(0.98, 110), score(0.995, 100), "The plain HPA is better here: " +
				"Forewarm had 1.50 points fewer of the requests in time, " +
				"with 10 % more GPU-hours. Only the plain HPA kept the promise.",
		},
		"more for more": {
			score(0.98, 110), score(0.97, 100), "A trade: " +
				"Forewarm had 1.00 points more of the requests in time, " +
				"with 10 % more GPU-hours. Neither kept the promise.",
		},
		"less for less": {
			score(0.97, 90), score(0.98, 100), "A trade: " +
				"Forewarm had 1.00 points fewer of the requests in time, " +
				"with 10 % fewer GPU-hours. Neither kept the promise.",
		},
		"a world without a past": {
			score(1, 0), score(1, 0), "No difference worth the name: " +
				"Forewarm had as many of the requests in time, " +
				"with as many GPU-hours. Both kept the promise.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, verdict(tc.forewarm, tc.hpa)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestQuantileIsThatOfPromQL(t *testing.T) {
	b := buckets{bounds: []float64{1, 2, 4, math.Inf(1)}, counts: []float64{50, 90, 100, 100}}
	for q, want := range map[float64]float64{0: 0, 0.25: 0.5, 0.5: 1, 0.7: 1.5, 0.95: 3, 1: 4} {
		if got, ok := b.quantile(q); !ok || math.Abs(got-want) > 1e-9 {
			t.Errorf("quantile %g: want %g, got %g", q, want, got)
		}
	}
	b.counts[3] = 200 // half lies above the highest bound
	if got, _ := b.quantile(0.9); got != 4 {
		t.Errorf("want the highest bound, got %g", got)
	}
	if _, ok := (buckets{}).quantile(0.5); ok {
		t.Error("want nothing of nothing")
	}
}

func TestAnExpositionThatLacksASeriesIsAnError(t *testing.T) {
	if _, err := parseBuckets([]byte("# nothing\n"), "x_bucket{", buckets{}); err == nil {
		t.Error("want an error without the histogram")
	}
	if _, err := parseGauge([]byte("\nx{} NaNana\n"), "x{"); err == nil {
		t.Error("want an error for a value that is no number")
	}
}

func TestVirtualTimeKeepsItsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		p := newPacer(60, time.Minute)
		if !p.wait(t.Context(), 30*time.Second) || time.Since(start) != 500*time.Millisecond {
			t.Errorf("want half a minute in half a second, got %s", time.Since(start))
		}
		if !p.wait(t.Context(), 10*time.Second) || time.Since(start) != 500*time.Millisecond {
			t.Error("want no wait for what is late already")
		}
		if p.wait(t.Context(), 2*time.Hour); time.Since(start) != 2*time.Minute {
			t.Errorf("want two hours in two minutes, got %s", time.Since(start))
		}
		if p.wait(t.Context(), 2*time.Hour) {
			t.Error("want an end when the real time is over")
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if newPacer(1, 0).wait(ctx, time.Hour) {
			t.Error("want an end with the context")
		}
	})
}

func TestSmallPrint(t *testing.T) {
	for got, want := range map[string]string{
		share(0.99999, true):      "99.99 %",
		share(1, true):            "100.00 %",
		share(0, false):           "-",
		usd(1234567.891):          "$1,234,567.89",
		grouped(999, 0):           "999",
		seconds(0, false):         "-",
		seconds(1234, true):       "1234 s",
		period(24 * time.Hour):    "24h",
		period(90 * time.Minute):  "1h30m",
		period(210 * time.Second): "3m30s",
		pace(0):                   "as fast as this machine allows",
		pace(1440):                "24 h pass in a minute",
		pace(1):                   "1 s pass in a second",
		count(1, "replica"):       "1 replica",
	} {
		if got != want {
			t.Errorf("want %q, got %q", want, got)
		}
	}
}
