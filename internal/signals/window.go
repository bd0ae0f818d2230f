package signals

import (
	"math"
	"sort"
	"time"

	"github.com/prometheus/common/model"
)

// staleNaN is the bit pattern Prometheus writes when a target or series ends.
const staleNaN uint64 = 0x7ff0000000000002

// Sample is one raw sample with the timestamp it was scraped at.
type Sample struct {
	T time.Time
	V float64
}

// Series is one raw series within the window, samples ascending by time.
type Series struct {
	Metric  model.Metric
	Samples []Sample
}

// Name is the metric name.
func (s *Series) Name() string { return string(s.Metric[model.MetricNameLabel]) }

// Label is a label value, "" if absent.
func (s *Series) Label(name string) string { return string(s.Metric[model.LabelName(name)]) }

// Until returns the samples with timestamp <= at.
func (s *Series) Until(at time.Time) []Sample {
	n := sort.Search(len(s.Samples), func(i int) bool { return s.Samples[i].T.After(at) })
	return s.Samples[:n]
}

// Between returns the samples within (from, to].
func (s *Series) Between(from, to time.Time) []Sample {
	all := s.Until(to)
	n := sort.Search(len(all), func(i int) bool { return all[i].T.After(from) })
	return all[n:]
}

// IsStale says whether v is Prometheus' end-of-series mark. Range selectors do
// not return it, but remote stores may.
func IsStale(v float64) bool { return math.Float64bits(v) == staleNaN }

// Window holds raw samples of one source, by metric name. It is fed by loads
// that may overlap and arrive late; equal timestamps are kept once.
type Window struct {
	byName map[string]map[model.Fingerprint]*Series
	sorted map[string][]*Series
	count  int
}

// NewWindow returns an empty window.
func NewWindow() *Window {
	return &Window{byName: map[string]map[model.Fingerprint]*Series{}, sorted: map[string][]*Series{}}
}

// Add merges a matrix into the window and returns how many samples were new.
func (w *Window) Add(m model.Matrix) int {
	added := 0
	for _, stream := range m {
		name := string(stream.Metric[model.MetricNameLabel])
		if w.byName[name] == nil {
			w.byName[name] = map[model.Fingerprint]*Series{}
		}
		fp := stream.Metric.Fingerprint()
		s := w.byName[name][fp]
		if s == nil {
			s = &Series{Metric: stream.Metric}
			w.byName[name][fp] = s
			delete(w.sorted, name)
		}
		added += s.merge(stream.Values)
	}
	w.count += added
	return added
}

// merge appends newer samples; older ones are inserted where they belong.
func (s *Series) merge(values []model.SamplePair) int {
	added := 0
	for _, p := range values {
		t := p.Timestamp.Time().UTC()
		n := len(s.Samples)
		if n == 0 || t.After(s.Samples[n-1].T) {
			s.Samples = append(s.Samples, Sample{T: t, V: float64(p.Value)})
			added++
			continue
		}
		i := sort.Search(n, func(i int) bool { return !s.Samples[i].T.Before(t) })
		if s.Samples[i].T.Equal(t) {
			continue
		}
		s.Samples = append(s.Samples, Sample{})
		copy(s.Samples[i+1:], s.Samples[i:])
		s.Samples[i] = Sample{T: t, V: float64(p.Value)}
		added++
	}
	return added
}

// Trim forgets samples older than before, and series left empty.
func (w *Window) Trim(before time.Time) {
	for name, set := range w.byName {
		for fp, s := range set {
			n := sort.Search(len(s.Samples), func(i int) bool { return !s.Samples[i].T.Before(before) })
			w.count -= n
			if n == len(s.Samples) {
				delete(set, fp)
				delete(w.sorted, name)
				continue
			}
			if n > 0 {
				s.Samples = append(s.Samples[:0], s.Samples[n:]...)
			}
		}
	}
}

// Select returns the series of a metric name, in a stable order.
func (w *Window) Select(name string) []*Series {
	if s, ok := w.sorted[name]; ok {
		return s
	}
	out := make([]*Series, 0, len(w.byName[name]))
	for _, s := range w.byName[name] {
		out = append(out, s)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Metric.Before(out[j].Metric) })
	w.sorted[name] = out
	return out
}

// Count is how many samples the window holds.
func (w *Window) Count() int { return w.count }
