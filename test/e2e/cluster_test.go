//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/forewarm/forewarm/test/plane"
)

// cluster is what every story runs in. It is started once.
type cluster struct {
	*plane.Plane
	*objects
	dir       string
	engines   *engines
	prom      *prometheus
	troubled  map[string]*troubled // sources that can fail, in front of prom
	mortal    *prometheus          // a source that can be killed, for namespaces that start with "mortal"
	config    *configFile
	installed []*unstructured.Unstructured // the manifests
	*courses
	metricsAPI, scaler *plane.Service        // the Services forewarm and forewarm-scaler
	forewarm           *forewarm             // that is behind them; TestOperations has two
	keda               func() (*keda, error) // started when a story first needs it
	lws                func() error
}

// startCluster starts everything but KEDA. What it started must be stopped even after an error.
func startCluster(ctx context.Context, dir string) (*cluster, error) {
	c := &cluster{dir: dir, troubled: map[string]*troubled{}}
	c.keda = sync.OnceValues(func() (*keda, error) { return startKEDA(ctx, c) })
	c.lws = sync.OnceValue(func() error { return startLWS(ctx, c) })
	var err error
	if c.Plane, err = plane.Start(ctx, plane.Options{Dir: dir, Nodes: true}); err != nil {
		return c, err
	}
	if c.objects, err = newObjects(c.Config); err != nil {
		return c, err
	}
	if c.engines, err = startEngines(ctx, c.Client); err != nil {
		return c, err
	}
	if c.courses, err = watchCourses(ctx, c.Client); err != nil {
		return c, err
	}
	sd := c.engines.sd.addr
	if c.prom, err = startPrometheus(ctx, c.Processes, dir, "prometheus", sd, ""); err != nil {
		return c, err
	}
	if c.mortal, err = startPrometheus(ctx, c.Processes, dir, "prometheus-mortal", sd, "mortal"); err != nil {
		return c, err
	}
	sources := map[string]string{"default": c.prom.url, "mortal": c.mortal.url}
	for _, name := range []string{"reset", "empty", "nan", "stale", "silent", "never"} {
		if c.troubled[name], err = startTroubled(c.prom.url); err != nil {
			return c, err
		}
		sources["troubled-"+name] = "http://" + c.troubled[name].addr
	}
	if c.config, err = newConfigFile(filepath.Join(dir, "forewarm.yaml"), sources); err != nil {
		return c, err
	}
	return c, c.deploy(ctx)
}

// deploy installs Forewarm and starts a replica of it.
func (c *cluster) deploy(ctx context.Context) error {
	if err := c.install(ctx); err != nil {
		return err
	}
	var err error
	if c.metricsAPI, err = plane.NewService(); err != nil {
		return err
	}
	if c.scaler, err = plane.NewService(); err != nil {
		return err
	}
	if err := c.certificates(ctx); err != nil {
		return err
	}
	if c.forewarm, err = startForewarm(ctx, c, "forewarm"); err != nil {
		return err
	}
	c.join(c.forewarm)
	return nil
}

func (c *cluster) stop() error {
	for _, s := range []*plane.Service{c.metricsAPI, c.scaler} {
		if s != nil {
			s.Close()
		}
	}
	for _, t := range c.troubled {
		_ = t.srv.Close()
	}
	err := c.Stop()
	if c.engines != nil {
		c.engines.stop()
	}
	return err
}

// node adds a fake node with GPUs that only pods of a pool go to.
func (c *cluster) node(ctx context.Context, name, pool string, gpus int, labels map[string]string) error {
	extra := ""
	for k, v := range labels {
		extra += fmt.Sprintf("\n    %s: %q", k, v)
	}
	if err := c.applyText(ctx, "", fmt.Sprintf(`
apiVersion: v1
kind: Node
metadata:
  name: %s
  labels:
    type: kwok
    e2e.forewarm.dev/pool: %q%s
`, name, pool, extra)); err != nil {
		return err
	}
	return c.patch(ctx, "", "Node", name, fmt.Sprintf(
		`{"status":{"capacity":%[1]s,"allocatable":%[1]s}}`,
		fmt.Sprintf(`{"cpu":"512","memory":"4Ti","pods":"500","nvidia.com/gpu":"%d"}`, gpus)), "status")
}

// workDir is where keys, data and logs go: a new directory, because a run must not find what another one left. It is kept
// on failure, and always in FOREWARM_E2E_DIR.
func workDir() (string, error) {
	dir := os.Getenv("FOREWARM_E2E_DIR")
	if dir == "" {
		return os.MkdirTemp("", "forewarm-e2e-")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return os.MkdirTemp(dir, "run-")
}
