package adapter

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	apidiscovery "k8s.io/api/apidiscovery/v2"
	openapinamer "k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/metrics/legacyregistry"
	openapicommon "k8s.io/kube-openapi/pkg/common"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/apiserver"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/apiserver/metrics"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/cmd/options"
	generatedcore "sigs.k8s.io/custom-metrics-apiserver/pkg/generated/openapi/core"
	generatedcustom "sigs.k8s.io/custom-metrics-apiserver/pkg/generated/openapi/custommetrics"
	generatedexternal "sigs.k8s.io/custom-metrics-apiserver/pkg/generated/openapi/externalmetrics"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/provider"
)

// Server is the aggregated API server.
type Server struct {
	opts   Options
	view   View
	client kubernetes.Interface
	api    *genericapiserver.GenericAPIServer
	pods   *podSet
	stats  *stats
	owners map[string]string // by APIService; of the goroutine that looks

	current   atomic.Pointer[index]
	building  sync.Mutex
	listening atomic.Bool
}

var (
	_ provider.MetricsProvider = (*Server)(nil)
	_ prometheus.Collector     = (*Server)(nil)
)

// New builds the server. It reads the cluster's authentication settings, and
// listens from Run on.
func New(opts Options, view View) (*Server, error) {
	if err := opts.Check(); err != nil {
		return nil, fmt.Errorf("adapter: %w", err)
	}
	cfg, err := clientConfig(opts)
	if err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("adapter: build Kubernetes client: %w", err)
	}
	s := &Server{opts: opts, view: view, client: client, owners: map[string]string{}, stats: newStats(view.Now, realTime)}
	s.pods = newPodSet(client, s.namespaces, opts.warn)
	registerFreshness()
	if err := s.assemble(cfg); err != nil {
		return nil, fmt.Errorf("adapter: %w", err)
	}
	return s, nil
}

// clientConfig is how we ask the cluster.
func clientConfig(opts Options) (*rest.Config, error) {
	cfg, err := clientcmd.BuildConfigFromFlags("", opts.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("adapter: no cluster to serve: give --kubeconfig FILE, or run in a pod: %w", err)
	}
	cfg.QPS, cfg.Burst, cfg.UserAgent = opts.QPS, opts.Burst, "forewarm-adapter"
	cfg.ContentType = "application/vnd.kubernetes.protobuf"
	cfg.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	return cfg, nil
}

var registerFreshness = sync.OnceFunc(func() {
	_ = metrics.RegisterMetrics(legacyregistry.Register) // the only error is that it is registered already
})

// assemble makes the library's server: delegated authentication and authorisation,
// certificates that are read again, OpenAPI.
func (s *Server) assemble(cfg *rest.Config) error {
	o := options.NewCustomMetricsAdapterServerOptions()
	o.SecureServing.BindAddress, o.SecureServing.BindPort, _ = s.opts.address() // Check has read it
	o.SecureServing.Listener = s.opts.listener
	o.SecureServing.ServerCert.CertKey.CertFile = s.opts.CertFile
	o.SecureServing.ServerCert.CertKey.KeyFile = s.opts.KeyFile
	o.SecureServing.ServerCert.CertDirectory = "" // one made at start stays in memory
	ns, name, _ := strings.Cut(s.opts.Service, "/")
	host := name + "." + ns + ".svc"
	if err := o.SecureServing.MaybeDefaultWithSelfSignedCerts(host, []string{"localhost"}, nil); err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	o.Authentication.RemoteKubeConfigFile, o.Authorization.RemoteKubeConfigFile = s.opts.Kubeconfig, s.opts.Kubeconfig
	o.Features.EnableProfiling = false
	definitions := s.definitions()
	namer := openapinamer.NewDefinitionNamer(apiserver.Scheme)
	o.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(definitions, namer)
	o.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(definitions, namer)
	o.OpenAPIConfig.Info.Title, o.OpenAPIV3Config.Info.Title = "forewarm", "forewarm"
	if errs := o.Validate(); len(errs) > 0 {
		return errors.Join(errs...)
	}
	factory := informers.NewSharedInformerFactory(s.client, 0)
	serverConfig := genericapiserver.NewRecommendedConfig(apiserver.Codecs)
	serverConfig.ClientConfig, serverConfig.SharedInformerFactory = cfg, factory
	if err := o.ApplyTo(serverConfig); err != nil {
		return err
	}
	var externals provider.ExternalMetricsProvider
	if s.opts.External {
		externals = s
	}
	config := apiserver.Config{GenericConfig: &serverConfig.Config}
	server, err := config.Complete(factory).New("forewarm", s, externals)
	if err != nil {
		return err
	}
	s.api = server.GenericAPIServer
	s.api.AddPostStartHookOrDie("forewarm-listening", func(genericapiserver.PostStartHookContext) error {
		s.listening.Store(true)
		return nil
	})
	s.announce()
	return s.api.AddReadyzChecks(readiness{s})
}

