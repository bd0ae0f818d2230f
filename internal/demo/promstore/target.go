package promstore

import (
	"fmt"
	"math"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
)

// TargetOptions describe a scraped endpoint.
type TargetOptions struct {
	Labels      map[string]string // job, instance, namespace, pod, container: added to every series
	HonorLabels bool              // a label of the exposition wins over the same label of the target
}

// Target is a scraped endpoint. As in Prometheus, each scrape adds an up sample, and a series that is no
// longer exposed gets a stale marker, so queries stop seeing it at once. Scrapes of one target must come
// in order of time and not concurrently; different targets may be scraped at once.
type Target struct {
	store *Store
	opts  TargetOptions
	up    labels.Labels
	known map[string]*entry // exposition text of a series to the series
	round uint64
	found []found
}

type entry struct {
	to    *series
	lset  labels.Labels
	round uint64 // of the last scrape that had it
}

type found struct {
	e *entry
	t millis
	v float64
}

// Target returns a new endpoint of the store.
func (s *Store) Target(opts TargetOptions) *Target {
	t := &Target{store: s, opts: opts, known: map[string]*entry{}}
	t.up = t.label(labels.FromStrings(model.MetricNameLabel, "up"))
	return t
}

// Scrape stores an exposition in the Prometheus text format as read at a moment. Text that does not parse
// stores nothing, counts as a failed scrape, and is an error.
func (t *Target) Scrape(at time.Time, exposition []byte) error {
	t.round++
	if err := t.parse(at.UnixMilli(), exposition); err != nil {
		t.Fail(at)
		return fmt.Errorf("parse exposition of %s: %w", t.up, err)
	}
	t.store.mu.Lock()
	defer t.store.mu.Unlock()
	for _, f := range t.found {
		t.store.append(t.in(f.e), f.t, f.v) // a duplicate within one exposition is dropped
	}
	t.markStale(at.UnixMilli(), t.round)
	t.report(at, 1)
	return nil
}

// Fail records that the endpoint did not answer: up is 0 and its series are stale.
func (t *Target) Fail(at time.Time) {
	t.store.mu.Lock()
	defer t.store.mu.Unlock()
	t.markStale(at.UnixMilli(), math.MaxUint64)
	t.report(at, 0)
}

// Close records that the endpoint is gone from discovery: its series and up are stale.
func (t *Target) Close(at time.Time) {
	t.store.mu.Lock()
	defer t.store.mu.Unlock()
	ms := at.UnixMilli()
	t.markStale(ms, math.MaxUint64)
	up := t.store.series(t.up)
	t.store.append(up, ms, staleNaN)
	up.seal()
}

var staleNaN = math.Float64frombits(value.StaleNaN)

// label adds the labels of the target. On a clash the target wins, and the series keeps its own value as
// exported_<name>; with HonorLabels the series wins.
func (t *Target) label(lset labels.Labels) labels.Labels {
	b := labels.NewBuilder(lset)
	for name, v := range t.opts.Labels {
		if own := lset.Get(name); own != "" {
			if t.opts.HonorLabels {
				continue
			}
			b.Set("exported_"+name, own)
		}
		b.Set(name, v)
	}
	return b.Labels()
}

// in is the series of an entry; the lock of the store is held.
func (t *Target) in(e *entry) *series {
	if e.to == nil || e.to.dead {
		e.to = t.store.series(e.lset)
	}
	return e.to
}

// markStale ends every known series not seen in the given round; the lock of the store is held.
func (t *Target) markStale(at millis, round uint64) {
	for text, e := range t.known {
		if e.round == round {
			continue
		}
		delete(t.known, text)
		if e.to != nil && !e.to.dead {
			t.store.append(e.to, at, staleNaN)
			e.to.seal()
		}
	}
}

func (t *Target) report(at time.Time, up float64) {
	t.store.append(t.store.series(t.up), at.UnixMilli(), up)
	t.store.prune()
}
