package integration

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/prompb"

	"github.com/forewarm/forewarm/test/remotewrite"
)

const (
	// chronicleStep is the scrape interval of the generated days.
	chronicleStep = 30 * time.Second
	// lead is how much before an hour its replicas are there, and how much longer those of the hour before stay.
	lead = 10 * time.Minute
	// startUp is from a pod's creation to its readiness.
	startUp = 3 * time.Minute
	// carried is what a replica carries, in requests/s; the configuration says so too.
	carried = 2.0
)

// chronicleDays is how many days are generated: three, or FOREWARM_TEST_BACKTEST_DAYS, to see what a long history takes.
// What is planted is in the first three.
func chronicleDays(t *testing.T) int {
	t.Helper()
	text := os.Getenv("FOREWARM_TEST_BACKTEST_DAYS")
	if text == "" {
		return 3
	}
	days, err := strconv.Atoi(text)
	if err != nil || days < 3 || days > 15 {
		t.Fatalf("FOREWARM_TEST_BACKTEST_DAYS: want 3 to 15 days, as many as the server keeps, got %q", text)
	}
	return days
}

// chronicle is some days of one model, hour by hour.
type chronicle struct {
	begin   time.Time
	span    time.Duration
	samples map[string]*prompb.TimeSeries
	done    [16]float64   // requests that each pod completed
	born    [16]time.Time // zero = the pod is not there
}

// rate is a day with its peak of 10 requests/s at noon and its trough of 4 at midnight.
func (c *chronicle) rate(at time.Time) float64 {
	hour := int(at.Sub(c.begin)/time.Hour) % 24
	return math.Round(7 - 3*math.Cos(2*math.Pi*float64(hour)/24))
}

// thin is the planted mistake: two hours about noon of the second day with 4 replicas for 10 requests/s.
func (c *chronicle) thin(at time.Time) bool {
	d := at.Sub(c.begin)
	return d >= 36*time.Hour && d < 38*time.Hour
}

// silent is when nothing was scraped: 90 minutes of the third day.
func (c *chronicle) silent(at time.Time) bool {
	d := at.Sub(c.begin)
	return d >= 51*time.Hour && d < 51*time.Hour+90*time.Minute
}

// replicas is how many pods there are.
func (c *chronicle) replicas(at time.Time) int {
	if c.thin(at) {
		return 4
	}
	most := 0
	for _, d := range []time.Duration{-lead, 0, lead} {
		if other := at.Add(d); !c.thin(other) {
			most = max(most, int(math.Ceil(c.rate(other)/carried)))
		}
	}
	return most
}

// write puts the whole of it into a server, half an hour at a time: a head takes nothing much older than its
// newest sample.
func (c *chronicle) write(t *testing.T, p *prometheus) {
	t.Helper()
	for from := c.begin; from.Before(c.begin.Add(c.span)); from = from.Add(30 * time.Minute) {
		c.samples = map[string]*prompb.TimeSeries{}
		for at := from; at.Before(from.Add(30 * time.Minute)); at = at.Add(chronicleStep) {
			c.scrape(at)
		}
		var all []prompb.TimeSeries
		for _, s := range c.samples {
			all = append(all, *s)
		}
		if err := remotewrite.Write(t.Context(), p.url, all); err != nil {
			t.Fatalf("write the chronicle from %s: %v", from, err)
		}
	}
}

func (c *chronicle) scrape(at time.Time) {
	n := c.replicas(at)
	var ready []int
	for i := range c.born {
		switch {
		case i >= n:
			c.born[i], c.done[i] = time.Time{}, 0
			continue
		case c.born[i].IsZero() && at.Equal(c.begin):
			c.born[i] = at.Add(-podAge)
		case c.born[i].IsZero():
			c.born[i] = at
		}
		if at.Sub(c.born[i]) >= startUp {
			ready = append(ready, i)
		}
	}
	each := c.rate(at) / float64(len(ready))
	for _, i := range ready {
		c.done[i] += each * chronicleStep.Seconds()
	}
	if c.silent(at) {
		return
	}
	c.kube(at, n, len(ready))
	for _, i := range ready {
		c.engine(at, "hist", i, each)
		c.engine(at, "bare", i, each) // the same fleet where nothing tells of replicas
	}
}

