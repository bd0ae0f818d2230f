package adapter

import (
	"context"
	"net/http"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/metrics/pkg/apis/external_metrics"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/provider"
)

// GetExternalMetric answers with an item per model that the selector means, of
// decisions an item per variant: an HPA adds them up. One that cannot be told makes
// it an error, because the sum would be too low.
func (s *Server) GetExternalMetric(
	_ context.Context, namespace string, selector labels.Selector, info provider.ExternalMetricInfo,
) (*external_metrics.ExternalMetricValueList, error) {
	done := s.stats.begin(external)
	out, oldest, err := s.externalValues(namespace, selector, info.Metric)
	done(oldest, err)
	return out, err
}

func (s *Server) externalValues(
	namespace string, selector labels.Selector, name string,
) (*external_metrics.ExternalMetricValueList, time.Time, error) {
	m, err := s.find(name)
	if err != nil {
		return nil, time.Time{}, err
	}
	x, err := s.index()
	if err != nil {
		return nil, time.Time{}, err
	}
	sp := x.spaces[namespace]
	if sp == nil {
		return nil, time.Time{}, refuse(http.StatusNotFound, "no model is served in namespace %s", namespace)
	}
	scopes := slices.DeleteFunc(sp.whole(), func(sc scope) bool { return !m.of(sc.model.view.Model.Engine) })
	if m.metric.name == Desired {
		scopes = apart(scopes)
	}
	scopes = selected(scopes, m, selector)
	if len(scopes) == 0 {
		return nil, time.Time{}, refuse(http.StatusNotFound,
			"no model in namespace %s matches %s: %s", namespace, selector, sp.names())
	}
	j := s.judge()
	out, oldest := &external_metrics.ExternalMetricValueList{}, j.now
	for _, sc := range scopes {
		v, err := j.of(m.metric, sc)
		if err != nil {
			return nil, time.Time{}, refuse(http.StatusServiceUnavailable, "%v", err)
		}
		set := sc.model.set
		if sc.variant >= 0 {
			set = sc.model.variants[sc.variant].set
		}
		out.Items = append(out.Items, external_metrics.ExternalMetricValue{
			MetricName: m.name, MetricLabels: set, Timestamp: metav1.Time{Time: v.at},
			WindowSeconds: j.seconds(m.metric), Value: quantity(v.v),
		})
		oldest = older(oldest, v.at)
	}
	return out, oldest, nil
}

// apart is the variants of some models.
func apart(scopes []scope) []scope {
	var out []scope
	for _, sc := range scopes {
		for i := range sc.model.variants {
			out = append(out, scope{sc.model, i})
		}
	}
	return out
}

// ListAllExternalMetrics is what discovery shows.
func (s *Server) ListAllExternalMetrics() []provider.ExternalMetricInfo {
	x, err := s.index()
	if err != nil {
		x = &index{}
	}
	var out []provider.ExternalMetricInfo
	for _, name := range s.names(x) {
		out = append(out, provider.ExternalMetricInfo{Metric: name})
	}
	return out
}
