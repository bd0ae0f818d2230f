package fleet

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// maxServices bounds the search.
const maxServices = 10_000

// usualNamespaces are searched where listing all Services is not allowed.
var usualNamespaces = []string{
	"monitoring", "prometheus", "observability", "kube-prometheus-stack", "openshift-monitoring", "metrics", "default",
}

// Service is a Prometheus-compatible Service in the cluster.
type Service struct {
	Namespace string
	Name      string
	Port      int32
	Path      string // of the API below the root
	Flavor    string // Prometheus, Thanos, Mimir, ...
	rank      int
}

// PortForward is the line that makes the Service reachable from a laptop.
func (s Service) PortForward() string {
	return fmt.Sprintf("kubectl --namespace %s port-forward service/%s %d:%d", s.Namespace, s.Name, s.local(), s.Port)
}

// LocalURL is the source's URL while PortForward runs.
func (s Service) LocalURL() string { return fmt.Sprintf("http://127.0.0.1:%d%s", s.local(), s.Path) }

// ClusterURL is the source's URL from within the cluster.
func (s Service) ClusterURL() string {
	return fmt.Sprintf("http://%s.%s:%d%s", s.Name, s.Namespace, s.Port, s.Path)
}

// local is a port that needs no privileges.
func (s Service) local() int32 {
	if s.Port < 1024 {
		return s.Port + 9000
	}
	return s.Port
}

// flavor is one kind of server: how its Services are named and labelled. Rows
// that see more (all shards, long history) come first.
type flavor struct {
	name  string
	path  string
	names []string // equal, or a suffix if it begins with '-'
	apps  []string // values of app.kubernetes.io/name or app
	ports []string // names or numbers of the port, best first
}

var flavors = []flavor{
	{
		name: "Thanos", names: []string{"thanos-query-frontend", "-thanos-query-frontend"},
		apps: []string{"thanos-query-frontend"}, ports: []string{"http", "9090", "10902"},
	},
	{
		name: "Thanos", names: []string{"thanos-query", "thanos-querier", "-thanos-query"},
		apps: []string{"thanos-query"}, ports: []string{"http", "web", "9090", "10902"},
	},
	{
		name: "Mimir", path: "/prometheus", names: []string{
			"mimir-gateway", "mimir-nginx", "mimir-query-frontend",
			"-mimir-gateway", "-mimir-nginx", "-mimir-query-frontend",
		}, ports: []string{"http-metrics", "http", "80", "8080"},
	},
	{
		name: "VictoriaMetrics", path: "/select/0/prometheus", names: []string{"vmselect", "-vmselect"},
		apps: []string{"vmselect"}, ports: []string{"http", "8481"},
	},
	{
		name: "VictoriaMetrics", names: []string{"vmsingle", "-vmsingle", "victoria-metrics-single-server"},
		apps: []string{"vmsingle", "victoria-metrics-single"}, ports: []string{"http", "8428", "8429"},
	},
	{
		name: "Prometheus", names: []string{
			"prometheus-k8s", "prometheus-server", "kube-prometheus-stack-prometheus", "prometheus",
			"-kube-prometheus-stack-prometheus", "-kube-prometheus-prometheus", "-prometheus-server",
		}, apps: []string{"kube-prometheus-stack-prometheus"}, ports: []string{"web", "http-web", "http", "9090", "80"},
	},
	{
		name: "Prometheus", names: []string{"prometheus-operated"}, ports: []string{"web", "http-web", "9090"},
	},
}

// FindPrometheus lists the usual Services, best first. None found is no error.
func (f *Fleet) FindPrometheus(ctx context.Context) ([]Service, error) {
	services, err := f.services(ctx, metav1.NamespaceAll)
	if apierrors.IsForbidden(err) {
		services, err = f.usualServices(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("look for Prometheus: %w", err)
	}
	var out []Service
	for i := range services {
		if s, ok := recognise(&services[i]); ok {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b Service) int {
		if a.rank != b.rank {
			return a.rank - b.rank
		}
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	return out, nil
}

// services lists in pages, up to maxServices.
func (f *Fleet) services(ctx context.Context, ns string) ([]corev1.Service, error) {
	var out []corev1.Service
	opts := metav1.ListOptions{Limit: pageSize}
	for {
		page, err := f.core.CoreV1().Services(ns).List(ctx, opts)
		if err != nil {
			return nil, fmt.Errorf("list services: %w", err)
		}
		out = append(out, page.Items...)
		if page.Continue == "" || len(out) >= maxServices {
			return out, nil
		}
		opts.Continue = page.Continue
	}
}

// usualServices searches namespace by namespace; only if none may be read is that
// an error.
func (f *Fleet) usualServices(ctx context.Context) ([]corev1.Service, error) {
	var out []corev1.Service
	var last error
	readable := false
	for _, ns := range usualNamespaces {
		services, err := f.services(ctx, ns)
		if err != nil {
			last = err
			continue
		}
		readable = true
		out = append(out, services...)
	}
	if !readable {
		return nil, last
	}
	return out, nil
}

// recognise matches a Service by name, else by label.
func recognise(s *corev1.Service) (Service, bool) {
	for rank, fl := range flavors {
		if !fl.matches(s) {
			continue
		}
		port, ok := choosePort(s.Spec.Ports, fl.ports)
		if !ok {
			return Service{}, false
		}
		return Service{
			Namespace: s.Namespace, Name: s.Name, Port: port, Path: fl.path, Flavor: fl.name, rank: rank,
		}, true
	}
	return Service{}, false
}

func (fl flavor) matches(s *corev1.Service) bool {
	for _, n := range fl.names {
		if s.Name == n || (strings.HasPrefix(n, "-") && strings.HasSuffix(s.Name, n)) {
			return true
		}
	}
	return slices.Contains(fl.apps, s.Labels["app.kubernetes.io/name"]) || slices.Contains(fl.apps, s.Labels["app"])
}

// choosePort takes the best named port, else the only one.
func choosePort(ports []corev1.ServicePort, wanted []string) (int32, bool) {
	for _, w := range wanted {
		for _, p := range ports {
			if p.Name == w || fmt.Sprint(p.Port) == w {
				return p.Port, true
			}
		}
	}
	if len(ports) == 1 {
		return ports[0].Port, true
	}
	return 0, false
}
