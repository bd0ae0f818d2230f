package signals

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

var (
	fixtureStart = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	fixtureAt    = fixtureStart.Add(70 * time.Second) // scrapes are at 0 s and 60 s
)

// fixture is an exposition, scraped as Prometheus would, behind the real PromQL
// engine.
type fixture struct {
	series map[string]*fixtureSeries
}

type fixtureSeries struct {
	labels  labels.Labels
	samples []chunks.Sample
}

type point struct {
	t int64
	v float64
}

func (p point) T() int64                      { return p.t }
func (p point) ST() int64                     { return 0 }
func (p point) F() float64                    { return p.v }
func (p point) H() *histogram.Histogram       { return nil }
func (p point) FH() *histogram.FloatHistogram { return nil }
func (p point) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (p point) Copy() chunks.Sample           { return p }

// loadFixture scrapes the sections of a file. A section begins with
//
//	# scrape at=60s namespace=llm pod=vllm-0 job=vllm instance=10.0.0.1:8000
//
// whose labels are the target's; "down" makes the scrape fail.
func loadFixture(t *testing.T, name string) *fixture {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".prom"))
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{series: map[string]*fixtureSeries{}}
	var header string
	var body strings.Builder
	flush := func() {
		if header != "" {
			f.scrape(t, header, body.String())
		}
		body.Reset()
	}
	sc := bufio.NewScanner(strings.NewReader(string(data)))
	for sc.Scan() {
		if h, ok := strings.CutPrefix(sc.Text(), "# scrape "); ok {
			flush()
			header = h
			continue
		}
		body.WriteString(sc.Text() + "\n")
	}
	flush()
	return f
}

// scrape stores one section under its target's labels, with up.
func (f *fixture) scrape(t *testing.T, header, body string) {
	t.Helper()
	target := map[string]string{}
	at, up := fixtureStart, 1.0
	for _, field := range strings.Fields(header) {
		k, v, _ := strings.Cut(field, "=")
		switch k {
		case "at":
			d, err := time.ParseDuration(v)
			if err != nil {
				t.Fatal(err)
			}
			at = fixtureStart.Add(d)
		case "down":
			up = 0
		default:
			target[k] = v
		}
	}
	f.add(labels.FromMap(withName(target, UpSeries)), at, up)
	if up == 0 {
		return
	}
	p := textparse.NewPromParser([]byte(body), labels.NewSymbolTable(), false)
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("parse section %q: %v", header, err)
		}
		if entry != textparse.EntrySeries {
			continue
		}
		_, _, v := p.Series()
		var exposed labels.Labels
		p.Labels(&exposed)
		f.add(attach(exposed, target), at, v)
	}
}

// attach joins exposed labels with those of the target, which win: honor_labels is
// false.
func attach(exposed labels.Labels, target map[string]string) labels.Labels {
	all := map[string]string{}
	exposed.Range(func(l labels.Label) {
		if _, clash := target[l.Name]; clash {
			all["exported_"+l.Name] = l.Value
			return
		}
		all[l.Name] = l.Value
	})
	for k, v := range target {
		all[k] = v
	}
	return labels.FromMap(all)
}

func withName(l map[string]string, name string) map[string]string {
	out := map[string]string{model.MetricNameLabel: name}
	for k, v := range l {
		out[k] = v
	}
	return out
}

func (f *fixture) add(l labels.Labels, at time.Time, v float64) {
	s := f.series[l.String()]
	if s == nil {
		s = &fixtureSeries{labels: l}
		f.series[l.String()] = s
	}
	s.samples = append(s.samples, point{at.UnixMilli(), v})
}

// Querier makes the fixture a storage.Queryable.
func (f *fixture) Querier(int64, int64) (storage.Querier, error) { return fixtureQuerier{f}, nil }

type fixtureQuerier struct{ f *fixture }

func (q fixtureQuerier) Select(
	_ context.Context, _ bool, _ *storage.SelectHints, ms ...*labels.Matcher,
) storage.SeriesSet {
	keys := make([]string, 0, len(q.f.series))
	for k := range q.f.series {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	var out []storage.Series
	for _, k := range keys {
		s := q.f.series[k]
		match := true
		for _, m := range ms {
			match = match && m.Matches(s.labels.Get(m.Name))
		}
		if match {
			out = append(out, storage.NewListSeries(s.labels, s.samples))
		}
	}
	return &fixtureSet{out, -1}
}

type fixtureSet struct {
	series []storage.Series
	i      int
}

func (s *fixtureSet) Next() bool                        { s.i++; return s.i < len(s.series) }
func (s *fixtureSet) At() storage.Series                { return s.series[s.i] }
func (s *fixtureSet) Err() error                        { return nil }
func (s *fixtureSet) Warnings() annotations.Annotations { return nil }

// LabelValues is not needed to query.
func (fixtureQuerier) LabelValues(
	context.Context, string, *storage.LabelHints, ...*labels.Matcher,
) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// LabelNames is not needed to query.
func (fixtureQuerier) LabelNames(
	context.Context, *storage.LabelHints, ...*labels.Matcher,
) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// Close has nothing to close.
func (fixtureQuerier) Close() error { return nil }

// query runs one instant query through the real engine.
func (f *fixture) query(t *testing.T, q string, at time.Time) parser.Value {
	t.Helper()
	engine := promql.NewEngine(promql.EngineOpts{
		MaxSamples: 100_000, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{}),
	})
	query, err := engine.NewInstantQuery(t.Context(), f, nil, q, at)
	if err != nil {
		t.Fatalf("query %s: %v", q, err)
	}
	defer query.Close()
	r := query.Exec(t.Context())
	if r.Err != nil {
		t.Fatalf("query %s: %v", q, r.Err)
	}
	if v, ok := r.Value.(promql.Vector); ok {
		return append(promql.Vector{}, v...)
	}
	return r.Value
}

// window loads what a binding needs by the very selectors that are sent.
func (f *fixture) window(t *testing.T, b Binding, at time.Time) *Window {
	t.Helper()
	w := NewWindow()
	for _, q := range rawQueries([]Binding{b}) {
		m, ok := f.query(t, over(q, 5*time.Minute), at).(promql.Matrix)
		if !ok {
			t.Fatalf("query %s: want a matrix", q)
		}
		w.Add(commonMatrix(m))
	}
	return w
}

// rawQueries are the selectors of raw samples for bindings.
func rawQueries(bindings []Binding) []string {
	var presets presetTable
	out := []string{selector([]string{UpSeries}, nil)}
	for _, g := range append(presets.engineGroups(bindings), presets.gatewayGroups(bindings)...) {
		out = append(out, selector(rawNames(g.preset), g.scope()))
	}
	return out
}

func commonMatrix(m promql.Matrix) model.Matrix {
	var out model.Matrix
	for _, s := range m {
		stream := &model.SampleStream{Metric: model.Metric{}}
		s.Metric.Range(func(l labels.Label) { stream.Metric[model.LabelName(l.Name)] = model.LabelValue(l.Value) })
		for _, p := range s.Floats {
			stream.Values = append(stream.Values, model.SamplePair{
				Timestamp: model.Time(p.T), Value: model.SampleValue(p.F),
			})
		}
		out = append(out, stream)
	}
	return out
}