// announce puts our groups into aggregated discovery, which the library leaves
// empty. Resources stay out: as there is none but subresources, clients would take
// the pods of pods/METRIC for a resource of ours.
func (s *Server) announce() {
	for _, api := range s.apis() {
		version, group, _ := strings.Cut(api, ".")
		s.api.AggregatedDiscoveryGroupManager.AddGroupVersion(group, apidiscovery.APIVersionDiscovery{
			Version: version, Freshness: apidiscovery.DiscoveryFreshnessCurrent,
		})
	}
}

func (s *Server) definitions() openapicommon.GetOpenAPIDefinitions {
	return func(ref openapicommon.ReferenceCallback) map[string]openapicommon.OpenAPIDefinition {
		out := generatedcore.GetOpenAPIDefinitions(ref)
		for k, v := range generatedcustom.GetOpenAPIDefinitions(ref) {
			out[k] = v
		}
		if s.opts.External {
			for k, v := range generatedexternal.GetOpenAPIDefinitions(ref) {
				out[k] = v
			}
		}
		return out
	}
}

// Name is the output's name.
func (s *Server) Name() string { return "adapter" }

// Ready is nil once pods are known and callers can be told apart. Prometheus has no
// say: an API without a server holds up the deletion of every namespace.
func (s *Server) Ready() error {
	if !s.listening.Load() {
		return errors.New("not listening yet")
	}
	if ca := s.api.SecureServingInfo.ClientCA; ca != nil && len(ca.CurrentCABundleContent()) == 0 {
		return errors.New("the cluster's certificate authorities are not known yet")
	}
	return s.synced()
}

func (s *Server) synced() error {
	if !s.pods.synced() {
		return errors.New("pods are not known yet")
	}
	return nil
}

// readiness is synced as the library's own /readyz asks for it.
type readiness struct{ *Server }

func (r readiness) Name() string              { return "pods" }
func (r readiness) Check(*http.Request) error { return r.synced() }

// Run serves until the context ends and requests in flight are answered.
func (s *Server) Run(ctx context.Context) error {
	if err := s.claim(ctx); err != nil {
		return err
	}
	background, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer stop()
	all.Go(func() { s.pods.run(background) })
	all.Go(func() { s.watchOwners(background) })
	defer s.listening.Store(false)
	return s.api.PrepareRun().RunWithContext(ctx)
}

// index is the newest snapshot arranged for requests. It is arranged anew by the
// first request that sees a new one.
func (s *Server) index() (*index, error) {
	snapshot := s.view.Snapshot()
	if snapshot == nil {
		return nil, refuse(http.StatusServiceUnavailable,
			"there is no decision yet: history is being read, or no source answers")
	}
	if x := s.current.Load(); x != nil && x.snapshot == snapshot {
		return x, nil
	}
	s.building.Lock()
	defer s.building.Unlock()
	if x := s.current.Load(); x != nil && x.snapshot == snapshot {
		return x, nil
	}
	x := newIndex(snapshot)
	s.current.Store(x)
	return x, nil
}

// namespaces are those that serve models.
func (s *Server) namespaces() ([]string, bool) {
	x, err := s.index()
	if err != nil {
		return nil, false
	}
	out := make([]string, 0, len(x.spaces))
	for ns := range x.spaces {
		out = append(out, ns)
	}
	slices.Sort(out)
	return out, true
}

func (s *Server) judge() judge {
	return judge{now: s.view.Now(), maxAge: s.view.MaxAge(), holdFor: s.view.HoldFor(), window: s.opts.RateWindow}
}

// Describe sends nothing: see Collect.
func (s *Server) Describe(ch chan<- *prometheus.Desc) { s.stats.Describe(ch) }

// Collect is our own metrics.
func (s *Server) Collect(ch chan<- prometheus.Metric) { s.stats.Collect(ch) }

// Gather is the metrics of the library that serves the API.
func (s *Server) Gather() ([]*family, error) { return gather() }
