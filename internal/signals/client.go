package signals

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	promapi "github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"github.com/prometheus/sigv4"
)

// maxPoints is how many points per series Prometheus gives to a range query.
const maxPoints = 11000

// SourceOptions describe one Prometheus-compatible server and how gently to ask
// it. See DefaultSourceOptions.
type SourceOptions struct {
	Name            string
	URL             string // base URL; a path such as /prometheus belongs to it
	HTTP            promconfig.HTTPClientConfig
	SigV4           *sigv4.SigV4Config
	Tenant          string            // sent as X-Scope-OrgID (Mimir, Thanos, Cortex)
	QueryParameters map[string]string // sent with every request (dedup=true, ...)

	Timeout          time.Duration // of one query, retries included
	MaxResponseBytes int64         // of one body, after decompression
	MaxSeries        int           // of one result
	MaxSamples       int           // of one result
	QueriesPerSecond float64       // steady rate; bursts of Burst
	Burst            int
	Retries          int // after 429 and 503
}

// DefaultSourceOptions are safe for a shared Prometheus.
func DefaultSourceOptions(name, rawURL string) SourceOptions {
	return SourceOptions{
		Name: name, URL: rawURL, HTTP: promconfig.DefaultHTTPClientConfig,
		Timeout: 10 * time.Second, MaxResponseBytes: 64 << 20,
		MaxSeries: 50_000, MaxSamples: 500_000,
		QueriesPerSecond: 10, Burst: 20, Retries: 2,
	}
}

// withDefaults fills what was left zero, so that no cap is ever off by mistake.
func (o SourceOptions) withDefaults() SourceOptions {
	d := DefaultSourceOptions(o.Name, o.URL)
	fill(&o.Name, "default")
	fill(&o.Timeout, d.Timeout)
	fill(&o.MaxResponseBytes, d.MaxResponseBytes)
	fill(&o.MaxSeries, d.MaxSeries)
	fill(&o.MaxSamples, d.MaxSamples)
	fill(&o.QueriesPerSecond, d.QueriesPerSecond)
	fill(&o.Burst, d.Burst)
	return o
}

// fill sets a field that was left zero.
func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Client asks one source. Safe for concurrent use.
type Client struct {
	opt  SourceOptions
	base *url.URL
	api  promv1.API
	http *http.Client
	turn chan struct{} // see inTurn
}

// NewClient checks the options and builds the HTTP chain; it sends nothing
// (except that SigV4 resolves its credentials).
func NewClient(opt SourceOptions) (*Client, error) {
	opt = opt.withDefaults()
	base, err := parseBase(opt.URL)
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", opt.Name, err)
	}
	rt, err := newTransport(opt, base)
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", opt.Name, err)
	}
	hc := &http.Client{Transport: rt, CheckRedirect: checkRedirect(opt.HTTP.FollowRedirects)}
	ac, err := promapi.NewClient(promapi.Config{Address: base.String(), Client: hc})
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", opt.Name, err)
	}
	return &Client{opt: opt, base: base, api: promv1.NewAPI(inTurn{ac}), http: hc, turn: make(chan struct{}, 1)}, nil
}

// parseBase wants an absolute http(s) URL.
func parseBase(raw string) (*url.URL, error) {
	if raw == "" {
		return nil, errors.New("url: want http(s)://host:port, got nothing")
	}
	u, err := url.Parse(raw)
	if err != nil {
		// The parser's error repeats the input, which may carry credentials.
		return nil, errors.New("url: want http(s)://host:port, got something that does not parse")
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("url: want http(s)://host:port, got %q", redact(u))
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("url: want no query in %q; use queryParameters", redact(u))
	}
	return u, nil
}

// redact is the URL without credentials and parameters.
func redact(u *url.URL) string {
	c := *u
	c.User, c.RawQuery, c.Fragment = nil, "", ""
	return c.String()
}

