package predictor

import (
	"bufio"
	"compress/gzip"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestWithADayOfHistory says what a forest may cost while it is young: with one day of
// history the forecast is no worse than the plain blend on any load, and in the days
// in which the forest begins to speak not by more than noise.
func TestWithADayOfHistory(t *testing.T) {
	loads := map[string][]Sample{
		"counts around a level": sampled(noisy(steady(8), 7), 4*day),
		"a daily wave":          sampled(noisy(daily(), 8), 4*day),
		"bursts of ten minutes": sampled(noisy(func(m int) float64 { return 5 + 20*float64((m/10*7919)%13/12) }, 9), 4*day),
	}
	for name, s := range recorded(t) {
		loads[name] = s[:min(len(s), 4*day)]
	}
	for name, s := range loads {
		t.Run(name, func(t *testing.T) {
			for _, c := range []struct {
				story    string
				from, to int // minutes
				worse    float64
			}{
				{"one day of history", day, 2 * day, 1},
				{"until the first forest is trusted", day, 4 * day, 1.05},
			} {
				from := s[0].At.Add(time.Duration(c.from) * time.Minute)
				full, blend := tail(NewForecaster(nil, 0), s[:c.to], from), tail(NewPlain(nil, 0), s[:c.to], from)
				if full > c.worse*blend+1e-9 {
					t.Errorf("%s: the tail loses %.5f, that of the plain blend %.5f", c.story, full, blend)
				}
			}
		})
	}
}

// tail is the pinball loss of the quantiles that orders and releases are made of.
func tail(f Source, s []Sample, from time.Time) float64 {
	c, sum := Score(f, s, 7*time.Minute, from), 0.0
	for j := highLevel; j < levels; j++ {
		sum += c.Pinball[j]
	}
	return sum
}

func sampled(l load, n int) []Sample {
	out := make([]Sample, n)
	for m := range out {
		out[m] = Sample{noon.Add(time.Duration(m) * time.Minute), l(m)}
	}
	return out
}

// recorded are three recorded loads, two of them bursty, by the minute, in requests per second, of
// FOREWARM_TRACES or ../shared/traces beside the repository.
func recorded(t *testing.T) map[string][]Sample {
	t.Helper()
	dir := os.Getenv("FOREWARM_TRACES")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "traces")
	}
	paths, err := filepath.Glob(filepath.Join(dir, "crane_0[158].csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Logf("NOT TESTED on recorded loads: none in %s; set FOREWARM_TRACES to their folder", dir)
	}
	out := map[string][]Sample{}
	for _, p := range paths {
		out[strings.TrimSuffix(filepath.Base(p), ".csv.gz")] = perMinute(t, p)
	}
	return out
}

// perMinute reads the first two columns, seconds and requests of a minute.
func perMinute(t *testing.T, path string) (out []Sample) {
	t.Helper()
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	z, err := gzip.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(z); lines.Scan(); {
		f := strings.Split(lines.Text(), ",")
		s, errS := strconv.ParseFloat(f[0], 64)
		n, errN := strconv.ParseFloat(f[1], 64)
		if errS == nil && errN == nil { // the header is neither, a hole is no sample
			out = append(out, Sample{noon.Add(time.Duration(s) * time.Second), n / 60})
		}
	}
	return out
}

// A forest is judged on a day of which it has seen nothing, not even in the windows
// that it learned from: whatever that day was, the same forest is grown.
func TestAForestIsJudgedOnADayItHasNotSeen(t *testing.T) {
	const end, h = 4 * day, 7
	grown := func(l load) (f forest, all forest) {
		var s series
		var g garden
		var hw winters
		past := newHistory()
		live(past, l, 0, end+1)
		s.load(past)
		g.prepare(&s, &hw, end, h)
		clear(g.winters) // its parameters are chosen on all of the past, by the error of each
		g.survey(&s, end, h)
		g.grow(&f, g.unjudged(end, h), 1)
		g.grow(&all, len(g.row), 1)
		return f, all
	}
	usual := noisy(daily(), 3)
	a, allA := grown(usual)
	b, allB := grown(usual.then(end-trial(end), steady(40)))
	if !a.grown() || !reflect.DeepEqual(a, b) {
		t.Error("the day on which it is judged has changed the forest")
	}
	if reflect.DeepEqual(allA, allB) {
		t.Error("the day makes no difference to a forest that did see it: the comparison sees nothing")
	}
}
