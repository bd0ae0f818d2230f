package scaler

import (
	grpcprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the scaler's own figures. None has a label that a caller chooses.
type metrics struct {
	calls       *grpcprom.ServerMetrics // grpc_server_*
	panics      prometheus.Counter
	connections prometheus.Gauge
	turnedAway  prometheus.Counter
	reloads     *prometheus.CounterVec
	expiry      prometheus.Gauge
	streams     prometheus.GaugeFunc
}

func newMetrics(s *Server) *metrics {
	return &metrics{
		calls: grpcprom.NewServerMetrics(grpcprom.WithServerHandlingTimeHistogram(
			grpcprom.WithHistogramBuckets([]float64{1e-4, 1e-3, 1e-2, 1e-1, 1}))),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "forewarm_scaler_panics_total", Help: "Calls that ended in a defect of ours.",
		}),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "forewarm_scaler_connections", Help: "Open connections of KEDA.",
		}),
		turnedAway: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "forewarm_scaler_connections_refused_total", Help: "Connections closed at once because too many were open.",
		}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "forewarm_scaler_tls_reloads_total", Help: "Changes of the TLS files, by result: ok, or refused and the old " +
				"ones kept.",
		}, []string{"result"}),
		expiry: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "forewarm_scaler_tls_expiry_timestamp_seconds", Help: "When the serving certificate expires.",
		}),
		streams: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "forewarm_scaler_streams", Help: "Streams held open, of pushes, specs and health.",
		}, func() float64 { return float64(s.streams.Load()) }),
	}
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.calls, m.panics, m.connections, m.turnedAway, m.reloads, m.expiry, m.streams}
}

// Describe makes a Server a prometheus.Collector.
func (s *Server) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range s.metrics.all() {
		c.Describe(ch)
	}
}

// Collect makes a Server a prometheus.Collector.
func (s *Server) Collect(ch chan<- prometheus.Metric) {
	for _, c := range s.metrics.all() {
		c.Collect(ch)
	}
}
