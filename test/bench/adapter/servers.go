package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/forewarm/forewarm/test/plane"
)

// metric is what is asked for: one name for all servers.
const metric = "vllm:num_requests_waiting"

// service is what the certificates of all servers are for, and what the APIService
// points to.
const service = "adapter"

// server is one adapter under test, running.
type server struct {
	*plane.Process
	kind
	port int
}

// kind says how to run an adapter. All get the same certificate and account.
type kind struct {
	name  string
	most  time.Duration // of a row; 0 = as asked for
	start func(b *bench, port int, cert, key string) (plane.Command, error)
}

var kinds = []kind{
	{name: "forewarm", start: forewarmAdapter},
	{name: "floor", start: floorAdapter},
	{name: "prometheus-adapter", start: prometheusAdapter, most: 3 * time.Second}, // it does nothing every 15 s
}

func (b *bench) libraryArgs(port int, cert, key string) []string {
	k := b.Kubeconfig()
	return []string{
		"--lister-kubeconfig=" + k, "--authentication-kubeconfig=" + k, "--authorization-kubeconfig=" + k,
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", port), "--tls-cert-file=" + cert, "--tls-private-key-file=" + key,
		"--client-qps=5000", "--client-burst=5000", // its default of 5 would be all that is measured
	}
}

func prometheusAdapter(b *bench, port int, cert, key string) (plane.Command, error) {
	bin, err := plane.Tool(context.Background(), "prometheus-adapter")
	if err != nil {
		return plane.Command{}, err
	}
	file := filepath.Join(b.dir, "prometheus-adapter.yaml")
	rules := `rules:
- seriesQuery: '{__name__="vllm:num_requests_waiting",namespace!="",pod!=""}'
  resources: {overrides: {namespace: {resource: namespace}, pod: {resource: pod}}}
  metricsQuery: sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)
`
	return plane.Command{Name: "prometheus-adapter", Path: bin, Args: append(b.libraryArgs(port, cert, key),
			"--prometheus-url="+b.prometheus, "--config="+file, "--metrics-relist-interval=1m")},
		os.WriteFile(file, []byte(rules), 0o600)
}

func floorAdapter(b *bench, port int, cert, key string) (plane.Command, error) {
	args := append(b.libraryArgs(port, cert, key), "--prometheus="+b.prometheus)
	return plane.Command{Name: "floor", Path: b.floor, Args: args}, nil
}

func forewarmAdapter(b *bench, port int, cert, key string) (plane.Command, error) {
	var models strings.Builder
	for _, n := range b.sizes {
		fmt.Fprintf(&models, "- {name: %s, namespace: %[1]s, engine: vllm, modelName: org/%[1]s, slo: {ttftP95: 2s},\n"+
			"   variants: [{name: main, target: {name: vllm}, replicas: {min: 1, max: %d}}]}\n", namespace(n), n)
	}
	file := filepath.Join(b.dir, "forewarm.yaml")
	text := fmt.Sprintf("apiVersion: forewarm.dev/v1alpha1\nkind: Config\n"+
		"sources: [{name: default, url: %q, timeout: 60s, maxResponseBytes: 500000000}]\n"+
		"maxAge: 5m\nmodels:\n%s", b.prometheus, models.String())
	return plane.Command{Name: "forewarm", Path: b.forewarm, Args: []string{
		"serve", "--config", file, "--kubeconfig", b.Kubeconfig(), "--history", "0", "--listen-metrics", "",
		"--adapter-listen", fmt.Sprintf("127.0.0.1:%d", port), "--adapter-tls-cert", cert, "--adapter-tls-key", key,
		"--adapter-service", "bench/" + service,
	}}, os.WriteFile(file, []byte(text), 0o600)
}

