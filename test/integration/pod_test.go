package integration

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// dialect is which names of vLLM a pod exposes; the KV gauge was renamed in 0.9.2
// and both names were there until 0.11.
type dialect int

const (
	newNames dialect = iota
	oldNames
	bothNames
)

// load is what a fake pod reports. Gauges are reported as they are, rates move
// the counters with real time.
type load struct {
	running float64 // requests being served
	waiting float64 // requests queued in the engine
	kv      float64 // KV-cache use, 0..1 if all is well

	requests float64 // completed per second
	prompt   float64 // prompt tokens of one request
	output   float64 // output tokens of one request
	ttft     float64 // seconds to the first token, of every request

	growing float64 // requests that the queue grows by per second
	names   dialect
	stamped bool // samples carry timestamps of their own, as behind a cache or a bridge
}

// pod is one fake vLLM server.
type pod struct {
	namespace, name, model string
	server                 *httptest.Server

	mu    sync.Mutex
	load  load
	since time.Time // when load was set
	count counters  // as of since
	hung  chan struct{}
	dead  bool

	frozen time.Time // what is reported is of this moment from now on
}

// counters only grow.
type counters struct{ requests, prompt, output, ttft, waiting float64 }

func startPod(t *testing.T, namespace, name, model string, l load) *pod {
	t.Helper()
	p := &pod{namespace: namespace, name: name, model: model, load: l, since: processStart}
	p.count = counters{waiting: l.waiting} // and what was counted since the pod began:
	p.count.requests = l.requests * podAge.Seconds()
	p.count.prompt, p.count.output = p.count.requests*l.prompt, p.count.requests*l.output
	p.count.ttft = p.count.requests * l.ttft
	p.server = httptest.NewServer(http.HandlerFunc(p.metrics))
	t.Cleanup(func() {
		p.kill()
		p.server.Close()
	})
	return p
}

// target is how a PodMonitor would label the pod's series.
func (p *pod) target() target {
	return target{
		address: p.server.Listener.Addr().String(),
		labels: map[string]string{
			"job": p.namespace + "/vllm", "namespace": p.namespace, "pod": p.name,
			"container": "vllm", "endpoint": "metrics",
		},
		expose: func(w io.Writer, at time.Time) { p.expose(w, p.load, p.now(at)) },
	}
}

// set changes the load; counters keep what they counted.
func (p *pod) set(l load) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count = p.now(time.Now())
	p.count.waiting = l.waiting
	p.load, p.since = l, time.Now()
}

// kill drops every connection from now on. The port stays taken: a later fake that
// was given it would be scraped under this pod's name.
func (p *pod) kill() {
	p.resume()
	p.mu.Lock()
	p.dead = true
	p.mu.Unlock()
	p.server.CloseClientConnections()
}

// hang takes connections and answers none of them, until resume.
func (p *pod) hang() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hung == nil {
		p.hung = make(chan struct{})
	}
}

func (p *pod) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hung != nil {
		close(p.hung)
		p.hung = nil
	}
}

// restart begins the counters anew, as a container that was killed does.
func (p *pod) restart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count, p.since = counters{waiting: p.load.waiting}, time.Now()
}

// freeze repeats what is true now for ever. If samples are stamped, Prometheus
// sees that they are old; it writes no staleness mark and the target stays up.
func (p *pod) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = time.Now()
}

// now is the counters as of a moment.
func (p *pod) now(at time.Time) counters {
	passed := at.Sub(p.since).Seconds()
	done := p.load.requests * passed
	return counters{
		requests: p.count.requests + done,
		prompt:   p.count.prompt + done*p.load.prompt,
		output:   p.count.output + done*p.load.output,
		ttft:     p.count.ttft + done*p.load.ttft,
		waiting:  p.count.waiting + passed*p.load.growing,
	}
}

func (p *pod) metrics(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	at := time.Now()
	if !p.frozen.IsZero() {
		at = p.frozen
	}
	l, c, hung, dead := p.load, p.now(at), p.hung, p.dead
	p.mu.Unlock()
	if dead {
		panic(http.ErrAbortHandler) // the connection ends without an answer
	}
	if hung != nil {
		select {
		case <-hung:
		case <-r.Context().Done():
		}
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	var text strings.Builder
	p.expose(&text, l, c)
	for line := range strings.Lines(text.String()) {
		if l.stamped && !strings.HasPrefix(line, "#") {
			line = fmt.Sprintf("%s %d\n", strings.TrimSuffix(line, "\n"), at.UnixMilli())
		}
		fmt.Fprint(w, line)
	}
}

// expose writes what vLLM answers to a scrape, in its names and labels.
func (p *pod) expose(w io.Writer, l load, c counters) {
	who := `model_name=` + quote(p.model) + `,engine="0"`
	gauge(w, "vllm:num_requests_running", who, l.running)
	gauge(w, "vllm:num_requests_waiting", who, math.Floor(c.waiting))
	if l.names != newNames {
		gauge(w, "vllm:gpu_cache_usage_perc", who, l.kv)
	}
	if l.names != oldNames {
		gauge(w, "vllm:kv_cache_usage_perc", who, l.kv)
		fmt.Fprintln(w, "# TYPE vllm:num_requests_waiting_by_reason gauge")
		sample(w, "vllm:num_requests_waiting_by_reason", who+`,reason="capacity"`, math.Floor(c.waiting))
		sample(w, "vllm:num_requests_waiting_by_reason", who+`,reason="deferred"`, 0)
	}
	fmt.Fprintln(w, "# TYPE vllm:request_success_total counter")
	sample(w, "vllm:request_success_total", who+`,finished_reason="stop"`, math.Floor(c.requests))
	sample(w, "vllm:request_success_total", who+`,finished_reason="length"`, 0)
	fmt.Fprintln(w, "# TYPE vllm:prompt_tokens_total counter")
	sample(w, "vllm:prompt_tokens_total", who, math.Floor(c.prompt))
	fmt.Fprintln(w, "# TYPE vllm:generation_tokens_total counter")
	sample(w, "vllm:generation_tokens_total", who, math.Floor(c.output))
	const ttft = "vllm:time_to_first_token_seconds"
	fmt.Fprintln(w, "# TYPE "+ttft+" histogram")
	for _, le := range []float64{0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, math.Inf(1)} {
		n := 0.0
		if l.ttft <= le {
			n = math.Floor(c.requests)
		}
		sample(w, ttft+"_bucket", who+`,le="`+number(le)+`"`, n)
	}
	sample(w, ttft+"_sum", who, c.ttft)
	sample(w, ttft+"_count", who, math.Floor(c.requests))
}

func gauge(w io.Writer, name, labels string, v float64) {
	fmt.Fprintf(w, "# TYPE %s gauge\n", name)
	sample(w, name, labels, v)
}

func sample(w io.Writer, name, labels string, v float64) {
	fmt.Fprintf(w, "%s{%s} %s\n", name, labels, number(v))
}

// quote is a label value as the exposition format spells it: all but three bytes
// stand for themselves.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// number is a value as the exposition format spells it.
func number(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
