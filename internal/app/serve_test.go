package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/policy"
)

// resting is a clock whose sleepers wake at once for some turns; then it rests
// until the context ends.
type resting struct {
	mu    sync.Mutex
	now   time.Time
	turns int
}

func (c *resting) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *resting) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	c.turns--
	rest := c.turns < 0
	if !rest {
		c.now = c.now.Add(d)
	}
	c.mu.Unlock()
	if rest {
		<-ctx.Done()
	}
	return ctx.Err()
}

// diary is what happened, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) write(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *diary) read() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.lines)
}

// puppet is an output that a test leads.
type puppet struct {
	prometheus.Gauge
	name  string
	view  View
	diary *diary
	fails chan error    // Run returns what comes
	slow  chan struct{} // if not nil, Run ends only after it is closed
	sick  error
}

func (p *puppet) Name() string { return p.name }
func (p *puppet) Ready() error { return p.sick }
func (p *puppet) Run(ctx context.Context) error {
	p.diary.write("%s runs", p.name)
	select {
	case err := <-p.fails:
		return err
	case <-ctx.Done():
	}
	if p.slow != nil {
		<-p.slow
	}
	p.diary.write("%s ends", p.name)
	return nil
}

// stage is a Serve under test.
type stage struct {
	url  string
	stop context.CancelFunc
	done chan error
}

// perform starts a Serve and waits for its HTTP server.
func perform(t *testing.T, o ServeOptions, outputs ...*puppet) *stage {
	t.Helper()
	for _, p := range outputs {
		p.Gauge = prometheus.NewGauge(prometheus.GaugeOpts{Name: "puppet_" + p.name})
		o.Outputs = append(o.Outputs, func(v View) (Output, error) {
			p.view = v
			return p, nil
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	s := &stage{stop: cancel, done: make(chan error, 1)}
	addr := make(chan string, 1)
	o.Listen, o.Started = "127.0.0.1:0", func(a string) { addr <- a }
	go func() { s.done <- Serve(ctx, o) }()
	t.Cleanup(cancel)
	select {
	case a := <-addr:
		s.url = "http://" + a
	case err := <-s.done:
		t.Fatalf("it ended: %v", err)
	}
	return s
}

func (s *stage) get(t *testing.T, path string) (int, string) {
	t.Helper()
	r, err := http.Get(s.url + path)
	if err != nil {
		return 0, err.Error()
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	return r.StatusCode, string(body)
}

// until polls a condition that some goroutine is about to make true.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (s *stage) ready(t *testing.T) {
	t.Helper()
	until(t, "ready", func() bool { code, _ := s.get(t, "/readyz"); return code == http.StatusOK })
}

func (s *stage) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-s.done:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("it did not end")
		return nil
	}
}

func TestServeShowsDecisionsAndStopsInOrder(t *testing.T) {
	src := world(t, 20*time.Minute, service{namespace: "llm", name: "calm", pods: 2, rate: 2})
	d := &diary{}
	a, b := &puppet{name: "a", diary: d}, &puppet{name: "b", diary: d}
	clock := &resting{now: noon.Add(-2 * time.Minute), turns: 4}
	s := perform(t, ServeOptions{
		Options: Options{Prometheus: src, Now: clock.Now, QueryRate: 1000}, Clock: clock,
		Drain: 100 * time.Millisecond, Version: "v9",
		Show: func(r Report) { d.write("tick of %d", len(r.Models)) },
	}, a, b)
	s.ready(t)
	until(t, "a report", func() bool { code, _ := s.get(t, "/debug/decisions"); return code == http.StatusOK })

	var r Report
	if _, body := s.get(t, "/debug/decisions"); json.Unmarshal([]byte(body), &r) != nil || r.Models[0].Name != "org-calm" {
		t.Errorf("want the report, got %s", body)
	}
	_, metrics := s.get(t, "/metrics")
	for _, want := range []string{
		`forewarm_build_info{version="v9"} 1`, "forewarm_ready 1", "puppet_a 0", "forewarm_ticks_total ",
		`forewarm_desired_replicas{model="org-calm",namespace="llm",variant="calm"} `,
		`forewarm_input_age_seconds{model="org-calm",namespace="llm",signal="pending"} `,
		`forewarm_input_pods_known{model="org-calm",namespace="llm",signal="kv"} 2`, "go_goroutines ",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics: want %q in\n%s", want, metrics)
		}
	}
	snapshot := a.view.Snapshot()
	want := policy.Target{APIVersion: "apps/v1", Kind: "Deployment", Name: "calm"}
	if m := snapshot.Models[0].Model; m.Engine != "vllm" || m.Variants[0].Target != want {
		t.Errorf("want to know whom a decision is for, got %+v", m)
	}
	if a.view.HoldFor() != config.DefaultHoldFor || a.view.MaxAge() != config.DefaultMaxAge {
		t.Errorf("want the configured bounds, got %s and %s", a.view.HoldFor(), a.view.MaxAge())
	}

	s.stop()
	until(t, "readiness off while still serving", func() bool {
		code, text := s.get(t, "/readyz")
		return code == http.StatusServiceUnavailable && strings.Contains(text, "stopping") &&
			!slices.Contains(d.read(), "a ends")
	})
	if err := s.end(t); err != nil {
		t.Errorf("want an orderly end, got %v", err)
	}
	if code, _ := s.get(t, "/healthz"); code != 0 {
		t.Error("want nobody to listen after the end")
	}
	lines := d.read()
	if slices.Index(lines, "a runs") < 0 || slices.Index(lines, "a ends") < 0 || slices.Index(lines, "b ends") < 0 {
		t.Errorf("want both outputs to run and to end, got %v", lines)
	}
}

