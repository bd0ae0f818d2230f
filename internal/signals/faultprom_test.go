package signals

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// epoch is when the stories of these tests begin.
var epoch = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// faultProm is a Prometheus over HTTP: the real PromQL engine on series in
// memory, and faults on demand. The faults are seeded, so that a story can be
// told again.
type faultProm struct {
	srv    *httptest.Server
	engine *promql.Engine

	mu      sync.Mutex
	series  []memSeries
	fault   func(w http.ResponseWriter, r *http.Request) bool // true = answered
	asked   []string
	headers []http.Header
	forms   []map[string][]string
	warn    []string
	infos   []string
	rng     *rand.Rand
}

// fault answers in place of Prometheus; false = it let the request pass.
type fault func(http.ResponseWriter, *http.Request) bool

type memSeries struct {
	labels labels.Labels
	t      []int64
	v      []float64
}

func newFaultProm(tb testing.TB, seed uint64) *faultProm {
	tb.Helper()
	p := &faultProm{rng: rand.New(rand.NewPCG(seed, 1))}
	p.engine = promql.NewEngine(promql.EngineOpts{
		MaxSamples: 5_000_000, Timeout: time.Minute, LookbackDelta: 5 * time.Minute,
		EnableAtModifier: true, EnableNegativeOffset: true, Parser: parser.NewParser(parser.Options{}),
	})
	p.srv = httptest.NewServer(p)
	tb.Cleanup(func() {
		p.srv.Close()
		_ = p.engine.Close()
	})
	return p
}

// add stores samples of a series, given as PromQL writes it.
func (p *faultProm) add(tb testing.TB, metric string, samples ...Sample) {
	tb.Helper()
	ls, err := parser.NewParser(parser.Options{}).ParseMetric(metric)
	if err != nil {
		tb.Fatalf("parse %s: %v", metric, err)
	}
	s := memSeries{labels: ls}
	for _, x := range samples {
		s.t, s.v = append(s.t, x.T.UnixMilli()), append(s.v, x.V)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.series = append(p.series, s)
}

// every gives one sample per step in [from, to].
func every(step time.Duration, from, to time.Time, value func(i int) float64) []Sample {
	var out []Sample
	for i, at := 0, from; !at.After(to); i, at = i+1, at.Add(step) {
		out = append(out, Sample{T: at, V: value(i)})
	}
	return out
}

// always is a constant series.
func always(v float64) func(int) float64 { return func(int) float64 { return v } }

// breakWith sets the fault; nil heals.
func (p *faultProm) breakWith(f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

// queries are those asked so far.
func (p *faultProm) queries() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.asked...)
}

func (p *faultProm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	p.mu.Lock()
	p.asked = append(p.asked, r.Form.Get("query"))
	p.headers = append(p.headers, r.Header.Clone())
	p.forms = append(p.forms, r.Form)
	broken := p.fault
	p.mu.Unlock()
	if broken != nil && broken(w, r) {
		return
	}
	p.answer(w, r)
}

func (p *faultProm) answer(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var (
		q   promql.Query
		err error
	)
	if strings.HasSuffix(r.URL.Path, "/query_range") {
		step, _ := strconv.ParseFloat(r.Form.Get("step"), 64)
		q, err = p.engine.NewRangeQuery(r.Context(), p, nil, r.Form.Get("query"),
			unixTime(r.Form.Get("start")), unixTime(r.Form.Get("end")), time.Duration(step*float64(time.Second)))
	} else {
		q, err = p.engine.NewInstantQuery(r.Context(), p, nil, r.Form.Get("query"), unixTime(r.Form.Get("time")))
	}
	if err != nil {
		writeJSON(
			w, http.StatusBadRequest,
			map[string]any{"status": "error", "errorType": "bad_data", "error": err.Error()},
		)
		return
	}
	defer q.Close()
	res := q.Exec(r.Context())
	if res.Err != nil {
		writeJSON(w, http.StatusUnprocessableEntity,
			map[string]any{"status": "error", "errorType": "execution", "error": res.Err.Error()})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"status": "success", "warnings": p.warn, "infos": p.infos,
		"data": map[string]any{"resultType": res.Value.Type(), "result": resultJSON(res.Value)},
	})
}

