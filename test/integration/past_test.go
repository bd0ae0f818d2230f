package integration

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/prompb"

	"github.com/forewarm/forewarm/test/remotewrite"
)

// pastStep is the scrape interval of the past; the live one is faster only
// because tests should be.
const pastStep = 15 * time.Second

// lostAgo is when former targets were lost: longer ago than any sample is
// believed by default.
const lostAgo = 3 * time.Minute

// remember writes into a server what it would have scraped from a fleet in the
// span up to now, so that a test may begin with a past.
func (p *prometheus) remember(t *testing.T, span time.Duration, f *fleet) {
	t.Helper()
	past := past{series: map[string]*prompb.TimeSeries{}, without: f.newborn}
	now := time.Now()
	for at := now.Add(-span); at.Before(now); at = at.Add(pastStep) {
		targets := f.targets
		if now.Sub(at) > lostAgo {
			targets = append(targets[:len(targets):len(targets)], f.former...)
		}
		for _, tg := range targets {
			var text bytes.Buffer
			tg.expose(&text, at)
			if err := past.scrape(tg, text.Bytes(), at.UnixMilli()); err != nil {
				t.Fatalf("parse the exposition of %s: %v", tg.address, err)
			}
		}
	}
	var all []prompb.TimeSeries
	for _, s := range past.series {
		all = append(all, *s)
	}
	if err := remotewrite.Write(t.Context(), p.url, all); err != nil {
		t.Fatal(err)
	}
}

// past gathers samples by series.
type past struct {
	series  map[string]*prompb.TimeSeries
	without []string // namespaces that did not exist
}

// scrape adds one exposition, labelled as Prometheus would.
func (p *past) scrape(tg target, text []byte, at int64) error {
	p.add(tg, labels.FromStrings(model.MetricNameLabel, "up"), at, 1)
	parser := textparse.NewPromParser(text, labels.NewSymbolTable(), false)
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var own labels.Labels
		parser.Labels(&own)
		_, _, v := parser.Series()
		p.add(tg, own, at, v)
	}
}

func (p *past) add(tg target, own labels.Labels, at int64, v float64) {
	b := labels.NewBuilder(own)
	b.Set("instance", tg.address)
	for name, value := range tg.labels {
		if tg.honor && own.Has(name) {
			continue
		}
		b.Set(name, value)
	}
	l := b.Labels()
	if slices.Contains(p.without, l.Get("namespace")) {
		return
	}
	id := l.String()
	if p.series[id] == nil {
		p.series[id] = &prompb.TimeSeries{Labels: prompb.FromLabels(l, nil)}
	}
	p.series[id].Samples = append(p.series[id].Samples, prompb.Sample{Timestamp: at, Value: v})
}
