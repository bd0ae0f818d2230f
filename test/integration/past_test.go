package integration

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/prompb"
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
	var all prompb.WriteRequest
	for _, s := range past.series {
		all.Timeseries = append(all.Timeseries, *s)
	}
	body, err := all.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.write(t.Context(), body); err != nil {
		t.Fatalf("write the past: %v", err)
	}
}

// write is Prometheus' remote write, version 1.
func (p *prometheus) write(ctx context.Context, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/api/v1/write", bytes.NewReader(snappy(body)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Content-Encoding", "snappy")
	req.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		text, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("%s: %s", resp.Status, text)
	}
	return nil
}

// snappy wraps bytes in the snappy block format without compressing them: the
// length, then literals of up to 64 KiB.
func snappy(b []byte) []byte {
	out := binary.AppendUvarint(nil, uint64(len(b)))
	for len(b) > 0 {
		n := min(len(b), 1<<16)
		out = append(out, 61<<2, byte(n-1), byte((n-1)>>8))
		out = append(out, b[:n]...)
		b = b[n:]
	}
	return out
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
