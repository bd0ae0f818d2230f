//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	authv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/forewarm/forewarm/internal/app"
	"github.com/forewarm/forewarm/test/plane"
)

// configFile is Forewarm's configuration. Each story adds its models while Forewarm runs.
type configFile struct {
	path    string
	sources []object

	mu      sync.Mutex
	models  map[string]object // by namespace/name
	budgets map[string]object
}

type object = map[string]any

func newConfigFile(path string, sources map[string]string) (*configFile, error) {
	f := &configFile{path: path, models: map[string]object{}, budgets: map[string]object{}}
	for name, url := range sources {
		timeout := "10s" // the machine may be busy
		if name == "troubled-silent" {
			timeout = "2s" // a tick waits for the slowest source
		}
		f.sources = append(f.sources, object{"name": name, "url": url, "timeout": timeout})
	}
	return f, f.change(func() {})
}

// The pace of everything: shorter than in earnest, by the same factor throughout.
const (
	interval = 2 * time.Second
	maxAge   = 15 * time.Second
	holdFor  = 45 * time.Second
	lag      = 2 * time.Second
)

// change edits the configuration and replaces the file at once.
func (f *configFile) change(edit func()) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	edit()
	list := func(m map[string]object) []object {
		out := []object{}
		for _, v := range m {
			out = append(out, v)
		}
		return out
	}
	text, err := yaml.Marshal(object{
		"apiVersion": "forewarm.dev/v1alpha1", "kind": "Config", "sources": f.sources,
		"interval": interval.String(), "maxAge": maxAge.String(), "holdFor": holdFor.String(), "history": history.String(),
		"models": list(f.models), "budgets": list(f.budgets),
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(f.path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(f.path+".new", f.path)
}

// history is how far back Forewarm reads when it starts.
const history = 10 * time.Minute

// install applies the manifests as a user would, but for what has no place here: the Services lead to
// processes on loopback, and the APIServices name their ports. The pods are fakes of kwok, which shows that
// they are admitted; the processes run beside them with their ServiceAccount.
func (c *cluster) install(ctx context.Context) error {
	text, err := build(ctx, "manifests/keda")
	if err != nil {
		return err
	}
	if c.installed, err = decode(text); err != nil {
		return err
	}
	if err := c.node(ctx, "node-system", "system", 0, nil); err != nil {
		return err
	}
	for _, o := range c.installed {
		if group := o.GroupVersionKind().Group; group == "keda.sh" || group == "apiregistration.k8s.io" || o.GetKind() == "Service" {
			continue
		}
		if err := c.apply(ctx, "", false, o); err != nil {
			return err
		}
	}
	return c.apply(ctx, "", false, toLoopback("forewarm", "forewarm"))
}

// issue runs `forewarm certs` on a directory and returns what it prints, with APIServices that lead to a port.
func issue(ctx context.Context, dir string, port int, flags ...string) ([]*unstructured.Unstructured, error) {
	args := append([]string{"certs", dir, "--host", "localhost"}, flags...)
	cmd := exec.CommandContext(ctx, forewarmBinary, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("forewarm certs: %w: %s", err, stderr.String())
	}
	all, err := decode(text)
	if err != nil {
		return nil, err
	}
	for _, o := range all {
		if o.GetKind() != "APIService" {
			continue
		}
		if err := unstructured.SetNestedField(o.Object, int64(port), "spec", "service", "port"); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// certificates applies what `forewarm certs` prints where KEDA is not running yet.
func (c *cluster) certificates(ctx context.Context) error {
	all, err := issue(ctx, c.certs(), c.metricsAPI.Port, "--keda-namespace=")
	if err != nil {
		return err
	}
	for _, o := range all {
		if err := c.as("forewarm-certs").apply(ctx, "", false, o); err != nil {
			return err
		}
	}
	return nil
}

// certs is the directory with Forewarm's certificates.
func (c *cluster) certs() string { return filepath.Join(c.dir, "forewarm-pki") }

// build runs kustomize on a directory of the repository.
func build(ctx context.Context, dir string) ([]byte, error) {
	bin, err := plane.Tool(ctx, "kustomize")
	if err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, bin, "build", filepath.Join(root, dir)).Output()
	if err != nil {
		return nil, fmt.Errorf("kustomize build %s: %w", dir, err)
	}
	return out, nil
}

// forewarm is the binary of this tree as a process with the ServiceAccount of the manifests.
type forewarm struct {
	*plane.Process
	adapter, scaler, web int // ports
}

// startForewarm runs one replica, with ports of its own.
func startForewarm(ctx context.Context, c *cluster, name string) (*forewarm, error) {
	return startForewarmWith(ctx, c, name, c.config.path, c.certs())
}

// startForewarmWith runs one with another configuration, and with the certificates of a directory.
func startForewarmWith(ctx context.Context, c *cluster, name, config, pki string) (*forewarm, error) {
	kubeconfig, err := c.kubeconfigOf(ctx, "forewarm", "forewarm", name)
	if err != nil {
		return nil, err
	}
	ports, err := plane.FreePorts(3)
	if err != nil {
		return nil, err
	}
	f := &forewarm{adapter: ports[0], scaler: ports[1], web: ports[2]}
	f.Process, err = c.Start(plane.Command{Name: name, Path: forewarmBinary, Args: f.args(kubeconfig, config, pki)})
	if err != nil {
		return nil, err
	}
	return f, f.ready(ctx)
}

// kubeconfigOf writes a kubeconfig, by some name, with which a process acts as a ServiceAccount.
func (c *cluster) kubeconfigOf(ctx context.Context, ns, account, file string) (string, error) {
	token, err := c.Client.CoreV1().ServiceAccounts(ns).CreateToken(ctx, account,
		&authv1.TokenRequest{Spec: authv1.TokenRequestSpec{}}, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("get a token for the ServiceAccount %s: %w", account, err)
	}
	return c.TokenKubeconfig(file, token.Status.Token)
}

// args are those of the manifests, with loopback, ports and files in place of the container's.
func (f *forewarm) args(kubeconfig, config, pki string) []string {
	return []string{
		"serve", "--config=" + config, "--kubeconfig=" + kubeconfig, "--lag=" + lag.String(),
		fmt.Sprintf("--listen-metrics=127.0.0.1:%d", f.web), "--drain=1s",
		fmt.Sprintf("--adapter-listen=127.0.0.1:%d", f.adapter),
		"--adapter-tls-cert=" + filepath.Join(pki, "tls.crt"),
		"--adapter-tls-key=" + filepath.Join(pki, "tls.key"),
		fmt.Sprintf("--keda-listen=127.0.0.1:%d", f.scaler), "--keda-client-name=keda",
		"--keda-tls-cert=" + filepath.Join(pki, "tls.crt"), "--keda-tls-key=" + filepath.Join(pki, "tls.key"),
		"--keda-client-ca=" + filepath.Join(pki, "ca.crt"),
	}
}

func (f *forewarm) ready(ctx context.Context) error { return f.WaitFor(ctx, time.Minute, f.isReady) }

// isReady is the readiness probe of the manifests.
func (f *forewarm) isReady(ctx context.Context) error {
	_, err := f.fetch(ctx, "/readyz")
	return err
}

// join puts a replica behind the Services of the manifests.
func (c *cluster) join(f *forewarm) {
	c.metricsAPI.Join(plane.Endpoint{Address: loopback(f.adapter), Ready: f.isReady})
	c.scaler.Join(plane.Endpoint{Address: loopback(f.scaler), Ready: f.isReady})
}

// leave takes it out again.
func (c *cluster) leave(f *forewarm) {
	c.metricsAPI.Leave(loopback(f.adapter))
	c.scaler.Leave(loopback(f.scaler))
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// fetch reads a page of the own HTTP server.
func (f *forewarm) fetch(ctx context.Context, path string) ([]byte, error) {
	url := fmt.Sprintf("http://127.0.0.1:%d%s", f.web, path)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status + " " + string(body))
	}
	return body, err
}

// report is the decision log: what the last tick decided, and why.
func (f *forewarm) report(ctx context.Context) (app.Report, error) {
	var out app.Report
	body, err := f.fetch(ctx, "/debug/decisions")
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(body, &out)
}

// toLoopback lets the API server find a Service of the manifests, whatever its port, on loopback.
func toLoopback(name, ns string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: object{
		"apiVersion": "v1", "kind": "Service", "metadata": object{"name": name, "namespace": ns},
		"spec": object{"type": "ExternalName", "externalName": "localhost"},
	}}
}
