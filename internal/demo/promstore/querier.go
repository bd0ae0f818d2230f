package promstore

import (
	"context"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// Querier implements storage.Queryable; both ends of the range, in milliseconds, are inclusive.
func (s *Store) Querier(minT, maxT millis) (storage.Querier, error) {
	return &querier{store: s, minT: minT, maxT: maxT}, nil
}

type querier struct {
	store      *Store
	minT, maxT millis
}

// Select implements storage.Querier. Series are sorted whether asked for or not: results are then the
// same for the same data.
func (q *querier) Select(
	_ context.Context, _ bool, hints *storage.SelectHints, ms ...*labels.Matcher,
) storage.SeriesSet {
	minT, maxT := q.minT, q.maxT
	if hints != nil {
		minT, maxT = max(minT, hints.Start), min(maxT, hints.End)
	}
	views := q.views(minT, maxT, ms)
	slices.SortFunc(views, func(a, b *view) int { return labels.Compare(a.lset, b.lset) })
	if hints != nil && hints.Limit > 0 && len(views) > hints.Limit {
		views = views[:hints.Limit]
	}
	return &seriesSet{views: views}
}

// views takes the series that match and have samples around the range, in no particular order.
func (q *querier) views(minT, maxT millis, ms []*labels.Matcher) []*view {
	onName, onRest := split(ms)
	q.store.mu.RLock()
	defer q.store.mu.RUnlock()
	var views []*view
	take := func(list []*series) {
		for _, c := range list {
			if c.maxT >= minT && c.minT <= maxT && matchesAll(c.lset, onRest) {
				views = append(views, c.view(minT, maxT))
			}
		}
	}
	for _, m := range onName {
		if m.Type == labels.MatchEqual {
			if matchesName(m.Value, onName) {
				take(q.store.byName[m.Value])
			}
			return views
		}
	}
	for name, list := range q.store.byName {
		if matchesName(name, onName) {
			take(list)
		}
	}
	return views
}

// split separates the matchers on the metric name, which choose lists of series.
func split(ms []*labels.Matcher) (onName, onRest []*labels.Matcher) {
	for _, m := range ms {
		if m.Name == model.MetricNameLabel {
			onName = append(onName, m)
		} else {
			onRest = append(onRest, m)
		}
	}
	return onName, onRest
}

func matchesName(name string, ms []*labels.Matcher) bool {
	for _, m := range ms {
		if !m.Matches(name) {
			return false
		}
	}
	return true
}

func matchesAll(lset labels.Labels, ms []*labels.Matcher) bool {
	for _, m := range ms {
		if !m.Matches(lset.Get(m.Name)) {
			return false
		}
	}
	return true
}

// LabelValues implements storage.LabelQuerier.
func (q *querier) LabelValues(
	_ context.Context, name string, hints *storage.LabelHints, ms ...*labels.Matcher,
) ([]string, annotations.Annotations, error) {
	return q.collect(hints, ms, func(lset labels.Labels, add func(string)) {
		if v := lset.Get(name); v != "" {
			add(v)
		}
	}), nil, nil
}

// LabelNames implements storage.LabelQuerier.
func (q *querier) LabelNames(
	_ context.Context, hints *storage.LabelHints, ms ...*labels.Matcher,
) ([]string, annotations.Annotations, error) {
	return q.collect(hints, ms, func(lset labels.Labels, add func(string)) {
		lset.Range(func(l labels.Label) { add(l.Name) })
	}), nil, nil
}

// collect gathers distinct strings over the matching series, sorted.
func (q *querier) collect(
	hints *storage.LabelHints, ms []*labels.Matcher, visit func(labels.Labels, func(string)),
) []string {
	seen := map[string]struct{}{}
	add := func(s string) { seen[s] = struct{}{} }
	for _, w := range q.views(q.minT, q.maxT, ms) {
		visit(w.lset, add)
	}
	out := make([]string, 0, len(seen))
	for s := range seen {
		out = append(out, s)
	}
	slices.Sort(out)
	if hints != nil && hints.Limit > 0 && len(out) > hints.Limit {
		out = out[:hints.Limit]
	}
	return out
}

// Close implements storage.Querier; there is nothing to release.
func (q *querier) Close() error { return nil }

// seriesSet implements storage.SeriesSet.
type seriesSet struct {
	views []*view
	next  int
}

func (s *seriesSet) Next() bool {
	s.next++
	return s.next <= len(s.views)
}

func (s *seriesSet) At() storage.Series { return s.views[s.next-1] }

func (s *seriesSet) Err() error { return nil }

func (s *seriesSet) Warnings() annotations.Annotations { return nil }
