package signals

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// addSeries puts samples of a series, written as PromQL, into a window.
func addSeries(w *Window, metric string, samples ...Sample) {
	ls, err := parser.NewParser(parser.Options{}).ParseMetric(metric)
	if err != nil {
		panic(err)
	}
	m := model.Metric{}
	ls.Range(func(l labels.Label) { m[model.LabelName(l.Name)] = model.LabelValue(l.Value) })
	stream := &model.SampleStream{Metric: m}
	for _, s := range samples {
		stream.Values = append(stream.Values, model.SamplePair{
			Timestamp: model.TimeFromUnixNano(s.T.UnixNano()), Value: model.SampleValue(s.V),
		})
	}
	w.Add(model.Matrix{stream})
}

const scrape = 15 * time.Second

// vllmPod stores a pod's series between two moments.
func vllmPod(tb testing.TB, p *faultProm, ns, modelName, pod string, from, to time.Time) {
	tb.Helper()
	at := []string{"namespace", ns, "pod", pod, "job", "vllm", "instance", pod + ":8000"}
	with := append([]string{"model_name", modelName, "engine", "0"}, at...)
	p.add(tb, labelled("up", at...), every(scrape, from, to, always(1))...)
	p.add(tb, labelled("vllm:num_requests_running", with...), every(scrape, from, to, always(4))...)
	p.add(tb, labelled("vllm:num_requests_waiting", with...), every(scrape, from, to, always(2))...)
	p.add(tb, labelled("vllm:kv_cache_usage_perc", with...), every(scrape, from, to, always(0.5))...)
	count := func(perScrape float64) func(int) float64 {
		return func(i int) float64 { return perScrape * float64(i) }
	}
	p.add(
		tb, labelled("vllm:request_success_total", append(with, "finished_reason", "stop")...),
		every(scrape, from, to, count(30))...,
	)
	p.add(tb, labelled("vllm:generation_tokens_total", with...), every(scrape, from, to, count(3000))...)
	p.add(tb, labelled("vllm:prompt_tokens_total", with...), every(scrape, from, to, count(6000))...)
	for le, share := range map[string]float64{"0.5": 0.5, "1": 0.9, "2.5": 1, "+Inf": 1} {
		p.add(tb, labelled("vllm:time_to_first_token_seconds_bucket", append(with, "le", le)...),
			every(scrape, from, to, count(30*share))...)
	}
}

func bindingOf(ns, name, modelName string) Binding {
	b := Binding{Engine: "vllm", ModelName: modelName, Labels: DefaultLabels()}
	b.Model.Namespace, b.Model.Name = ns, name
	b.Variants = []VariantBinding{{Name: "main", APIVersion: "apps/v1", Kind: kindDeployment, Target: name}}
	return b
}

// runningAt is when the running requests were sampled, since the epoch.
func runningAt(w *Window) []time.Duration {
	var out []time.Duration
	for _, s := range w.Select("vllm:num_requests_running") {
		for _, x := range s.Samples {
			out = append(out, x.T.Sub(epoch))
		}
	}
	return out
}

func TestLoadKeepsTrueTimestampsAndTakesLateSamples(t *testing.T) {
	p := newFaultProm(t, 1)
	metric := labelled("vllm:num_requests_running", "namespace", "llm", "pod", "a", "model_name", "m")
	// Skewed scrapes: 3.2 s after the full quarter minute.
	first := every(scrape, epoch.Add(-time.Minute+3200*time.Millisecond), epoch, always(1))
	p.add(t, metric, first...)
	opt := DefaultOptions()
	s := newSource(p.client(t), opt)
	bindings := []Binding{bindingOf("llm", "m", "m")}
	load := func(from, to time.Duration) {
		t.Helper()
		if err := s.load(t.Context(), bindings, epoch.Add(from), epoch.Add(to)); err != nil {
			t.Fatal(err)
		}
	}
	load(-15*time.Second, 0)
	if got := runningAt(s.window); len(got) != 4 || got[3] != -11800*time.Millisecond {
		t.Fatalf("want the four scrapes as they happened, got %v", got)
	}
	// A sample of before the last load arrives after it (remote write), then a new one.
	p.add(t, metric, Sample{T: epoch.Add(-4 * time.Second), V: 7}, Sample{T: epoch.Add(11 * time.Second), V: 8})
	load(0, 15*time.Second)
	got := runningAt(s.window)
	if len(got) != 6 || got[4] != -4*time.Second || got[5] != 11*time.Second {
		t.Fatalf("want the late sample in its place, once, got %v", got)
	}
}