// Name is the source's name.
func (c *Client) Name() string { return c.opt.Name }

// URL is the base URL without credentials, to be shown.
func (c *Client) URL() string { return redact(c.base) }

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Result is what a query gave. Warnings mean that something is missing (Thanos
// partial response); Infos are remarks.
type Result struct {
	Matrix   model.Matrix
	Samples  int
	Warnings []string
	Infos    []string
}

// Query evaluates at one moment. A range selector gives raw samples with the
// timestamps they were scraped at; a vector comes as one sample per series.
func (c *Client) Query(ctx context.Context, query string, at time.Time) (Result, error) {
	return c.ask(ctx, query, func(ctx context.Context, opts ...promv1.Option) (out answer, err error) {
		out.value, out.warnings, out.infos, err = c.api.Query(ctx, query, at, opts...)
		return out, err
	})
}

// QueryRange evaluates at every step of [from, to]; at most 11,000 steps.
func (c *Client) QueryRange(ctx context.Context, query string, from, to time.Time, step time.Duration) (Result, error) {
	r := promv1.Range{Start: from, End: to, Step: step}
	return c.ask(ctx, query, func(ctx context.Context, opts ...promv1.Option) (out answer, err error) {
		out.value, out.warnings, out.infos, err = c.api.QueryRange(ctx, query, r, opts...)
		return out, err
	})
}

// answer is what the API client returns.
type answer struct {
	value    model.Value
	warnings promv1.Warnings
	infos    promv1.Infos
}

type apiCall func(context.Context, ...promv1.Option) (answer, error)

// ask bounds a call in time and size and types its errors. One series more than
// allowed is asked for, so that a cut result is seen as such.
func (c *Client) ask(ctx context.Context, query string, call apiCall) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opt.Timeout)
	defer cancel()
	mine := &turn{mine: c.turn}
	defer mine.done()
	got, err := call(context.WithValue(ctx, turnKey{}, mine),
		promv1.WithTimeout(c.opt.Timeout), promv1.WithLimit(uint64(c.opt.MaxSeries)+1))
	if err != nil {
		return Result{}, c.classify(err, query)
	}
	m, ok := asMatrix(got.value)
	if !ok {
		return Result{}, c.classify(&SourceError{
			Kind: NotPrometheus,
			Text: "JSON without a query result; check that the URL is that of a Prometheus-compatible API",
		}, query)
	}
	if mine.read != nil {
		m = mine.read
	}
	r := Result{Matrix: m, Warnings: got.warnings, Infos: got.infos}
	for _, s := range m {
		r.Samples += len(s.Values)
	}
	if len(m) > c.opt.MaxSeries {
		return Result{}, c.overLimit(query, "series", len(m), c.opt.MaxSeries)
	}
	if r.Samples > c.opt.MaxSamples {
		return Result{}, c.overLimit(query, "samples", r.Samples, c.opt.MaxSamples)
	}
	return r, nil
}

// overLimit is a result that is larger than we are willing to hold.
func (c *Client) overLimit(query, what string, got, limit int) error {
	return c.classify(&SourceError{
		Kind: OverLimit,
		Text: fmt.Sprintf("%d %s, more than the limit of %d; scope models by namespace or job, or raise the limit",
			got, what, limit),
	}, query)
}

// asMatrix brings every result type into one form.
func asMatrix(v model.Value) (model.Matrix, bool) {
	switch v := v.(type) {
	case model.Matrix:
		return v, true
	case model.Vector:
		m := make(model.Matrix, 0, len(v))
		for _, s := range v {
			m = append(m, &model.SampleStream{
				Metric: s.Metric,
				Values: []model.SamplePair{{Timestamp: s.Timestamp, Value: s.Value}},
			})
		}
		return m, true
	case *model.Scalar:
		return model.Matrix{{Values: []model.SamplePair{{Timestamp: v.Timestamp, Value: v.Value}}}}, true
	}
	return nil, false
}