// serve runs an adapter, makes it the cluster's, and waits until it answers for
// every pod, direct and through the aggregator.
func (b *bench) serve(ctx context.Context, k kind) (*server, error) {
	ports, err := plane.FreePorts(1)
	if err != nil {
		return nil, err
	}
	cert, key, err := b.ServerCert("adapter", service, service+".bench.svc")
	if err != nil {
		return nil, err
	}
	c, err := k.start(b, ports[0], cert, key)
	if err != nil {
		return nil, err
	}
	p, err := b.Start(c)
	if err != nil {
		return nil, err
	}
	s := &server{p, k, ports[0]}
	if err := b.own(ctx, ports[0]); err != nil {
		return s, err
	}
	for _, n := range b.sizes {
		for _, path := range []string{"direct", "aggregator"} {
			if err := b.awaitAll(ctx, s, path, n); err != nil {
				return s, fmt.Errorf("%d pods, %s: %w", n, path, err)
			}
		}
	}
	return s, nil
}

// awaitAll waits until a server answers for every pod.
func (b *bench) awaitAll(ctx context.Context, s *server, path string, pods int) error {
	client, url, err := b.client(s, path, pods, "application/json")
	if err != nil {
		return err
	}
	return s.WaitFor(ctx, 5*time.Minute, func(ctx context.Context) error { return answersFor(ctx, client, url, pods) })
}

// answersFor says whether a request brings a value for each pod.
func answersFor(ctx context.Context, client *http.Client, url string, pods int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	r, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = r.Body.Close() }()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	var list struct {
		Items []struct{} `json:"items"`
	}
	if err := json.Unmarshal(text, &list); err != nil || len(list.Items) != pods {
		return fmt.Errorf("want %d pods, got %d: %s %.300s", pods, len(list.Items), r.Status, text)
	}
	return nil
}

// own points the APIService at a port. The Service leads to localhost.
func (b *bench) own(ctx context.Context, port int) error {
	d, err := dynamic.NewForConfig(b.Config)
	if err != nil {
		return err
	}
	ca, err := os.ReadFile(b.CACert())
	if err != nil {
		return err
	}
	apply := func(gvr schema.GroupVersionResource, ns string, o map[string]any) error {
		u := &unstructured.Unstructured{Object: o}
		var ri dynamic.ResourceInterface = d.Resource(gvr)
		if ns != "" {
			ri = d.Resource(gvr).Namespace(ns)
		}
		_, err := ri.Apply(ctx, u.GetName(), u, metav1.ApplyOptions{FieldManager: "bench", Force: true})
		return err
	}
	if err := apply(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}, "", map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "bench"},
	}); err != nil {
		return err
	}
	if err := apply(schema.GroupVersionResource{Version: "v1", Resource: "services"}, "bench", map[string]any{
		"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": service, "namespace": "bench"},
		"spec": map[string]any{"type": "ExternalName", "externalName": "localhost"},
	}); err != nil {
		return err
	}
	return apply(schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"},
		"", map[string]any{
			"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
			"metadata": map[string]any{"name": "v1beta2.custom.metrics.k8s.io"},
			"spec": map[string]any{
				"group": "custom.metrics.k8s.io", "version": "v1beta2", "groupPriorityMinimum": int64(100),
				"versionPriority": int64(200),
				"service":         map[string]any{"namespace": "bench", "name": service, "port": int64(port)}, "caBundle": ca,
			},
		})
}

// client is how an HPA controller asks for the pods of a namespace.
func (b *bench) client(s *server, path string, pods int, accept string) (*http.Client, string, error) {
	cfg := rest.CopyConfig(b.Config)
	cfg.Timeout = time.Minute
	cfg.ContentType, cfg.AcceptContentTypes = accept, accept
	host := b.URL
	if path == "direct" {
		host = fmt.Sprintf("https://127.0.0.1:%d", s.port)
		cfg.Host = host
	}
	c, err := rest.HTTPClientFor(cfg)
	url := host + "/apis/custom.metrics.k8s.io/v1beta2/namespaces/" + namespace(pods) + "/pods/*/" + metric
	return c, url + "?labelSelector=app%3Dvllm", err
}