func (c *chronicle) kube(at time.Time, n, ready int) {
	from := []string{"namespace", "hist", "job", "kube-state-metrics"}
	c.add(at, float64(n), "kube_deployment_spec_replicas", append(from, "deployment", "hist")...)
	c.add(at, float64(ready), "kube_deployment_status_replicas_ready", append(from, "deployment", "hist")...)
	c.add(at, 1, "kube_replicaset_owner", append(from, "replicaset", "hist-5d4f8b6c7", "owner_kind", "Deployment",
		"owner_name", "hist", "owner_is_controller", "true")...)
	for i := range n {
		born := c.born[i]
		pod := append(from[:4:4], "pod", podName("hist", i), "uid", fmt.Sprintf("%d-%d", i, born.Unix()))
		c.add(at, 1, "kube_pod_owner", append(pod[:8:8], "owner_kind", "ReplicaSet", "owner_name", "hist-5d4f8b6c7",
			"owner_is_controller", "true")...)
		c.add(at, float64(born.Unix()), "kube_pod_created", pod...)
		up := at.Sub(born) >= startUp
		c.add(at, truth(up), "kube_pod_status_ready", append(pod[:8:8], "condition", "true")...)
		if up {
			c.add(at, float64(born.Add(startUp).Unix()), "kube_pod_status_ready_time", pod...)
		}
	}
}

func (c *chronicle) engine(at time.Time, namespace string, i int, each float64) {
	pod := podName(namespace, i)
	of := []string{"namespace", namespace, "pod", pod, "job", namespace + "/vllm", "instance", pod}
	c.add(at, 1, "up", of...)
	of = append(of, "model_name", "org/hist")
	waiting, slow := 0.0, false
	if each > carried*1.001 {
		waiting, slow = 40, true
	}
	c.add(at, 19*each, "vllm:num_requests_running", of...)
	c.add(at, waiting, "vllm:num_requests_waiting", of...)
	c.add(at, min(0.4*each, 1), "vllm:kv_cache_usage_perc", of...)
	c.add(at, c.done[i], "vllm:request_success_total", of...)
	c.add(at, 1000*c.done[i], "vllm:prompt_tokens_total", of...)
	c.add(at, 640*c.done[i], "vllm:generation_tokens_total", of...)
	for _, le := range []string{"0.25", "1", "10", "+Inf"} {
		n := c.done[i]
		if slow && le != "10" && le != "+Inf" {
			n = 0
		}
		c.add(at, n, "vllm:time_to_first_token_seconds_bucket", append(of[:10:10], "le", le)...)
	}
}

func (c *chronicle) add(at time.Time, v float64, name string, pairs ...string) {
	id := name
	for _, p := range pairs {
		id += "\x00" + p
	}
	s := c.samples[id]
	if s == nil {
		s = &prompb.TimeSeries{Labels: []prompb.Label{{Name: model.MetricNameLabel, Value: name}}}
		for i := 0; i < len(pairs); i += 2 {
			s.Labels = append(s.Labels, prompb.Label{Name: pairs[i], Value: pairs[i+1]})
		}
		slices.SortFunc(s.Labels, func(a, b prompb.Label) int { return strings.Compare(a.Name, b.Name) })
		c.samples[id] = s
	}
	s.Samples = append(s.Samples, prompb.Sample{Timestamp: at.UnixMilli(), Value: v})
}

// truths are what the days come to, on the moments that were scraped.
func (c *chronicle) truths() (replicaHours, requests, late float64) {
	for at := c.begin; at.Before(c.begin.Add(c.span)); at = at.Add(chronicleStep) {
		if c.silent(at) {
			continue
		}
		came := c.rate(at) * chronicleStep.Seconds()
		replicaHours += float64(c.replicas(at)) * chronicleStep.Hours()
		requests += came
		if ready := min(c.replicas(at), c.replicas(at.Add(-startUp))); float64(ready)*carried < c.rate(at) {
			late += came
		}
	}
	return replicaHours, requests, late
}

