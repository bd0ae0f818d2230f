package plane

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
)

// stages tell kwok what a pod goes through: running at once, ready after the warm-up of its annotation
// e2e.forewarm.dev/warm-up.
//
//go:embed stages.yaml
var stages []byte

// startNodes runs what turns objects into running pods.
func (p *Plane) startNodes(ctx context.Context, o Options) error {
	if !o.Nodes {
		return nil
	}
	bin, err := Tool(ctx, "kubernetes")
	if err != nil {
		return err
	}
	controllers, err := p.pki.client("controllers", p.URL, "system:kube-controller-manager")
	if err != nil {
		return err
	}
	if err := p.start(ctx, "kube-controller-manager", bin, "controllers", controllers,
		"--use-service-account-credentials=true", "--controllers=*",
		"--service-account-private-key-file="+p.pki.key("service-accounts"), "--root-ca-file="+p.pki.cert("ca"),
		"--horizontal-pod-autoscaler-sync-period=2s", "--horizontal-pod-autoscaler-initial-readiness-delay=1s",
		"--horizontal-pod-autoscaler-cpu-initialization-period=1s", "--concurrent-horizontal-pod-autoscaler-syncs=5",
		// Syncs are seven times as frequent as they are shipped, so requests are as well; at the 20 a second that are shipped,
		// a sync would wait for those of other stories.
		"--kube-api-qps=200", "--kube-api-burst=300",
		"--node-monitor-grace-period=1h",
	); err != nil {
		return err
	}
	scheduler, err := p.pki.client("scheduler", p.URL, "system:kube-scheduler")
	if err != nil {
		return err
	}
	if err := p.start(ctx, "kube-scheduler", bin, "scheduler", scheduler); err != nil {
		return err
	}
	return p.startKwok(ctx)
}

// start runs a component that has the flags and the health endpoint of all of them.
func (p *Plane) start(ctx context.Context, name, bin, port, kubeconfig string, args ...string) error {
	proc, err := p.Start(Command{Name: name, Path: filepath.Join(bin, name), Args: append([]string{
		"--kubeconfig=" + kubeconfig, "--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig, "--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", p.ports[port]), "--leader-elect=false",
	}, args...)})
	if err != nil {
		return err
	}
	// Their health endpoints have certificates of their own making; that they listen says enough.
	return proc.WaitFor(ctx, ReadyWithin, Listens(fmt.Sprintf("127.0.0.1:%d", p.ports[port])))
}

// startKwok joins its own stages for nodes and for deleted pods with ours.
func (p *Plane) startKwok(ctx context.Context) error {
	kwok, err := Tool(ctx, "kwok")
	if err != nil {
		return err
	}
	parts := [][]byte{stages}
	for _, name := range []string{
		"node/fast/node-initialize.yaml", "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
		"pod/fast/pod-delete.yaml",
	} {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(kwok), "stage", name))
		if err != nil {
			return fmt.Errorf("read a stage of kwok: %w", err)
		}
		parts = append(parts, text)
	}
	config := filepath.Join(p.dir, "kwok.yaml")
	if err := os.WriteFile(config, bytes.Join(parts, []byte("\n---\n")), 0o600); err != nil {
		return fmt.Errorf("write the stages of kwok: %w", err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", p.ports["kwok"])
	proc, err := p.Start(Command{Name: "kwok", Path: kwok, Args: []string{
		"--kubeconfig=" + p.admin, "--config=" + config, "--manage-nodes-with-label-selector=type=kwok",
		"--node-lease-duration-seconds=40", "--cidr=10.244.0.0/16", "--node-ip=10.0.0.1",
		"--server-address=" + address,
	}})
	if err != nil {
		return err
	}
	return proc.WaitFor(ctx, ReadyWithin, func(ctx context.Context) error { return answers(ctx, "http://"+address+"/healthz") })
}
