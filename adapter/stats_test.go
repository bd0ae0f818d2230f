package adapter

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/labels"
)

// TestOwnMetrics are about requests, ages and pods left out, and the library's
// freshness is among them.
func TestOwnMetrics(t *testing.T) {
	c, v := twoPods(t)
	loading := readyPod("llm", "c", "vllm")
	loading.Status.Conditions = nil
	c.put(loading)
	v.Input.Signals.Pods[0].Pending.Age = time.Hour
	w := start(t, c, snapshot(v), nil)
	custom, _ := w.hpa()
	all := custom.NamespacedMetrics("llm")
	if _, err := all.GetForObjects(podKind, labels.Everything(), "inference_pending_requests", labels.Everything()); err != nil {
		t.Fatal(err)
	}
	if _, err := all.GetForObject(deployment, "main", "inference_pending_requests", labels.Everything()); err == nil {
		t.Fatal("want an error")
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(w.server)
	got := map[string]float64{}
	for _, g := range []prometheus.Gatherer{reg, w.server} {
		families, err := g.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				key := f.GetName()
				for _, l := range m.GetLabel() {
					if n := l.GetName(); n == "kind" || n == "code" || n == "reason" {
						key += " " + l.GetValue()
					}
				}
				got[key] += m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	for key, want := range map[string]float64{
		"forewarm_adapter_requests_total 200 pods": 1, "forewarm_adapter_requests_total 503 objects": 1,
		"forewarm_adapter_request_duration_seconds pods": 1, "forewarm_adapter_sample_age_seconds pods": 1,
		"forewarm_adapter_pods_missing_total not-ready": 1, "forewarm_adapter_pods_missing_total stale": 1,
	} {
		if got[key] != want {
			t.Errorf("%s: want %g, got %g", key, want, got[key])
		}
	}
	if got["metrics_apiserver_metric_freshness_seconds"] == 0 {
		t.Error("want the library's freshness of what left")
	}
	if _, ok := got["go_goroutines"]; ok {
		t.Error("the process's metrics are the process's")
	}
}