// backtestReport is what we read of the JSON output, spelled out because it is a contract with scripts.
type backtestReport struct {
	APIVersion, Kind string
	Models           []struct {
		Namespace, Name string
		Requests        float64
		Gaps            struct {
			Count   int
			Seconds float64
			Longest []struct{ From, To time.Time }
		}
		Capacity struct {
			Source string
			Low    float64 `json:"lowRequestsPerSecond"`
			High   float64 `json:"highRequestsPerSecond"`
		}
		WarmUp   struct{ Seconds float64 }
		Policies []struct {
			Name          string
			Figures       backtestFigures
			AtLowCapacity *backtestFigures
		}
	}
	Notes []string
}

type backtestFigures struct {
	ReplicaHours, GPUHours, USD, Misses *float64
	ColdStarts, Flaps                   *int
}

func backtestRun(t *testing.T, args ...string) (backtestReport, result) {
	t.Helper()
	longest := longestRun * time.Duration(chronicleDays(t)) / 3
	r := forewarmWithin(t, longest, append([]string{"backtest", "-o", "json"}, args...)...)
	r.want(t, exitOK)
	var out backtestReport
	if err := json.Unmarshal([]byte(r.stdout), &out); err != nil {
		t.Fatalf("decode the report: %v\n%s", err, r)
	}
	if out.Kind != "Backtest" || out.APIVersion != "forewarm.dev/v1alpha1" || len(out.Models) != 1 {
		t.Fatalf("want one model in a versioned Backtest, got %s", r)
	}
	return out, r
}

// Generated days, read back by the binary from a real server.
func TestBacktest(t *testing.T) {
	t.Parallel()
	prom := startPrometheus(t)
	end := time.Now().UTC().Truncate(time.Hour)
	span := time.Duration(chronicleDays(t)) * 24 * time.Hour
	c := &chronicle{begin: end.Add(-span), span: span}
	c.write(t, prom)
	at := end.Add(-time.Minute).Format(time.RFC3339)
	file := configFile(t, fmt.Sprintf(`sources: [{name: default, url: %q}]
models:
- name: hist
  namespace: hist
  engine: vllm
  modelName: org/hist
  slo: {ttftP95: 2s}
  variants:
  - name: hist
    target: {name: hist}
    replicas: {min: 1, max: 20}
    gpus: {perReplica: 2}
    price: {usdPerGPUHour: 3}
    warmUp: 3m
    capacity: {requestsPerSecond: %g}
`, prom.url, carried))

	t.Run("the fleet is told as it was, with capacity configured", func(t *testing.T) {
		t.Parallel()
		out, r := backtestRun(t, "--config", file, "--range", span.String(), "--at", at)
		c.checkFleet(t, out)
		if again, r2 := backtestRun(t, "--config", file, "--range", span.String(), "--at", at); r2.stdout != r.stdout {
			t.Errorf("want the same bytes again, got %v and %v", out, again)
		}
		t.Logf("%s took %s, %s of CPU and %s", span, r.took.Round(time.Millisecond), r.cpu, r.peak)
	})
	t.Run("what nobody configured is inferred, and shown as an interval", func(t *testing.T) {
		t.Parallel()
		page := filepath.Join(t.TempDir(), "report.html")
		out, _ := backtestRun(t, "--prometheus", prom.url, "-n", "hist", "--range", "72h", "--step", "30s", "--at", at, "--html", page)
		if html, err := os.ReadFile(page); err != nil || strings.Count(string(html), "<svg") != 7 {
			t.Errorf("want a page with 7 charts (trades, load, the fleet and four policies), got %d bytes (%v)", len(html), err)
		}
		m := out.Models[0]
		if m.Capacity.Source != "inferred" || m.Capacity.Low > carried*1.02 || m.Capacity.High < carried*0.98 {
			t.Errorf("want an inferred interval about %g requests/s, got %+v", carried, m.Capacity)
		}
		if m.WarmUp.Seconds != startUp.Seconds() {
			t.Errorf("want the %s that every pod took, got %g s", startUp, m.WarmUp.Seconds)
		}
		for _, p := range m.Policies {
			if p.AtLowCapacity == nil {
				t.Errorf("%s: want figures at the low end of the interval, got none", p.Name)
			}
		}
	})
	t.Run("without kube-state-metrics the pods that reported are the fleet", func(t *testing.T) {
		t.Parallel()
		out, _ := backtestRun(t, "--prometheus", prom.url, "-n", "bare", "--range", span.String(), "--step", "1m", "--at", at)
		hours, _, _ := c.truths() // but for the minutes of warm-up, in which a pod reports nothing
		if got := out.Models[0].Policies[0].Figures.ReplicaHours; got == nil || math.Abs(*got/hours-1) > 0.02 {
			t.Errorf("replica-hours: want %g within 2 %%, got %s", hours, text(got))
		}
	})
	t.Run("a range before everything has exit code 4", func(t *testing.T) {
		t.Parallel()
		early := c.begin.Add(-24 * time.Hour).Format(time.RFC3339)
		r := forewarm(t, "backtest", "--config", file, "--range", "2h", "--at", early)
		r.want(t, exitNoData)
	})
}

