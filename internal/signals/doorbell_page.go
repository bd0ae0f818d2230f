package signals

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

const (
	pageTimeout = 900 * time.Millisecond // less than the second between two readings
	maxPage     = 8 << 20
	maxCopies   = 16 // addresses of one name
)

// page is the metrics page of a gateway, at every address of its name: each copy
// behind a headless Service has its own counts.
type page struct {
	url    *url.URL
	client *http.Client
	lookup func(ctx context.Context, host string) ([]string, error)
}

func newPage(raw string) *page {
	u, err := url.Parse(raw)
	if err != nil {
		u = &url.URL{} // refused by the configuration; a request to nowhere fails
	}
	return &page{
		url: u, lookup: net.DefaultResolver.LookupHost,
		client: &http.Client{
			Timeout: pageTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return errors.New("it redirects, which is not followed")
			},
			Transport: &http.Transport{
				TLSClientConfig: &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12},
				IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 1,
			},
		},
	}
}

func (p *page) close() { p.client.CloseIdleConnections() }

// fetch reads the wanted names at every address. An error says that at least one
// could not be read.
func (p *page) fetch(ctx context.Context, names []string) (map[string][]*Series, error) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	addresses, err := p.lookup(ctx, p.url.Hostname())
	if err != nil {
		return nil, fmt.Errorf("look up the gateway: %w", err)
	}
	slices.Sort(addresses)
	addresses = addresses[:min(len(addresses), maxCopies)]
	out := map[string][]*Series{}
	errs := make([]error, len(addresses))
	var mu sync.Mutex
	var all sync.WaitGroup
	for i, a := range addresses { // together: one that is gone must not use up the time of the others
		all.Go(func() {
			series, err := p.get(ctx, a, names)
			mu.Lock()
			defer mu.Unlock()
			if errs[i] = err; err == nil {
				out[a] = series
			}
		})
	}
	all.Wait()
	return out, errors.Join(errs...)
}

func (p *page) get(ctx context.Context, address string, names []string) ([]*Series, error) {
	at := *p.url
	port := at.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[at.Scheme]
	}
	at.Host = net.JoinHostPort(address, port)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("read the gateway: %w", err)
	}
	req.Host = p.url.Host
	req.Header.Set("Accept", "text/plain;version=0.0.4")
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("read the gateway: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("read the gateway: %s", resp.Status)
	}
	return parsePage(io.LimitReader(resp.Body, maxPage), names)
}

// parsePage reads the lines of the wanted names only. Types do not matter.
func parsePage(r io.Reader, names []string) ([]*Series, error) {
	var wanted bytes.Buffer
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		name := lines.Bytes()
		if i := bytes.IndexAny(name, "{ \t"); i > 0 && slices.Contains(names, string(name[:i])) {
			wanted.Write(lines.Bytes())
			wanted.WriteByte('\n')
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the gateway's page: %w", err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(&wanted)
	if err != nil {
		return nil, fmt.Errorf("parse the gateway's page: %w", err)
	}
	var out []*Series
	for name, f := range families {
		for _, m := range f.GetMetric() {
			v := m.GetUntyped().GetValue()
			if v != v || v > 1e15 { // not a number, or absurd
				continue
			}
			s := &Series{Metric: model.Metric{model.MetricNameLabel: model.LabelValue(name)}, Samples: []Sample{{V: v}}}
			for _, l := range m.GetLabel() {
				s.Metric[model.LabelName(l.GetName())] = model.LabelValue(l.GetValue())
			}
			out = append(out, s)
		}
	}
	return out, nil
}
