package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// ticksPerSecond is USER_HZ, which Linux fixes for user space.
const ticksPerSecond = 100

// counters are what is counted before and after a measurement.
type counters struct {
	at                          time.Time
	server, apiserver, upstream float64 // CPU seconds
	queries, lists              float64
}

func (b *bench) count(ctx context.Context, s *server) (counters, error) {
	c := counters{at: time.Now()}
	spent := map[int]*float64{s.PID(): &c.server, b.APIServer.PID(): &c.apiserver, b.prometheusPID(): &c.upstream}
	for pid, to := range spent {
		v, err := cpu(pid)
		if err != nil {
			return c, err
		}
		*to = v
	}
	text, err := body(ctx, b.prometheus+"/metrics")
	if err != nil {
		return c, err
	}
	c.queries, err = total(text, "prometheus_http_requests_total", func(l map[string]string) bool {
		return strings.HasPrefix(l["handler"], "/api/v1/query") || l["handler"] == "/api/v1/series"
	})
	if err != nil {
		return c, err
	}
	text, err = b.Client.Discovery().RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return c, err
	}
	c.lists, err = total(text, "apiserver_request_total", func(l map[string]string) bool {
		return l["resource"] == "pods" && l["group"] == "" && l["verb"] == "LIST"
	})
	return c, err
}

// cpu is the seconds that a process has spent.
func cpu(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat: not understood", pid)
	}
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("/proc/%d/stat: not understood", pid)
	}
	return (user + system) / ticksPerSecond, nil
}

// memory is the resident memory of a process now and at most, in MiB.
func memory(pid int) (now, most string) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		kib, _ := strconv.Atoi(f[1])
		switch f[0] {
		case "VmRSS:":
			now = strconv.Itoa(kib >> 10)
		case "VmHWM:":
			most = strconv.Itoa(kib >> 10)
		}
	}
	return now, most
}

// total sums the series of a counter.
func total(text []byte, name string, fits func(map[string]string) bool) (float64, error) {
	p := expfmt.NewTextParser(model.UTF8Validation)
	families, err := p.TextToMetricFamilies(strings.NewReader(string(text)))
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for _, m := range families[name].GetMetric() {
		if fits(labelsOf(m)) {
			sum += m.GetCounter().GetValue()
		}
	}
	return sum, nil
}

func labelsOf(m *dto.Metric) map[string]string {
	out := map[string]string{}
	for _, l := range m.GetLabel() {
		out[l.GetName()] = l.GetValue()
	}
	return out
}

// cell is one row of the table.
type cell struct {
	place
	took     []time.Duration // of each request, sorted
	failed   int
	span     time.Duration
	from, to counters
	bytes    int64
}