func TestServeIsReadyWithoutPrometheus(t *testing.T) {
	down, err := NewSource("http://127.0.0.1:1", Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	configured, err := config.Parse([]byte(`
apiVersion: forewarm.dev/v1alpha1
kind: Config
models:
- {name: mine, namespace: llm, engine: vllm, slo: {ttftP95: 1s},
   variants: [{name: calm, target: {name: calm}, replicas: {max: 9}}]}
`), Catalog())
	if err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]*config.Config{"models of the file": configured, "models to be found": nil} {
		t.Run(name, func(t *testing.T) {
			clock := &resting{now: noon, turns: 3}
			p := &puppet{name: "p", diary: &diary{}}
			o := Options{Config: cfg, Prometheus: &down, Now: clock.Now, QueryRate: 1000}
			s := perform(t, ServeOptions{Options: o, Clock: clock}, p)
			s.ready(t)
			if snap := p.view.Snapshot(); snap != nil && !snap.Plan.Decisions[0].Expired(noon, p.view.HoldFor()) {
				t.Errorf("want no answer without data, got %+v", snap.Plan)
			}
			s.stop()
			if err := s.end(t); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestServeEndsWithItsOutputs(t *testing.T) {
	src := world(t, 5*time.Minute, service{namespace: "llm", name: "calm", pods: 1, rate: 1})
	held := make(chan struct{})
	defer close(held)
	for name, tc := range map[string]struct {
		puppet puppet
		err    error // Run returns it; nil: the context ends
		says   string
	}{
		"one fails":              {puppet{}, errors.New("port taken"), "p: port taken"},
		"one ends by itself":     {puppet{fails: make(chan error)}, nil, "p: ended by itself"},
		"one does not stop":      {puppet{slow: held}, nil, "p: did not stop in time"},
		"a sick one holds ready": {puppet{sick: errors.New("no pods yet")}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := tc.puppet
			p.name, p.diary = "p", &diary{}
			fails := p.fails
			if tc.err != nil {
				fails = make(chan error, 1)
				fails <- tc.err
				p.fails = fails
			}
			clock := &resting{now: noon, turns: 1}
			s := perform(t, ServeOptions{
				Options: Options{Prometheus: src, Now: clock.Now, QueryRate: 1000}, Clock: clock, Stop: 50 * time.Millisecond,
			}, &p)
			switch {
			case p.sick != nil:
				until(t, "its reason", func() bool {
					_, text := s.get(t, "/readyz")
					return strings.Contains(text, "p: no pods yet")
				})
				s.stop()
			case tc.err == nil && fails != nil:
				close(fails)
			case p.slow != nil:
				s.ready(t)
				s.stop()
			}
			err := s.end(t)
			if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
				t.Errorf("want %q, got %v", tc.says, err)
			}
		})
	}
}

func TestServeRefusesBadOutputsAllAtOnce(t *testing.T) {
	src := world(t, 5*time.Minute, service{namespace: "llm", name: "calm", pods: 1, rate: 1})
	bad := func(text string) NewOutput { return func(View) (Output, error) { return nil, errors.New(text) } }
	err := Serve(t.Context(), ServeOptions{
		Options: Options{Prometheus: src}, Outputs: []NewOutput{bad("no certificate"), bad("no port")},
	})
	if err == nil || !strings.Contains(err.Error(), "no certificate") || !strings.Contains(err.Error(), "no port") {
		t.Errorf("want both reasons, got %v", err)
	}
}
