//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	prommodel "github.com/prometheus/common/model"

	"github.com/forewarm/forewarm/test/plane"
)

// prometheus is a real server that scrapes the engines once a second.
type prometheus struct {
	*plane.Process
	url string
	api promv1.API
}

// startPrometheus runs a server for the namespaces whose name starts with a prefix.
func startPrometheus(ctx context.Context, procs *plane.Processes, dir, name, sd, prefix string) (*prometheus, error) {
	bin, err := plane.Tool(ctx, "prometheus")
	if err != nil {
		return nil, err
	}
	ports, err := plane.FreePorts(1)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, name+".yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, `
global: {scrape_interval: 1s, scrape_timeout: 1s}
storage: {tsdb: {out_of_order_time_window: 30d}}
scrape_configs:
- job_name: engines
  http_sd_configs:
  - {url: 'http://%s/?namespace=%s', refresh_interval: 1s}
`, sd, prefix), 0o600); err != nil {
		return nil, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", ports[0])
	proc, err := procs.Start(plane.Command{Name: name, Path: bin, Args: []string{
		"--config.file=" + config, "--storage.tsdb.path=" + filepath.Join(dir, name),
		"--web.enable-remote-write-receiver", "--web.listen-address=" + address, "--storage.tsdb.retention.time=60d",
	}})
	if err != nil {
		return nil, err
	}
	p := &prometheus{Process: proc, url: "http://" + address}
	client, err := api.NewClient(api.Config{Address: p.url})
	if err != nil {
		return nil, err
	}
	p.api = promv1.NewAPI(client)
	return p, p.ready(ctx)
}

func (p *prometheus) ready(ctx context.Context) error {
	return p.WaitFor(ctx, time.Minute, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/-/ready", http.NoBody)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", p.url, resp.Status)
		}
		return nil
	})
}

// value is the sum of what a query returns; false if it returns nothing.
func (p *prometheus) value(ctx context.Context, query string) (float64, bool, error) {
	v, _, _, err := p.api.Query(ctx, query, time.Now())
	if err != nil {
		return 0, false, fmt.Errorf("query %s: %w", query, err)
	}
	vector, ok := v.(prommodel.Vector)
	if !ok {
		return 0, false, fmt.Errorf("query %s: want a vector, got %s", query, v.Type())
	}
	sum := 0.0
	for _, s := range vector {
		sum += float64(s.Value)
	}
	return sum, len(vector) > 0, nil
}

// queriesServed is how many queries the server has answered.
func (p *prometheus) queriesServed(ctx context.Context) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/metrics", http.NoBody)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	sum := 0.0
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), `prometheus_http_requests_total{`) && strings.Contains(lines.Text(), `handler="/api/v1/query`) {
			var n float64
			if _, err := fmt.Sscanf(lines.Text()[strings.LastIndex(lines.Text(), " "):], "%g", &n); err != nil {
				return 0, err
			}
			sum += n
		}
	}
	return sum, nil
}
