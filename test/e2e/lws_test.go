//go:build e2e

package e2e

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/forewarm/forewarm/test/plane"
)

// startLWS runs the controller of LeaderWorkerSets, with its webhooks: they label the pods.
func startLWS(ctx context.Context, c *cluster) error {
	bin, err := plane.Tool(ctx, "lws")
	if err != nil {
		return err
	}
	files := filepath.Dir(bin)
	if err := c.applyFiles(ctx, filepath.Join(files, "bases", "*.yaml")); err != nil {
		return err
	}
	cert, key, err := c.ServerCert("lws")
	if err != nil {
		return err
	}
	dir := filepath.Join(c.dir, "lws")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for from, to := range map[string]string{cert: "tls.crt", key: "tls.key"} {
		if err := os.Link(from, filepath.Join(dir, to)); err != nil {
			return err
		}
	}
	ports, err := plane.FreePorts(1)
	if err != nil {
		return err
	}
	config := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, `
apiVersion: config.lws.x-k8s.io/v1alpha1
kind: Configuration
leaderElection: {leaderElect: false}
internalCertManagement: {enable: false}
webhook: {host: 127.0.0.1, port: %d, certDir: %s}
metrics: {bindAddress: '0'}
health: {healthProbeBindAddress: '0'}
`, ports[0], dir), 0o600); err != nil {
		return err
	}
	p, err := c.Start(plane.Command{
		Name: "lws", Path: bin, Args: []string{
			"--config=" + config, "--leader-elect=false",
			"--metrics-bind-address=0", "--health-probe-bind-address=0",
		},
		Env: []string{"KUBECONFIG=" + c.Kubeconfig(), "LWS_NAMESPACE=lws-system"},
	})
	if err != nil {
		return err
	}
	if err := p.WaitFor(ctx, plane.ReadyWithin, plane.Listens(fmt.Sprintf("127.0.0.1:%d", ports[0]))); err != nil {
		return err
	}
	return c.applyWebhooks(ctx, filepath.Join(files, "webhook", "manifests.yaml"), ports[0])
}

// applyWebhooks applies LWS's webhooks with the URL of a process in place of a Service.
func (c *cluster) applyWebhooks(ctx context.Context, path string, port int) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	ca, err := os.ReadFile(c.CACert())
	if err != nil {
		return err
	}
	all, err := decode(text)
	if err != nil {
		return err
	}
	for _, o := range all {
		hooks, _, err := unstructured.NestedSlice(o.Object, "webhooks")
		if err != nil {
			return err
		}
		for _, h := range hooks {
			hook := h.(object)
			path, _, _ := unstructured.NestedString(hook, "clientConfig", "service", "path")
			hook["clientConfig"] = object{
				"url":      fmt.Sprintf("https://localhost:%d%s", port, path),
				"caBundle": base64.StdEncoding.EncodeToString(ca),
			}
			if hook["name"] == "mpod.kb.io" || hook["name"] == "vpod.kb.io" {
				hook["objectSelector"] = object{"matchExpressions": []any{
					object{"key": "leaderworkerset.sigs.k8s.io/name", "operator": "Exists"},
				}}
			}
		}
		o.Object["webhooks"] = hooks
		if err := c.apply(ctx, "", false, o); err != nil {
			return err
		}
	}
	return nil
}

// group is the LeaderWorkerSet of a variant: two pods of eight GPUs, of which the leader answers scrapes.
func (m *model) group(i int, v variant) *unstructured.Unstructured {
	pod := func(labels object) object {
		labels["app"] = m.name
		return object{
			"metadata": object{"labels": labels, "annotations": object{"e2e.forewarm.dev/warm-up": "0s"}},
			"spec": object{
				"terminationGracePeriodSeconds": int64(0),
				"nodeSelector":                  object{"e2e.forewarm.dev/pool": m.s.ns},
				"containers": []any{object{"name": "vllm", "image": "vllm", "resources": object{
					"limits": object{"nvidia.com/gpu": "8"}, "requests": object{"nvidia.com/gpu": "8"},
				}}},
			},
		}
	}
	return &unstructured.Unstructured{Object: object{
		"apiVersion": "leaderworkerset.x-k8s.io/v1", "kind": "LeaderWorkerSet",
		"metadata": object{"name": m.name, "namespace": m.s.ns},
		"spec": object{
			"replicas": int64(v.replicas),
			"leaderWorkerTemplate": object{
				"size": int64(2), "restartPolicy": "RecreateGroupOnPodRestart",
				"leaderTemplate": pod(object{labelModel: m.key(), labelVariant: fmt.Sprint(i)}),
				"workerTemplate": pod(object{}),
			},
		},
	}}
}

// groupGPUs are those of a whole group.
const groupGPUs = 16

// groups is how many groups a LeaderWorkerSet has, all of them ready and whole: two running pods with the GPUs of a
// replica between them, and nothing beside.
func (s *story) groups(ctx context.Context, name string) (int, error) {
	o, err := s.get(ctx, s.ns, "LeaderWorkerSet.v1.leaderworkerset.x-k8s.io", name)
	if err != nil {
		return 0, err
	}
	spec, _, _ := unstructured.NestedInt64(o.Object, "spec", "replicas")
	ready, _, _ := unstructured.NestedInt64(o.Object, "status", "readyReplicas")
	list, err := s.Client.CoreV1().Pods(s.ns).List(ctx, metav1.ListOptions{
		LabelSelector: "leaderworkerset.sigs.k8s.io/name=" + name,
	})
	if err != nil {
		return 0, err
	}
	gpus := map[string]int64{}
	for _, p := range list.Items {
		if p.Status.Phase == corev1.PodRunning {
			q := p.Spec.Containers[0].Resources.Requests["nvidia.com/gpu"]
			gpus[p.Labels["leaderworkerset.sigs.k8s.io/group-index"]] += q.Value()
		}
	}
	for group, n := range gpus {
		if n != groupGPUs {
			return 0, fmt.Errorf("group %s has %d GPUs, want %d", group, n, groupGPUs)
		}
	}
	if spec != ready || int(spec) != len(gpus) || len(list.Items) != 2*len(gpus) {
		return 0, fmt.Errorf("%d groups asked for, %d ready, %d run, with %d pods", spec, ready, len(gpus), len(list.Items))
	}
	return len(gpus), nil
}

// follows checks that the cluster has as many replicas of the first variant as Forewarm wants, sees and counts.
func (m *model) follows(ctx context.Context, replicas int) error {
	r, err := m.forewarmSays(ctx)
	if err != nil {
		return err
	}
	v := r.Variants[0]
	for what, n := range map[string]*int{"wants": v.Recommended, "sees asked for": v.Now, "sees ready": v.Ready} {
		if n == nil || *n != replicas {
			return fmt.Errorf("there are %d, Forewarm %s %s", replicas, what, known(n))
		}
	}
	return nil
}

func known(n *int) string {
	if n == nil {
		return "nothing"
	}
	return fmt.Sprint(*n)
}
