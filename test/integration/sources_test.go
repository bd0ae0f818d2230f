package integration

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// What stands at the other end of --prometheus is not always a Prometheus.
func TestSources(t *testing.T) {
	t.Parallel()

	t.Run("a page instead of an API", func(t *testing.T) {
		t.Parallel()
		page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, "<!DOCTYPE html><html><title>Sign in</title><body>Please sign in.</body></html>")
		}))
		t.Cleanup(page.Close)
		r := forewarm(t, "recommend", "--prometheus", page.URL)
		r.want(t, exitError)
		r.empty(t)
		says(t, "stderr", r.stderr, page.URL, "not a Prometheus", "text/html")
	})

	t.Run("a server of something else", func(t *testing.T) {
		t.Parallel()
		other := httptest.NewServer(http.NotFoundHandler())
		t.Cleanup(other.Close)
		r := forewarm(t, "recommend", "--prometheus", other.URL)
		r.want(t, exitError)
		r.empty(t)
		says(t, "stderr", r.stderr, other.URL, "not a Prometheus", "404")
	})

	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		url := nobody(t)
		r := forewarm(t, "recommend", "--prometheus", url)
		r.want(t, exitError)
		r.empty(t)
		says(t, "stderr", r.stderr, url, "refused", "check the URL")
		if r.took > 20*time.Second {
			t.Errorf("took %s to say that nobody listens", r.took)
		}
	})

	t.Run("a server that takes the connection and never answers", func(t *testing.T) {
		t.Parallel()
		release := make(chan struct{})
		slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}))
		t.Cleanup(func() { close(release); slow.Close() })
		file := configFile(t, fmt.Sprintf("sources: [{name: default, url: %q, timeout: 2s}]\n", slow.URL))
		r := forewarm(t, "recommend", "--config", file)
		r.want(t, exitError)
		r.empty(t)
		says(t, "stderr", r.stderr, slow.URL, "2s", "timeout")
		if r.took > 20*time.Second {
			t.Errorf("took %s with a timeout of 2 s", r.took)
		}
	})

	t.Run("a Prometheus that sees no engine", func(t *testing.T) {
		t.Parallel()
		prom := startPrometheus(t)
		for _, format := range []string{"table", "json"} {
			r := forewarm(t, "recommend", "--prometheus", prom.url, "-o", format)
			r.want(t, exitNoData)
			says(t, "stderr", r.stderr, prom.url, "vllm:num_requests_running", "sglang:num_running_reqs", "PodMonitor")
		}
	})

	t.Run("two sources, one of them down", func(t *testing.T) {
		t.Parallel()
		f := newFleet(t)
		f.add("calm", 2, 2, steady())
		prom, down := f.scrape(), nobody(t)
		file := configFile(t, fmt.Sprintf(twoSources, down, prom.url))
		out, r := recommend(t, "--config", file)
		r.want(t, exitOK)
		if v := out.model(t, "calm").only(t); v.String() != "2 now, 2 recommended, ok" {
			t.Errorf("calm: want 2 now, 2 recommended, ok; got %s: %s", v, v.Why)
		}
		if !mentions(out.Faults, "west", down) {
			t.Errorf("want a fault that names the source that is down, got %s", text(&out.Faults))
		}
		table := forewarm(t, "recommend", "--config", file)
		table.want(t, exitOK)
		says(t, "table", lineOf(table.stdout, "calm"), "calm", "req/s")
		says(t, "all output", table.stdout+table.stderr, "west", down, "refused")
	})

	t.Run("a model of the file whose source is down is shown beside one that is not", func(t *testing.T) {
		t.Parallel()
		f := newFleet(t)
		f.add("calm", 2, 2, steady())
		prom, down := f.scrape(), nobody(t)
		file := configFile(t, fmt.Sprintf(twoSources, down, prom.url)+"models:\n"+
			configured("calm", "east")+configured("lost", "west"))
		out, r := recommend(t, "--config", file)
		r.want(t, exitOK)
		if v := out.model(t, "calm").only(t); v.String() != "2 now, 2 recommended, ok" {
			t.Errorf("calm: want 2 now, 2 recommended, ok; got %s: %s", v, v.Why)
		}
		lost := out.model(t, "lost")
		if v := lost.only(t); v.String() != "unknown now, unknown recommended, no-answer" || v.Why == "" {
			t.Errorf("lost: want unknown now, unknown recommended, no-answer; got %s: %s", v, v.Why)
		}
		if lost.Pending != nil || lost.Work.Requests != nil || !mentions(lost.Faults, "west", down) {
			t.Errorf("lost: want nothing known, and a fault that names its source; got %s", lost)
		}
	})
}

const twoSources = "interval: 1s\nhistory: 1m\nsources:\n- {name: west, url: %q}\n- {name: east, url: %q}\n"

// configured is one model of a configuration file.
func configured(name, source string) string {
	return fmt.Sprintf(`- name: %[1]s
  namespace: %[1]s
  engine: vllm
  modelName: org/%[1]s
  source: %[2]s
  slo: {ttftP95: 2s}
  variants: [{name: %[1]s, target: {name: %[1]s}, replicas: {min: 1, max: 8}, gpus: {perReplica: 1}}]
`, name, source)
}

// nobody is the URL of a port that was free a moment ago.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return "http://" + l.Addr().String()
}
