package adapter

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	clientmodel "github.com/prometheus/client_model/go"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/component-base/metrics/legacyregistry"
)

// The kinds of requests.
const (
	pods     = "pods"
	objects  = "objects"
	external = "external"
)

// missing counts pods that were left out of answers, by why.
type missing struct{ unready, unknown, stale, early atomic.Uint64 }

// stats are the adapter's own metrics.
type stats struct {
	now      func() time.Time
	clock    func() time.Time // real time, for latencies
	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	age      *prometheus.HistogramVec
	owned    *prometheus.GaugeVec
	missing  missing
	omitted  *prometheus.Desc
}

func newStats(now, clock func() time.Time) *stats {
	name := func(n string) string { return "forewarm_adapter_" + n }
	return &stats{
		now: now, clock: clock,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: name("requests_total"), Help: "Requests answered, by kind and HTTP code.",
		}, []string{"kind", "code"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: name("request_duration_seconds"), Help: "Time to find an answer, without encoding and TLS.",
			Buckets: prometheus.ExponentialBuckets(1e-5, 4, 10),
		}, []string{"kind"}),
		age: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: name("sample_age_seconds"), Help: "Age of the oldest sample in an answer.",
			Buckets: []float64{1, 5, 10, 15, 20, 30, 45, 60, 90, 120, 300, 600},
		}, []string{"kind"}),
		owned: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: name("apiservice_owned"), Help: "1: the APIService is ours; 0: nobody's or somebody else's, see owner.",
		}, []string{"apiservice", "owner"}),
		omitted: prometheus.NewDesc(name("pods_missing_total"),
			"Pods left out of an answer: not ready, not known, sampled too long ago, or before they were ready.",
			[]string{"reason"}, nil),
	}
}

// begin starts a request; what it returns ends it.
func (s *stats) begin(kind string) func(oldest time.Time, err error) {
	start := s.clock()
	return func(oldest time.Time, err error) {
		s.latency.WithLabelValues(kind).Observe(s.clock().Sub(start).Seconds())
		s.requests.WithLabelValues(kind, codeOf(err)).Inc()
		if err == nil {
			s.age.WithLabelValues(kind).Observe(s.now().Sub(oldest).Seconds())
		}
	}
}

func codeOf(err error) string {
	switch {
	case err == nil:
		return "200"
	case apierrors.IsNotFound(err):
		return "404"
	case apierrors.IsBadRequest(err):
		return "400"
	case apierrors.IsServiceUnavailable(err):
		return "503"
	}
	return "500"
}

// Describe sends nothing: the library's metrics vary.
func (s *stats) Describe(chan<- *prometheus.Desc) {}

// Collect is our own metrics.
func (s *stats) Collect(ch chan<- prometheus.Metric) {
	for _, c := range []prometheus.Collector{s.requests, s.latency, s.age, s.owned} {
		c.Collect(ch)
	}
	for reason, n := range map[string]*atomic.Uint64{
		"not-ready": &s.missing.unready, "unknown": &s.missing.unknown,
		"stale": &s.missing.stale, "before-ready": &s.missing.early,
	} {
		ch <- prometheus.MustNewConstMetric(s.omitted, prometheus.CounterValue, float64(n.Load()), reason)
	}
}

// family is one metric of the library with all its series.
type family = clientmodel.MetricFamily

// gather is the metrics of the API server library, without those of the process,
// which the process itself has.
func gather() ([]*family, error) {
	all, err := legacyregistry.DefaultGatherer.Gather()
	kept := all[:0]
	for _, f := range all {
		if !strings.HasPrefix(f.GetName(), "go_") && !strings.HasPrefix(f.GetName(), "process_") {
			kept = append(kept, f)
		}
	}
	return kept, err
}