func unixTime(s string) time.Time {
	f, _ := strconv.ParseFloat(s, 64)
	return time.UnixMilli(int64(f*1000 + 0.5)).UTC()
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func pointJSON(t int64, v float64) []any {
	return []any{float64(t) / 1000, strconv.FormatFloat(v, 'f', -1, 64)}
}

func resultJSON(v parser.Value) any {
	out := []map[string]any{}
	switch v := v.(type) {
	case promql.Matrix:
		for _, s := range v {
			values := make([][]any, 0, len(s.Floats))
			for _, f := range s.Floats {
				values = append(values, pointJSON(f.T, f.F))
			}
			out = append(out, map[string]any{"metric": s.Metric.Map(), "values": values})
		}
	case promql.Vector:
		for _, s := range v {
			out = append(out, map[string]any{"metric": s.Metric.Map(), "value": pointJSON(s.T, s.F)})
		}
	}
	return out
}

// Querier implements storage.Queryable.
func (p *faultProm) Querier(mint, maxt int64) (storage.Querier, error) {
	return memQuerier{p: p, mint: mint, maxt: maxt}, nil
}

type memQuerier struct {
	storage.LabelQuerier
	p          *faultProm
	mint, maxt int64
}

func (memQuerier) Close() error { return nil }

func (q memQuerier) Select(_ context.Context, _ bool, _ *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
	set := &memSet{at: -1}
	for _, s := range q.p.series {
		if !matchesAll(s.labels, ms) {
			continue
		}
		var in []chunks.Sample
		for i := range s.t {
			if s.t[i] >= q.mint && s.t[i] <= q.maxt {
				in = append(in, memSample{s.t[i], s.v[i]})
			}
		}
		if len(in) > 0 {
			set.all = append(set.all, storage.NewListSeries(s.labels, in))
		}
	}
	return set
}

// memSample is a float sample of the store.
type memSample struct {
	t int64
	v float64
}

func (s memSample) T() int64                    { return s.t }
func (memSample) ST() int64                     { return 0 }
func (s memSample) F() float64                  { return s.v }
func (memSample) H() *histogram.Histogram       { return nil }
func (memSample) FH() *histogram.FloatHistogram { return nil }
func (memSample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s memSample) Copy() chunks.Sample         { return s }

func matchesAll(ls labels.Labels, ms []*labels.Matcher) bool {
	for _, m := range ms {
		if !m.Matches(ls.Get(m.Name)) {
			return false
		}
	}
	return true
}

type memSet struct {
	all []storage.Series
	at  int
}

func (s *memSet) Next() bool                      { s.at++; return s.at < len(s.all) }
func (s *memSet) At() storage.Series              { return s.all[s.at] }
func (*memSet) Err() error                        { return nil }
func (*memSet) Warnings() annotations.Annotations { return nil }

// client connects to the fake with small caps and no patience.
func (p *faultProm) client(tb testing.TB, change ...func(*SourceOptions)) *Client {
	tb.Helper()
	opt := DefaultSourceOptions("default", p.srv.URL)
	opt.QueriesPerSecond, opt.Burst, opt.Retries = 1e6, 1e6, 0
	opt.MaxResponseBytes = 1 << 20
	for _, f := range change {
		f(&opt)
	}
	c, err := NewClient(opt)
	if err != nil {
		tb.Fatalf("build client: %v", err)
	}
	tb.Cleanup(c.Close)
	return c
}

// labelled writes a metric with labels from pairs, for series made in loops.
func labelled(name string, pairs ...string) string {
	parts := make([]string, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		parts = append(parts, fmt.Sprintf("%s=%q", pairs[i], pairs[i+1]))
	}
	return name + "{" + strings.Join(parts, ",") + "}"
}