func TestLoadClosesAGapAfterAnOutage(t *testing.T) {
	p := newFaultProm(t, 1)
	vllmPod(t, p, "llm", "m", "m-0", epoch.Add(-time.Hour), epoch.Add(time.Hour))
	s := newSource(p.client(t), DefaultOptions())
	bindings := []Binding{bindingOf("llm", "m", "m")}
	at := func(d time.Duration) time.Time { return epoch.Add(d) }
	if err := s.load(t.Context(), bindings, at(-scrape), at(0)); err != nil {
		t.Fatal(err)
	}
	p.breakWith(status(500, "text/plain", "boom"))
	if err := s.load(t.Context(), bindings, at(0), at(scrape)); kindOf(err) != Unreachable {
		t.Fatalf("want an unreachable source, got %v", err)
	}
	p.breakWith(nil)
	if err := s.load(t.Context(), bindings, at(scrape), at(2*scrape)); err != nil {
		t.Fatal(err)
	}
	got := runningAt(s.window)
	for i := 1; i < len(got); i++ {
		if got[i]-got[i-1] != scrape {
			t.Fatalf("want no gap, got %v", got)
		}
	}
	if got[len(got)-1] != 2*scrape {
		t.Errorf("want the newest sample, got %v", got)
	}
}

func TestBackfillGoesForwardUnderTheCapsAndForgets(t *testing.T) {
	p := newFaultProm(t, 1)
	from := epoch.Add(-3 * time.Hour)
	for i := range 10 {
		vllmPod(t, p, "llm", "m", fmt.Sprintf("m-%d", i), from, epoch)
	}
	const limit = 3000
	s := newSource(p.client(t, func(o *SourceOptions) { o.MaxSamples = limit }), DefaultOptions())
	bindings := []Binding{bindingOf("llm", "m", "m")}
	most, seen := 0, 0
	for begin := from; begin.Before(epoch); begin = begin.Add(time.Hour) {
		if err := s.load(t.Context(), bindings, begin, begin.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		most = max(most, s.window.Count())
		for _, series := range s.window.Select("vllm:num_requests_running") {
			seen += len(series.Between(begin, begin.Add(time.Hour)))
		}
	}
	if want := 10 * 3 * 240; seen != want {
		t.Errorf("want all %d samples of three hours, got %d", want, seen)
	}
	// 8 series per pod; an hour and the look-back, not three hours.
	if bound := 10 * 9 * (240 + 24); most > bound {
		t.Errorf("want at most %d samples held, got %d", bound, most)
	}
	if n := len(p.queries()); n < 6 || n > 150 {
		t.Errorf("want the hour cut into spans of about %d samples, got %d queries", limit, n)
	}
}

func TestLoadHalvesTheSpanWhenTheServerSaysTooMuch(t *testing.T) {
	p := newFaultProm(t, 1)
	vllmPod(t, p, "llm", "m", "m-0", epoch.Add(-time.Hour), epoch)
	p.breakWith(func(w http.ResponseWriter, r *http.Request) bool {
		for _, long := range []string{"[300s]", "[150s]", "[240s]"} {
			if strings.HasSuffix(r.Form.Get("query"), long) {
				return status(422, "application/json", `{"status":"error","errorType":"execution",`+
					`"error":"query processing would load too many samples into memory"}`)(w, r)
			}
		}
		return false
	})
	s := newSource(p.client(t), DefaultOptions())
	bindings := []Binding{bindingOf("llm", "m", "m")}
	if err := s.load(t.Context(), bindings, epoch.Add(-30*time.Minute), epoch); err != nil {
		t.Fatal(err)
	}
	if n := len(runningAt(s.window)); n < 120 {
		t.Errorf("want the whole half hour, got %d samples", n)
	}
	if len(s.faults) != 0 {
		t.Errorf("want no fault, got %v", s.faults)
	}
}

func TestReachSaysHowFarBackAndWhy(t *testing.T) {
	p := newFaultProm(t, 1)
	begin := epoch.Add(-20 * time.Hour)
	vllmPod(t, p, "llm", "m", "m-0", begin, epoch)
	for name, tc := range map[string]struct {
		budget time.Duration
		cost   time.Duration // of each look at the clock
		want   time.Duration // how far back, to a tenth
		says   string
	}{
		"history is short": {0, time.Millisecond, 20 * time.Hour, "history begins at"},
		"the source is too slow for all of it": {
			time.Second, 50 * time.Millisecond, 100 * time.Minute, "history is cut",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReader([]*Client{p.client(t)}, []Binding{bindingOf("llm", "m", "m")}, DefaultOptions())
			now := epoch
			clock := func() time.Time { now = now.Add(tc.cost); return now }
			got, err := r.Reach(t.Context(), epoch.Add(-7*24*time.Hour), epoch, tc.budget, clock)
			if err != nil {
				t.Fatal(err)
			}
			if back := epoch.Sub(got.From); back < tc.want*9/10 || back > tc.want*11/10 {
				t.Errorf("want %s back, got %s", tc.want, back)
			}
			if !strings.Contains(strings.Join(got.Texts, " "), tc.says) {
				t.Errorf("want %q, got %q", tc.says, got.Texts)
			}
			if got.Chunk < time.Minute || got.PerSecond <= 0 {
				t.Errorf("want a chunk and a density, got %+v", got)
			}
		})
	}
}
