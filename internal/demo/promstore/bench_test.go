package promstore

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/forewarm/forewarm/internal/sim"
)

// history is a fleet under a reactive rule, scraped each 15 s into a new store.
func history(tb testing.TB, length time.Duration) (*Store, *sim.Fleet) {
	tb.Helper()
	w, err := sim.NewWorkload(sim.DefaultWorkload())
	if err != nil {
		tb.Fatal(err)
	}
	f, err := sim.NewFleet(sim.DefaultFleet(), w)
	if err != nil {
		tb.Fatal(err)
	}
	s := New(0)
	rule := sim.NewReactive(20, 1, 8)
	kube := s.Target(TargetOptions{Labels: map[string]string{"job": "kube-state-metrics"}, HonorLabels: true})
	targets := map[string]*Target{}
	var buf bytes.Buffer
	for range length / sim.ReactiveSync {
		f.Advance(f.Now().Add(sim.ReactiveSync))
		buf.Reset()
		if err := sim.ExposeKube(&buf, f); err != nil {
			tb.Fatal(err)
		}
		if err := kube.Scrape(f.Now(), buf.Bytes()); err != nil {
			tb.Fatal(err)
		}
		scrapePods(tb, s, f, targets)
		t := f.Totals()
		f.Scale(rule.Sync(f.Now(), f.Desired(), f.Count(sim.Ready), float64(t.Running+t.Waiting)))
	}
	return s, f
}

func scrapePods(tb testing.TB, s *Store, f *sim.Fleet, targets map[string]*Target) {
	tb.Helper()
	var buf bytes.Buffer
	seen := map[string]bool{}
	for _, p := range f.Pods() {
		seen[p.Name()] = true
		t := targets[p.Name()]
		if t == nil {
			t = s.Target(TargetOptions{Labels: map[string]string{
				"job": "vllm", "namespace": "llm", "pod": p.Name(), "instance": p.Instance(), "container": "vllm",
			}})
			targets[p.Name()] = t
		}
		buf.Reset()
		if err := p.Expose(&buf); err != nil {
			t.Fail(f.Now())
			continue
		}
		if err := t.Scrape(f.Now(), buf.Bytes()); err != nil {
			tb.Fatal(err)
		}
	}
	for name, t := range targets {
		if !seen[name] {
			t.Close(f.Now())
			delete(targets, name)
		}
	}
}

// BenchmarkHistory is what the demo does before it opens: three days of samples from a simulated fleet.
func BenchmarkHistory(b *testing.B) {
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		s, _ := history(b, 72*time.Hour)
		runtime.GC()
		runtime.ReadMemStats(&after)
		held, samples := s.Size()
		b.ReportMetric(float64(samples), "samples/op")
		b.ReportMetric(float64(held), "series/op")
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "heap-MB")
	}
}

func BenchmarkQueries(b *testing.B) {
	s, f := history(b, 24*time.Hour)
	h := Handler(s, f.Now)
	end := f.Now()
	const p95 = `histogram_quantile(0.95, sum by (le) (rate(vllm:time_to_first_token_seconds_bucket[2m])))`
	for name, form := range map[string]url.Values{
		"raw minute": {"query": {`{__name__=~"vllm:num_requests_running|vllm:num_requests_waiting",job="vllm"}[1m]`}},
		"raw day":    {"query": {`{__name__=~"vllm:request_success_total|vllm:generation_tokens_total"}[1d]`}},
		"p95 now":    {"query": {p95}},
		"p95 range": {
			"query": {p95},
			"start": {strconv.FormatInt(end.Add(-6*time.Hour).Unix(), 10)},
			"end":   {strconv.FormatInt(end.Unix(), 10)}, "step": {"60"},
		},
	} {
		path := "/api/v1/query?"
		if form.Has("step") {
			path = "/api/v1/query_range?"
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				w := httptest.NewRecorder()
				r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, path+form.Encode(), nil)
				h.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Body.String())
				}
				b.ReportMetric(float64(w.Body.Len()), "bytes")
			}
		})
	}
}
