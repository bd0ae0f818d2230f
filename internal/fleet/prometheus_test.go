package fleet

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clienttesting "k8s.io/client-go/testing"
)

func service(ns, name string, port int32, labels map[string]string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name, Labels: labels},
		Spec: corev1.ServiceSpec{
			Ports: []corev1.ServicePort{{Name: "grpc", Port: 10901}, {Name: "http", Port: port}},
		},
	}
}

func TestFindPrometheusListsTheUsualServicesBestFirst(t *testing.T) {
	w := newWorld(
		service("monitoring", "prometheus-operated", 9090, nil), service(
			"monitoring", "kube-prometheus-stack-prometheus", 9090, nil,
		),
		service("thanos", "thanos-query-frontend", 9090, nil), service("obs", "mimir-gateway", 80, nil),
		service(
			"vm", "vmsingle-main", 8428, map[string]string{"app.kubernetes.io/name": "vmsingle"},
		), service("llm", "llama", 8000, nil),
	)
	found, err := w.FindPrometheus(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range found {
		line := strings.TrimPrefix(s.PortForward(), "kubectl --namespace ")
		url := strings.TrimPrefix(s.LocalURL(), "http://127.0.0.1")
		got = append(got, fmt.Sprintf("%s: %s, then %s", s.Flavor, line, url))
	}
	want := []string{
		"Thanos: thanos port-forward service/thanos-query-frontend 9090:9090, then :9090",
		"Mimir: obs port-forward service/mimir-gateway 9080:80, then :9080/prometheus",
		"VictoriaMetrics: vm port-forward service/vmsingle-main 8428:8428, then :8428",
		"Prometheus: monitoring port-forward service/kube-prometheus-stack-prometheus 9090:9090, then :9090",
		"Prometheus: monitoring port-forward service/prometheus-operated 9090:9090, then :9090",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("services (-want +got):\n%s", d)
	}
}

func TestFindPrometheusWhereOnlySomeNamespacesMayBeRead(t *testing.T) {
	w := newWorld(service("monitoring", "prometheus-operated", 9090, nil))
	w.core.PrependReactor("list", "services", func(a clienttesting.Action) (bool, runtime.Object, error) {
		if a.GetNamespace() == "monitoring" {
			return false, nil, nil
		}
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "services"}, "", nil)
	})
	found, err := w.FindPrometheus(t.Context())
	if err != nil || len(found) != 1 || found[0].ClusterURL() != "http://prometheus-operated.monitoring:9090" {
		t.Fatalf("want the one that may be read, got %+v, %v", found, err)
	}
}