// ask sends requests from some clients at once until the time is over: at least one
// from each, and three together.
func (b *bench) ask(ctx context.Context, s *server, p place) (*cell, error) {
	const accept = "application/vnd.kubernetes.protobuf"
	c := &cell{place: p}
	length := b.cell
	if s.most > 0 {
		length = min(length, s.most)
	}
	var err error
	if c.from, err = b.count(ctx, s); err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	start := time.Now()
	for range p.clients {
		client, url, err := b.client(s, p.path, p.pods, accept)
		if err != nil {
			return nil, err
		}
		all.Go(func() {
			for n := 0; (n*p.clients < 3 || time.Since(start) < length) && ctx.Err() == nil; n++ {
				took, size, err := request(ctx, client, url, accept)
				mu.Lock()
				c.took, c.bytes = append(c.took, took), size
				if err != nil {
					c.failed++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	c.span = time.Since(start)
	c.to, err = b.count(ctx, s)
	slices.Sort(c.took)
	return c, err
}

func request(ctx context.Context, client *http.Client, url, accept string) (time.Duration, int64, error) {
	start := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, 0, err
	}
	req.Header.Set("Accept", accept)
	r, err := client.Do(req)
	if err != nil {
		return time.Since(start), 0, err
	}
	defer func() { _ = r.Body.Close() }()
	n, err := io.Copy(io.Discard, r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s", r.Status)
	}
	return time.Since(start), n, err
}

// measure runs every adapter in turn and writes the tables.
func (b *bench) measure(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "%s, %d CPUs, %s, load %s\n\n", runtime.GOARCH, runtime.NumCPU(), cpuModel(), load())
	fmt.Fprintln(w, "| adapter | path | pods | clients | n | failed | min ms | p50 | p90 | p99 | req/s | CPU ms adapter "+
		"| apiserver | Prometheus | queries | LISTs | KiB "+
		"|\n|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	var idle []string
	rows := map[string]map[place]row{}
	for _, k := range kinds {
		if b.only != "" && !slices.Contains(strings.Split(b.only, ","), k.name) {
			continue
		}
		line, got, err := b.turn(ctx, w, k)
		if err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		idle, rows[k.name] = append(idle, line), got
	}
	fmt.Fprintln(w, "\n| adapter | CPU ms/s idle | apiserver | Prometheus | queries/s | RSS MiB idle | at most |\n"+
		"|---|---|---|---|---|---|---|")
	for _, line := range idle {
		fmt.Fprintln(w, line)
	}
	compare(w, b.places(), rows)
	_, err := fmt.Fprintf(w, "\nload at the end: %s\n", load())
	return err
}

// places are the rows of every adapter, in order.
func (b *bench) places() []place {
	var out []place
	for _, path := range []string{"direct", "aggregator"} {
		for _, n := range b.sizes {
			for _, clients := range b.clients {
				out = append(out, place{path, n, clients})
			}
		}
	}
	return out
}

// turn measures one adapter and stops it.
func (b *bench) turn(ctx context.Context, w io.Writer, k kind) (string, map[place]row, error) {
	fmt.Fprintln(os.Stderr, "starting", k.name)
	s, err := b.serve(ctx, k)
	if s != nil {
		defer func() { _ = s.Stop() }()
	}
	if err != nil {
		return "", nil, err
	}
	from, err := b.count(ctx, s)
	if err != nil {
		return "", nil, err
	}
	select {
	case <-ctx.Done():
		return "", nil, ctx.Err()
	case <-time.After(b.idle):
	}
	to, err := b.count(ctx, s)
	if err != nil {
		return "", nil, err
	}
	rss, _ := memory(s.PID())
	rows := map[place]row{}
	for _, p := range b.places() {
		c, err := b.ask(ctx, s, p)
		if err != nil {
			return "", nil, err
		}
		c.print(w, k.name)
		rows[p] = c.row()
	}
	_, most := memory(s.PID())
	per := to.at.Sub(from.at).Seconds()
	return fmt.Sprintf("| %s | %.1f | %.1f | %.1f | %.2f | %s | %s |", k.name, 1000*(to.server-from.server)/per,
		1000*(to.apiserver-from.apiserver)/per, 1000*(to.upstream-from.upstream)/per, (to.queries-from.queries)/per, rss,
		most), rows, nil
}

// at is a quantile of the requests' time, in milliseconds.
func (c *cell) at(q float64) float64 {
	return c.took[min(int(q*float64(len(c.took))), len(c.took)-1)].Seconds() * 1000
}

func (c *cell) print(w io.Writer, name string) {
	n := float64(len(c.took))
	per := func(a, b float64) float64 { return 1000 * (b - a) / n }
	fmt.Fprintf(w, "| %s | %s | %d | %d | %d | %d | %.2f | %.2f | %.2f | %.2f | %.1f | %.2f | %.2f | %.2f | %.3f | %.3f "+
		"| %d |\n",
		name, c.path, c.pods, c.clients, len(c.took), c.failed, c.at(0), c.at(.5), c.at(.9), c.at(.99), n/c.span.Seconds(),
		per(c.from.server, c.to.server), per(c.from.apiserver, c.to.apiserver), per(c.from.upstream, c.to.upstream),
		(c.to.queries-c.from.queries)/n, (c.to.lists-c.from.lists)/n, c.bytes>>10)
}

func cpuModel() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(name, "\t :"))
		}
	}
	return "unknown CPU"
}

func load() string {
	text, _ := os.ReadFile("/proc/loadavg")
	return strings.Join(strings.Fields(string(text))[:3], " ")
}