// checkFleet compares the report with what was generated.
func (c *chronicle) checkFleet(t *testing.T, out backtestReport) {
	t.Helper()
	hours, requests, late := c.truths()
	m := out.Models[0]
	rows := map[string]backtestFigures{}
	for _, p := range m.Policies {
		rows[p.Name] = p.Figures
	}
	fleet := rows["fleet"]
	if fleet.ReplicaHours == nil || math.Abs(*fleet.ReplicaHours/hours-1) > 0.02 {
		t.Fatalf("replica-hours: want %g within 2 %%, got %s", hours, text(fleet.ReplicaHours))
	}
	if want := *fleet.ReplicaHours * 6; fleet.USD == nil || math.Abs(*fleet.USD/want-1) > 1e-9 {
		t.Errorf("want $ %g at 2 GPUs of $ 3, got %s", want, text(fleet.USD))
	}
	if math.Abs(m.Requests/requests-1) > 0.02 {
		t.Errorf("requests: want %g within 2 %%, got %g", requests, m.Requests)
	}
	within := 0.1
	if c.span > 8*24*time.Hour {
		within = 0.3 // read minute by minute, every hour's change of replicas blurs
	}
	if want := late / requests; fleet.Misses == nil || math.Abs(*fleet.Misses/want-1) > within {
		t.Errorf("misses: want the planted %g within %g of it, got %s", want, within, text(fleet.Misses))
	}
	if g := m.Gaps; g.Count < 1 || len(g.Longest) == 0 || g.Seconds > 150*60 ||
		math.Abs(g.Longest[0].To.Sub(g.Longest[0].From).Minutes()-92) > 8 {
		t.Errorf("want a gap of about 90 minutes and little else, got %+v", g)
	}
	t.Logf("want %.2f replica-h, %.0f requests, misses %.3f %%; got %.2f, %.0f, %.3f %%; gaps %+v",
		hours, requests, 100*late/requests, *fleet.ReplicaHours, m.Requests, 100**fleet.Misses, m.Gaps)
	best := rows["optimum"].ReplicaHours
	for _, name := range []string{"fleet", "hpa", "keda-queue", "keda-kv", "forewarm"} {
		f := rows[name]
		if f.ReplicaHours == nil || f.Misses == nil || f.ColdStarts == nil || f.Flaps == nil || best == nil {
			t.Errorf("%s: want every figure, got %+v and optimum %s", name, f, text(best))
			continue
		}
		t.Logf("%-10s %7.1f replica-h, %.2f of the optimum, misses %.2f %%, %d cold starts, %d flaps",
			name, *f.ReplicaHours, *f.ReplicaHours / *best, 100**f.Misses, *f.ColdStarts, *f.Flaps)
	}
	if hpa := rows["hpa"]; best != nil && *hpa.Misses == 0 && *best > *hpa.ReplicaHours {
		t.Errorf("who misses nothing cannot be cheaper than the optimum %g, got hpa at %g", *best, *hpa.ReplicaHours)
	}
}
