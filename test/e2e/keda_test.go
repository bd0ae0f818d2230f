//go:build e2e

package e2e

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/forewarm/forewarm/test/plane"
)

// keda is KEDA's operator and its metrics adapter.
type keda struct{ operator, adapter *plane.Process }

// startKEDA installs KEDA and what Forewarm has for it.
func startKEDA(ctx context.Context, c *cluster) (*keda, error) {
	bin, err := plane.Tool(ctx, "keda")
	if err != nil {
		return nil, err
	}
	if err := c.applyFiles(ctx, filepath.Join(bin, "bases", "*.yaml")); err != nil {
		return nil, err
	}
	if err := c.applyText(ctx, "", "apiVersion: v1\nkind: Namespace\nmetadata: {name: keda}"); err != nil {
		return nil, err
	}
	cert, key, err := c.ServerCert("keda", "keda-metrics-apiserver.keda.svc")
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(c.dir, "keda")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	for from, to := range map[string]string{c.CACert(): "ca.crt", cert: "tls.crt", key: "tls.key"} {
		if err := os.Link(from, filepath.Join(dir, to)); err != nil {
			return nil, err
		}
	}
	k := &keda{}
	return k, k.start(ctx, c, bin, dir)
}

func (k *keda) start(ctx context.Context, c *cluster, bin, dir string) error {
	ports, err := plane.FreePorts(5)
	if err != nil {
		return err
	}
	addr := func(i int) string { return fmt.Sprintf("127.0.0.1:%d", ports[i]) }
	env := []string{"POD_NAMESPACE=keda", "KEDA_CLUSTER_OBJECT_NAMESPACE=keda", "WATCH_NAMESPACE=", "KUBECONFIG=" + c.Kubeconfig()}
	k.operator, err = c.Start(plane.Command{Name: "keda-operator", Path: filepath.Join(bin, "operator"), Env: env, Args: []string{
		"--kubeconfig=" + c.Kubeconfig(), "--leader-elect=false", "--enable-cert-rotation=false", "--cert-dir=" + dir,
		"--enable-webhook-patching=false", "--enable-apiservice-patching=false", "--metrics-bind-address=" + addr(0),
		"--health-probe-bind-address=" + addr(1), "--metrics-service-bind-address=" + addr(2),
	}})
	if err != nil {
		return err
	}
	kubeconfig := c.Kubeconfig()
	k.adapter, err = c.Start(plane.Command{Name: "keda-adapter", Path: filepath.Join(bin, "adapter"), Env: env, Args: []string{
		"--kubeconfig=" + kubeconfig, "--lister-kubeconfig=" + kubeconfig, "--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig, "--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", ports[3]),
		"--client-ca-file=" + c.CACert(), "--tls-cert-file=" + filepath.Join(dir, "tls.crt"),
		"--tls-private-key-file=" + filepath.Join(dir, "tls.key"), "--cert-dir=" + dir,
		"--metrics-service-address=" + addr(2), fmt.Sprintf("--port=%d", ports[4]),
	}})
	if err != nil {
		return err
	}
	return k.register(ctx, c, ports[3])
}

// register tells the API server of KEDA's metrics, and KEDA of Forewarm.
func (k *keda) register(ctx context.Context, c *cluster, port int) error {
	ca, err := os.ReadFile(c.CACert())
	if err != nil {
		return err
	}
	service := toLoopback("keda-metrics-apiserver", "keda")
	api := &unstructured.Unstructured{Object: object{
		"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
		"metadata": object{"name": "v1beta1.external.metrics.k8s.io"},
		"spec": object{
			"group": "external.metrics.k8s.io", "version": "v1beta1",
			"groupPriorityMinimum": int64(100), "versionPriority": int64(100),
			"service":  object{"name": "keda-metrics-apiserver", "namespace": "keda", "port": int64(port)},
			"caBundle": base64.StdEncoding.EncodeToString(ca),
		},
	}}
	if err := c.apply(ctx, "", false, service, api); err != nil {
		return err
	}
	if err := k.adapter.WaitFor(ctx, plane.ReadyWithin, c.available("v1beta1.external.metrics.k8s.io")); err != nil {
		return err
	}
	return c.applyKEDAParts(ctx)
}

// available says whether an APIService is.
func (c *cluster) available(name string) func(context.Context) error {
	return func(ctx context.Context) error {
		o, err := c.get(ctx, "", "APIService.v1.apiregistration.k8s.io", name)
		if err != nil {
			return err
		}
		if status, reason, message := condition(o, "Available"); status != "True" {
			return fmt.Errorf("APIService %s is not available: %s %s", name, reason, message)
		}
		return nil
	}
}

// applyFiles applies files that a pattern finds.
func (c *cluster) applyFiles(ctx context.Context, pattern string) error {
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		return fmt.Errorf("find %s: %d files, %w", pattern, len(paths), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := c.applyText(ctx, "", string(text)); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
	}
	return nil
}

// applyKEDAParts applies what of the manifests needs KEDA, and the Secret with KEDA's certificate.
func (c *cluster) applyKEDAParts(ctx context.Context) error {
	for _, o := range c.installed {
		if o.GroupVersionKind().Group == "keda.sh" {
			if err := c.apply(ctx, "", false, o); err != nil {
				return err
			}
		}
	}
	data := object{}
	for key, file := range map[string]string{"ca.crt": "ca.crt", "tls.crt": "client.crt", "tls.key": "client.key"} {
		text, err := os.ReadFile(filepath.Join(c.certs(), file))
		if err != nil {
			return err
		}
		data[key] = base64.StdEncoding.EncodeToString(text)
	}
	return c.apply(ctx, "", false, &unstructured.Unstructured{Object: object{
		"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "data": data,
		"metadata": object{"name": "forewarm-keda-client", "namespace": "keda"},
	}})
}
