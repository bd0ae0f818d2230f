package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/fleet"
	"github.com/forewarm/forewarm/policy"
)

// Cluster reads replicas from the Kubernetes API; *fleet.Fleet does.
type Cluster interface {
	Load(ctx context.Context, at time.Time, workloads []fleet.Workload) error
	Supply(id policy.ModelID, at time.Time) ([]policy.Supply, []string, []policy.Fault, bool)
	Shape(ctx context.Context, namespace string, t fleet.Target) (fleet.Shape, error)
	FindPrometheus(ctx context.Context) ([]fleet.Service, error)
	Close() // ends what Load began
}

// clusterTimeout bounds one request to the Kubernetes API.
const clusterTimeout = 10 * time.Second

// ErrNoCluster says that there is no kubeconfig and that we are not in a pod.
var ErrNoCluster = errors.New("no kubeconfig: give --kubeconfig FILE")

// ConnectCluster uses a kubeconfig as kubectl would: the given file, else
// KUBECONFIG, else the one in the home directory, else the pod's own account.
func ConnectCluster(kubeconfig, kubeContext string) (Cluster, error) {
	return cluster(kubeconfig, kubeContext, fleet.New)
}

// WatchCluster is ConnectCluster for who reads again and again.
func WatchCluster(kubeconfig, kubeContext string) (Cluster, error) {
	return cluster(kubeconfig, kubeContext, fleet.Watch)
}

func cluster(
	kubeconfig, kubeContext string, open func(*rest.Config, fleet.Options) (*fleet.Fleet, error),
) (Cluster, error) {
	cfg, err := ClusterConfig(kubeconfig, kubeContext)
	if err != nil {
		return nil, err
	}
	f, err := open(cfg, fleet.DefaultOptions())
	if err != nil {
		return nil, err
	}
	return f, nil
}

// ClusterConfig is how a cluster is asked.
func ClusterConfig(kubeconfig, kubeContext string) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath, rules.WarnIfAllMissing = kubeconfig, false
	overrides := &clientcmd.ConfigOverrides{CurrentContext: kubeContext}
	cfg, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
	if clientcmd.IsEmptyConfig(err) {
		return nil, ErrNoCluster
	}
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	cfg.Timeout, cfg.UserAgent = clusterTimeout, "forewarm"
	cfg.QPS, cfg.Burst = 20, 40
	return cfg, nil
}

// FindPrometheus is a source in the cluster if we run inside, and else the
// ErrNoSource that says how to reach what was found.
func FindPrometheus(ctx context.Context, c Cluster) (config.Source, error) {
	services, err := c.FindPrometheus(ctx)
	if err != nil {
		return config.Source{}, fmt.Errorf("%w (%w)", ErrNoSource, err)
	}
	if len(services) > 0 && os.Getenv("KUBERNETES_SERVICE_HOST") != "" {
		return NewSource(services[0].ClusterURL(), Credentials{})
	}
	return config.Source{}, fmt.Errorf("%w%s", ErrNoSource, directions(services))
}

// directions are the lines to type for each Service that was found.
func directions(services []fleet.Service) string {
	if len(services) == 0 {
		return "; no Prometheus Service was recognised in the cluster either. With the Prometheus Operator it is\n" +
			"  kubectl --namespace monitoring port-forward service/prometheus-operated 9090:9090\n" +
			"and then --prometheus http://127.0.0.1:9090"
	}
	var b strings.Builder
	b.WriteString(". The cluster has:")
	for _, s := range services[:min(len(services), 5)] {
		fmt.Fprintf(&b, "\n%s %s/%s: run\n  %s\nand then --prometheus %s", s.Flavor, s.Namespace, s.Name, s.PortForward(),
			s.LocalURL())
	}
	return b.String()
}
