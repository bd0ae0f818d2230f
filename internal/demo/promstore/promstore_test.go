package promstore

import (
	"fmt"
	"math"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	promapi "github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

var epoch = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return epoch.Add(time.Duration(seconds * float64(time.Second)))
}

// client serves a store whose now is a fixed moment and returns the usual API client for it.
func client(t *testing.T, s *Store, now time.Time) v1.API {
	t.Helper()
	srv := httptest.NewServer(Handler(s, func() time.Time { return now }))
	t.Cleanup(srv.Close)
	c, err := promapi.NewClient(promapi.Config{Address: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	return v1.NewAPI(c)
}

func pod(s *Store, name string) *Target {
	return s.Target(TargetOptions{Labels: map[string]string{
		"namespace": "llm", "pod": name, "job": "vllm", "instance": name + ":8000", "container": "vllm",
	}})
}

func scrape(t *testing.T, target *Target, seconds float64, lines ...string) {
	t.Helper()
	if err := target.Scrape(at(seconds), []byte(strings.Join(lines, "\n")+"\n")); err != nil {
		t.Fatal(err)
	}
}

func query(t *testing.T, api v1.API, text string, when time.Time) string {
	t.Helper()
	v, warnings, _, err := api.Query(t.Context(), text, when)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if len(warnings) > 0 {
		t.Logf("%s: %v", text, warnings)
	}
	return v.String()
}

func TestInstantVector(t *testing.T) {
	s := New(0)
	a, b := pod(s, "a"), pod(s, "b")
	for i := range 10 {
		scrape(t, a, float64(15*i), `vllm:num_requests_running{model_name="org/m",engine="0"} `+fmt.Sprint(i))
		scrape(t, b, float64(15*i)+3, `vllm:num_requests_running{model_name="org/m",engine="0"} 1.5`)
	}
	api := client(t, s, at(140))
	want := `{container="vllm", engine="0", instance="a:8000", job="vllm", model_name="org/m", ` +
		`namespace="llm", pod="a"} => 9 @[1767603740]`
	if got := query(t, api, `vllm:num_requests_running{pod="a"}`, time.Time{}); !strings.Contains(got, want) {
		t.Errorf("default time: want %s, got %s", want, got)
	}
	if got := query(t, api, `sum(vllm:num_requests_running)`, at(45)); got != `{} => 4.5 @[1767603645]` {
		t.Errorf("at 45 s: want 3 of one pod and 1.5 of the other, got %s", got)
	}
	if got := query(t, api, `1/0`, at(0)); got != "scalar: +Inf @[1767603600]" {
		t.Errorf("infinity: got %s", got)
	}
	if got := query(t, api, `up`, at(600)); got != "" {
		t.Errorf("after the look-back: want nothing, got %s", got)
	}
}

func TestRangeSelectorHasTrueTimestamps(t *testing.T) {
	s := New(0)
	target := pod(s, "a")
	for i := range 300 {
		scrape(t, target, 15*float64(i)+0.25, fmt.Sprintf("c_total %d", i))
	}
	v, _, _, err := client(t, s, at(0)).Query(t.Context(), `c_total[1h]`, at(4499))
	if err != nil {
		t.Fatal(err)
	}
	m := v.(model.Matrix)
	if len(m) != 1 || len(m[0].Values) != 240 {
		t.Fatalf("want 1 series of 240 samples, got %v", m)
	}
	for i, p := range m[0].Values {
		if want := at(15*float64(i+60) + 0.25); !p.Timestamp.Time().Equal(want) || float64(p.Value) != float64(i+60) {
			t.Fatalf("sample %d: want %d at %s, got %v", i, i+60, want, p)
		}
	}
}

func TestQueryRange(t *testing.T) {
	s := New(0)
	target := pod(s, "a")
	for i := range 100 {
		scrape(t, target, 15*float64(i), fmt.Sprintf("c_total %d", 30*i))
	}
	r := v1.Range{Start: at(300), End: at(900), Step: time.Minute}
	v, _, _, err := client(t, s, at(0)).QueryRange(t.Context(), `rate(c_total[2m])`, r)
	if err != nil {
		t.Fatal(err)
	}
	m := v.(model.Matrix)
	if len(m) != 1 || len(m[0].Values) != 11 {
		t.Fatalf("want 1 series of 11 points, got %v", m)
	}
	for _, p := range m[0].Values {
		if math.Abs(float64(p.Value)-2) > 1e-9 {
			t.Errorf("want 2/s, got %v", p)
		}
	}
}

func TestHistogramQuantile(t *testing.T) {
	s := New(0)
	target := pod(s, "a")
	for i := range 20 {
		scrape(t, target, 15*float64(i),
			fmt.Sprintf(`ttft_bucket{le="0.1"} %d`, 50*i), fmt.Sprintf(`ttft_bucket{le="1.0"} %d`, 100*i),
			fmt.Sprintf(`ttft_bucket{le="+Inf"} %d`, 100*i), fmt.Sprintf(`ttft_sum %d`, 10*i),
			fmt.Sprintf(`ttft_count %d`, 100*i))
	}
	got := query(t, client(t, s, at(285)), `histogram_quantile(0.75, sum by (le) (rate(ttft_bucket[2m])))`, time.Time{})
	if !strings.HasPrefix(got, "{} => 0.55000000") {
		t.Errorf("want half way from 0.1 to 1, got %s", got)
	}
}

func TestStaleness(t *testing.T) {
	s := New(0)
	a, b := pod(s, "a"), pod(s, "b")
	for i := range 5 {
		scrape(t, a, 15*float64(i), "g 1", "extra 7")
		scrape(t, b, 15*float64(i), "g 1")
	}
	scrape(t, a, 75, "g 1") // extra is no longer exposed
	b.Fail(at(75))
	api := client(t, s, at(76))
	for text, want := range map[string]string{
		`count(g)`:   "{} => 1 @[1767603676]",
		`extra`:      "",
		`sum(up)`:    "{} => 1 @[1767603676]",
		`count(up)`:  "{} => 2 @[1767603676]",
		`extra[5m]`:  "x5",
		`g{pod="b"}`: "",
	} {
		got := query(t, api, text, time.Time{})
		if want == "x5" {
			if n := strings.Count(got, "7 @"); n != 5 {
				t.Errorf("%s: want 5 samples without the stale marker, got %s", text, got)
			}
			continue
		}
		if got != want {
			t.Errorf("%s: want %q, got %q", text, want, got)
		}
	}
	a.Close(at(90))
	if got := query(t, client(t, s, at(91)), `g or up{pod="a"}`, time.Time{}); got != "" {
		t.Errorf("after the pod is gone: want nothing, got %s", got)
	}
}

func TestRegexOnName(t *testing.T) {
	s := New(0)
	scrape(t, pod(s, "a"), 0, "vllm:num_requests_running 1", "vllm:num_requests_waiting 2", "other 3")
	api := client(t, s, at(1))
	got := query(t, api, `{__name__=~"vllm:num_requests_running|vllm:num_requests_waiting",namespace="llm"}`, time.Time{})
	if strings.Count(got, "=>") != 2 || strings.Contains(got, "other") {
		t.Errorf("want the two, got %s", got)
	}
	got = query(t, api, `count({__name__!~"vllm.*", job="vllm"})`, time.Time{})
	if !strings.HasPrefix(got, "{} => 2 @") {
		t.Errorf("want other and up, got %s", got)
	}
}

func TestMetadata(t *testing.T) {
	ctx := t.Context()
	s := New(0)
	scrape(t, pod(s, "a"), 0, `g{le="x"} 1`, "h 1")
	scrape(t, pod(s, "b"), 3600, "h 1")
	api := client(t, s, at(3600))

	series, _, _, err := api.Series(ctx, []string{`h`, `{pod="a"}`}, at(-10), at(10))
	if err != nil || len(series) != 3 {
		t.Errorf("series: want g, h and up of a, got %v, %v", series, err)
	}
	names, _, _, err := api.LabelNames(ctx, []string{`g`}, at(-10), at(10))
	if got := fmt.Sprint(names); err != nil || got != "__name__, container, instance, job, le, namespace, pod" {
		t.Errorf("labels: got %s, %v", got, err)
	}
	values, _, _, err := api.LabelValues(ctx, "pod", nil, at(-10), at(10))
	if got := fmt.Sprint(values); err != nil || got != "[a]" {
		t.Errorf("values early: want a, got %s, %v", got, err)
	}
	values, _, _, err = api.LabelValues(ctx, "pod", nil, time.Time{}, at(10_000))
	if got := fmt.Sprint(values); err != nil || got != "[a b]" {
		t.Errorf("values at any time: want both, got %s, %v", got, err)
	}
	if info, err := api.Buildinfo(ctx); err != nil || !strings.HasPrefix(info.Version, "3.") {
		t.Errorf("build info: got %v, %v", info, err)
	}
}
