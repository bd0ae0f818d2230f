package adapter

import (
	"strings"
	"testing"
)

// TestOneAPIHasOneServer: KEDA's external metrics are left alone, and somebody
// else's custom metrics are said to be.
func TestOneAPIHasOneServer(t *testing.T) {
	const keda, pa = "keda/keda-operator-metrics-apiserver", "monitoring/prometheus-adapter"
	for name, tc := range map[string]struct {
		owners   map[string]string
		external bool
		err      string
		warns    []string
	}{
		"ours": {owners: map[string]string{
			"v1beta1.custom.metrics.k8s.io": "forewarm/forewarm", "v1beta2.custom.metrics.k8s.io": "forewarm/forewarm",
		}},
		"KEDA's external metrics are none of ours": {owners: map[string]string{
			"v1beta1.custom.metrics.k8s.io": "forewarm/forewarm", "v1beta2.custom.metrics.k8s.io": "forewarm/forewarm", externalAPI: keda,
		}},
		"KEDA's external metrics, wanted": {
			owners: map[string]string{externalAPI: keda}, external: true, err: keda,
			warns: []string{"v1beta1.custom.metrics.k8s.io does not exist", "v1beta2.custom.metrics.k8s.io does not exist"},
		},
		"external metrics whose owner may not be read": {
			owners: map[string]string{
				"v1beta1.custom.metrics.k8s.io": "forewarm/forewarm", "v1beta2.custom.metrics.k8s.io": "forewarm/forewarm",
				externalAPI: unreadable,
			},
			external: true, err: "grant get on apiservices",
		},
		"prometheus-adapter's custom metrics": {
			owners: map[string]string{"v1beta1.custom.metrics.k8s.io": pa, "v1beta2.custom.metrics.k8s.io": pa},
			warns:  []string{"v1beta1.custom.metrics.k8s.io belongs to " + pa, "v1beta2.custom.metrics.k8s.io belongs to " + pa},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.owners = tc.owners
			w := prepare(t, c, nil, func(o *Options) { o.External = tc.external })
			err := w.server.claim(t.Context())
			if (tc.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("want %q, got %v", tc.err, err)
			}
			for i, want := range tc.warns {
				if i >= len(w.warns) || !strings.Contains(w.warns[i], want) {
					t.Errorf("want a warning of %q, got %q", want, w.warns)
				}
			}
			if len(w.warns) != len(tc.warns) {
				t.Errorf("want %d warnings, got %q", len(tc.warns), w.warns)
			}
		})
	}
}

// TestRefusedExternalMetricsEndTheServer before it listens.
func TestRefusedExternalMetricsEndTheServer(t *testing.T) {
	c := newCluster(t)
	c.owners[externalAPI] = "keda/keda-operator-metrics-apiserver"
	w := prepare(t, c, nil, func(o *Options) { o.External = true })
	if err := w.server.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "leave external metrics off") {
		t.Errorf("want the remedy, got %v", err)
	}
}
