package sim

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/internal/sim/trace"
)

func TestNamedWorkloads(t *testing.T) {
	stats := map[string]trace.Series{}
	for _, n := range Workloads() {
		s, err := n.Series(1, min(n.Length, 6*oneDay))
		if err != nil {
			t.Fatalf("%s: %v", n.Name, err)
		}
		part := time.Hour
		if n.Name == "sparse-tenant" {
			part = oneDay // an hour may have nothing in it
		}
		again, err := n.Series(1, part)
		if err != nil || !cmp.Equal(s.Requests[:len(again.Requests)], again.Requests) {
			t.Errorf("%s: the same seed gives another series (%v)", n.Name, err)
		}
		other, err := n.Series(2, part)
		if err != nil || cmp.Equal(other.Requests, again.Requests) {
			t.Errorf("%s: another seed gives the same series (%v)", n.Name, err)
		}
		stats[n.Name] = s
	}
	mean := func(name string, fromDay, toDay int) float64 {
		s := stats[name]
		per := int(oneDay / s.Bucket)
		return trace.Mean(s.Requests[fromDay*per : toDay*per])
	}
	perRequest := func(name string, day int) float64 {
		s := stats[name]
		per := int(oneDay / s.Bucket)
		return trace.Mean(s.Output[day*per:(day+1)*per]) / trace.Mean(s.Requests[day*per:(day+1)*per])
	}
	share := func(name string, hit func(float64) bool) float64 {
		n := 0
		for _, x := range stats[name].Requests {
			if hit(x) {
				n++
			}
		}
		return float64(n) / float64(stats[name].Len())
	}
	square := func(name string) float64 { return trace.Mean(squares(stats[name].Requests)) }
	for what, ok := range map[string]bool{
		"flat has one rate":                   math.Abs(trace.Mean(stats["flat"].Requests)/15-6) < 0.2,
		"a day has quiet hours":               share("day", func(x float64) bool { return x < 15 }) > 0.2,
		"a week has weekends":                 mean("week", 5, 6) < 0.7*mean("week", 0, 5),
		"a trend grows":                       mean("trend", 3, 5) > 1.06*mean("trend", 0, 2),
		"bursty spreads more than a day does": square("bursty") > 1.2*square("day"),
		"a sparse tenant is silent mostly":    share("sparse-tenant", func(x float64) bool { return x == 0 }) > 0.85,
		"and there sometimes":                 share("sparse-tenant", func(x float64) bool { return x > 0 }) > 0.02,
		"answers drift":                       perRequest("token-drift", 4) > 1.5*perRequest("token-drift", 0),
		"a flash crowd stands out":            share("flash-crowd", func(x float64) bool { return x > 110 }) > 0.002,
	} {
		if !ok {
			t.Errorf("not so: %s", what)
		}
	}
	if _, err := WorkloadNamed("nightly"); err == nil || !strings.Contains(err.Error(), "sparse-tenant") {
		t.Errorf("want an error that lists the names, got %v", err)
	}
}

func squares(v []float64) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		out[i] = v[i] * v[i]
	}
	return out
}

func TestConversationsGrow(t *testing.T) {
	n, err := WorkloadNamed("chat")
	if err != nil {
		t.Fatal(err)
	}
	w, err := n.Arrivals(1)
	if err != nil {
		t.Fatal(err)
	}
	context, turns := map[uint64]int{}, map[uint64]int{}
	for a, ok := w.Next(w.cfg.Start.Add(oneDay)); ok; a, ok = w.Next(w.cfg.Start.Add(oneDay)) {
		if a.Session == 0 || a.Prefix != context[a.Session] || a.Prompt <= a.Prefix || a.Prompt+a.Output > 20_000 {
			t.Fatalf("got %+v after a context of %d", a, context[a.Session])
		}
		context[a.Session] = a.Prompt + a.Output
		turns[a.Session]++
	}
	total := 0
	for _, n := range turns {
		total += n
	}
	if mean := float64(total) / float64(len(turns)); mean < 4 || mean > 7 {
		t.Errorf("want about six turns, got %g", mean)
	}
}

func TestSeriesWorkloadFollowsTheTrace(t *testing.T) {
	s := trace.Series{
		Name: "t", Bucket: 15 * time.Second,
		Requests: []float64{0, 150, math.NaN(), 300, 0}, Prompt: []float64{0, 15_000, math.NaN(), 600_000, 0},
		Output: []float64{math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()},
	}
	var long trace.Series
	long.Name, long.Bucket = s.Name, s.Bucket
	for range 200 {
		long.Requests = append(long.Requests, s.Requests...)
		long.Prompt, long.Output = append(long.Prompt, s.Prompt...), append(long.Output, s.Output...)
	}
	cfg := flat(1)
	w, err := NewSeriesWorkload(cfg, long, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	got := Count(w, cfg.Start, long.Span()+time.Hour, s.Bucket)
	var sum, prompt, output [5]float64
	for i := range 1000 {
		sum[i%5] += got.Requests[i] / 200
		prompt[i%5] += got.Prompt[i] / 200
		output[i%5] += got.Output[i] / 200
	}
	for i, want := range []float64{0, 75, 75, 150, 0} {
		if math.Abs(sum[i]-want) > 0.05*want {
			t.Errorf("bucket %d: want %g requests, a hole like the one before, got %g", i, want, sum[i])
		}
	}
	if a, b := prompt[1]/sum[1], prompt[3]/sum[3]; math.Abs(a-100) > 5 || math.Abs(b-2000) > 100 {
		t.Errorf("want prompts of the bucket's mean, got %g and %g", a, b)
	}
	if o := output[3] / sum[3]; math.Abs(o-640) > 20 {
		t.Errorf("want the configured mean where the trace has none, got %g", o)
	}
	for i := 1000; i < got.Len(); i++ {
		if got.Requests[i] != 0 {
			t.Fatal("want nothing after the last bucket")
		}
	}
	if _, err := NewSeriesWorkload(cfg, trace.Series{}, 1); err == nil {
		t.Error("want an error without buckets")
	}
}

func TestReplayHandsOutTheTrace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.csv")
	text := "t_ms,prompt_tokens,output_tokens,blocks512,prefix_hit_blocks,session\n" +
		"0,600,5,2,0,7\n2500,1100,0,3,1,7\n3000,x,1,1,0,7\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := trace.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	start := DefaultFleet().Start
	r := NewReplay(src, start)
	var got []Arrival
	for s := range 10 {
		until := start.Add(time.Duration(s) * time.Second)
		for a, ok := r.Next(until); ok; a, ok = r.Next(until) {
			got = append(got, a)
		}
	}
	want := []Arrival{
		{At: start, Prompt: 600, Output: 5, Session: 7},
		{At: start.Add(2500 * time.Millisecond), Prompt: 1100, Output: 1, Session: 7, Prefix: 512},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), ":4") {
		t.Errorf("want the error of line 4, got %v", err)
	}
	if err := src.Close(); err != nil {
		t.Error(err)
	}
}
