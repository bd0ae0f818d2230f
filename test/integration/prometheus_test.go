package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"sigs.k8s.io/yaml"
)

const (
	scrapeInterval = time.Second
	// soon is within what anything that is scraped each second must show.
	soon = 30 * time.Second
)

// target is one thing to scrape, with the labels that service discovery and
// relabelling would have given it.
type target struct {
	address string
	labels  map[string]string
	honor   bool // labels of the exposition win, as for kube-state-metrics
	// expose writes what a scrape at a moment gets, for remember.
	expose func(w io.Writer, at time.Time)
}

// prometheus is a real server, on a port of its own choice.
type prometheus struct {
	*process
	url string
	api promv1.API
}

// startPrometheus starts a server that scrapes the targets once a second, waits
// until it is ready, and stops it when the test ends. Nothing outlives the test:
// not the process, not its data.
func startPrometheus(t *testing.T, targets ...target) *prometheus {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "prometheus.yaml")
	if err := os.WriteFile(path, prometheusConfig(t, targets), 0o600); err != nil {
		t.Fatal(err)
	}
	address := make(chan string, 1)
	p := &prometheus{process: startProcess(t, exec.Command(prometheusBinary, "--config.file="+path,
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.enable-remote-write-receiver",
		"--web.listen-address=127.0.0.1:0", "--log.format=json",
	), func(string) {}, func(line string) bool {
		var l struct{ Level, Msg, Address string }
		if json.Unmarshal([]byte(line), &l) == nil && l.Msg == "Listening on" {
			address <- l.Address
		}
		return l.Level != "INFO"
	})}
	select {
	case a := <-address:
		p.url = "http://" + a
	case <-p.exited:
		t.Fatalf("the Prometheus server ended at once: %s\n%s", p.cmd.ProcessState, p.stderr.String())
	case <-time.After(soon):
		t.Fatalf("the Prometheus server did not listen within %s\n%s", soon, p.stderr.String())
	}
	client, err := api.NewClient(api.Config{Address: p.url, RoundTripper: &http.Transport{DisableKeepAlives: true}})
	if err != nil {
		t.Fatal(err)
	}
	p.api = promv1.NewAPI(client)
	p.waitReady(t)
	return p
}

func (p *prometheus) waitReady(t *testing.T) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Second}
	eventually(t, soon, "the Prometheus server answers /-/ready", func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/-/ready", http.NoBody)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return errors.New(resp.Status)
		}
		return nil
	})
}

// query says whether an instant query returns anything now.
func (p *prometheus) query(ctx context.Context, promql string) (bool, error) {
	value, _, _, err := p.api.Query(ctx, promql, time.Now())
	if err != nil {
		return false, fmt.Errorf("query %s: %w", promql, err)
	}
	vector, ok := value.(model.Vector)
	if !ok {
		return false, fmt.Errorf("query %s: want a vector, got %s", promql, value.Type())
	}
	return len(vector) > 0, nil
}

// waitFor polls until the query returns something. Comparisons filter, so that
// `up == 0` waits for a target to be down.
func (p *prometheus) waitFor(t *testing.T, within time.Duration, promql string) {
	t.Helper()
	eventually(t, within, promql, func(ctx context.Context) error {
		ok, err := p.query(ctx, promql)
		if err == nil && !ok {
			return errors.New("no result")
		}
		return err
	})
}

// eventually polls until check returns nil, and fails the test if it never does.
func eventually(t *testing.T, within time.Duration, what string, check func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("waited %s for %s: %v", within, what, err)
		case <-tick.C:
		}
	}
}

// prometheusConfig writes one scrape job per way of treating labels.
func prometheusConfig(t *testing.T, targets []target) []byte {
	t.Helper()
	type object = map[string]any
	jobs := []object{}
	for _, honor := range []bool{false, true} {
		static := []object{}
		for _, tg := range targets {
			if tg.honor == honor {
				static = append(static, object{"targets": []string{tg.address}, "labels": tg.labels})
			}
		}
		jobs = append(jobs, object{
			"job_name": fmt.Sprintf("honor-labels-%t", honor), "honor_labels": honor, "static_configs": static,
		})
	}
	text, err := yaml.Marshal(object{
		"global":         object{"scrape_interval": scrapeInterval.String(), "scrape_timeout": scrapeInterval.String()},
		"scrape_configs": jobs,
		"storage":        object{"tsdb": object{"out_of_order_time_window": "2h"}}, // for remember
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}
