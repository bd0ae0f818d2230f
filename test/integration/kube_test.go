package integration

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// deployment is one scalable object as kube-state-metrics shows it.
type deployment struct {
	namespace, name string
	spec            int      // replicas asked for
	pods            []string // that exist, ready or not
	unready         map[string]bool
	gpus            int // per pod
}

// kube is a fake kube-state-metrics server.
type kube struct {
	server *httptest.Server

	mu          sync.Mutex
	deployments []deployment
}

func startKube(t *testing.T) *kube {
	t.Helper()
	k := &kube{}
	k.server = httptest.NewServer(http.HandlerFunc(k.metrics))
	t.Cleanup(func() {
		k.server.CloseClientConnections()
		k.server.Close()
	})
	return k
}

// put adds a deployment or replaces the one of that name.
func (k *kube) put(d deployment) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, old := range k.deployments {
		if old.namespace == d.namespace && old.name == d.name {
			k.deployments[i] = d
			return
		}
	}
	k.deployments = append(k.deployments, d)
}

// target has labels of its own, which honor_labels keeps off the series.
func (k *kube) target() target {
	return target{
		address: k.server.Listener.Addr().String(),
		labels: map[string]string{
			"job": "kube-state-metrics", "namespace": "monitoring", "pod": "kube-state-metrics-0", "endpoint": "http",
		},
		honor:  true,
		expose: func(w io.Writer, _ time.Time) { k.expose(w) },
	}
}

func (k *kube) metrics(w http.ResponseWriter, _ *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	k.expose(w)
}

func (k *kube) expose(w io.Writer) {
	k.each(w, "kube_deployment_spec_replicas", func(name string, d deployment) {
		sample(w, name, d.labels(), float64(d.spec))
	})
	k.each(w, "kube_deployment_status_replicas", func(name string, d deployment) {
		sample(w, name, d.labels(), float64(len(d.pods)))
	})
	k.each(w, "kube_deployment_status_replicas_ready", func(name string, d deployment) {
		sample(w, name, d.labels(), float64(len(d.pods)-len(d.unready)))
	})
	k.each(w, "kube_replicaset_owner", func(name string, d deployment) {
		sample(w, name, fmt.Sprintf(`namespace=%q,replicaset=%q,owner_kind="Deployment",owner_name=%q,`+
			`owner_is_controller="true"`, d.namespace, d.replicaSet(), d.name), 1)
	})
	k.eachPod(w, "kube_pod_owner", func(name, pod string, d deployment) {
		sample(w, name, d.podLabels(pod)+fmt.Sprintf(`,owner_kind="ReplicaSet",owner_name=%q,owner_is_controller="true"`,
			d.replicaSet()), 1)
	})
	k.eachPod(w, "kube_pod_info", func(name, pod string, d deployment) {
		sample(w, name, d.podLabels(pod)+fmt.Sprintf(`,node="gpu-1",created_by_kind="ReplicaSet",created_by_name=%q`,
			d.replicaSet()), 1)
	})
	k.eachPod(w, "kube_pod_created", func(name, pod string, d deployment) {
		sample(w, name, d.podLabels(pod), d.unix(pod, 0))
	})
	k.eachPod(w, "kube_pod_status_scheduled_time", func(name, pod string, d deployment) {
		sample(w, name, d.podLabels(pod), d.unix(pod, time.Second))
	})
	k.eachPod(w, "kube_pod_status_phase", func(name, pod string, d deployment) {
		for _, phase := range []string{"Pending", "Running", "Succeeded", "Failed", "Unknown"} {
			sample(w, name, d.podLabels(pod)+fmt.Sprintf(`,phase=%q`, phase), truth(phase == "Running"))
		}
	})
	k.eachPod(w, "kube_pod_status_ready", func(name, pod string, d deployment) {
		for condition, v := range map[string]bool{"true": !d.unready[pod], "false": d.unready[pod], "unknown": false} {
			sample(w, name, d.podLabels(pod)+fmt.Sprintf(`,condition=%q`, condition), truth(v))
		}
	})
	k.eachPod(w, "kube_pod_status_ready_time", func(name, pod string, d deployment) {
		if !d.unready[pod] {
			sample(w, name, d.podLabels(pod), d.unix(pod, 90*time.Second))
		}
	})
	k.eachPod(w, "kube_pod_container_resource_requests", func(name, pod string, d deployment) {
		sample(w, name, d.podLabels(pod)+`,container="vllm",node="gpu-1",resource="nvidia_com_gpu",unit="integer"`,
			float64(d.gpus))
	})
}

func (k *kube) each(w io.Writer, name string, write func(name string, d deployment)) {
	fmt.Fprintf(w, "# TYPE %s gauge\n", name)
	for _, d := range k.deployments {
		write(name, d)
	}
}

func (k *kube) eachPod(w io.Writer, name string, write func(name, pod string, d deployment)) {
	k.each(w, name, func(name string, d deployment) {
		for _, pod := range d.pods {
			write(name, pod, d)
		}
	})
}

func (d deployment) labels() string {
	return fmt.Sprintf(`namespace=%q,deployment=%q`, d.namespace, d.name)
}

func (d deployment) podLabels(pod string) string {
	return fmt.Sprintf(`namespace=%q,pod=%q,uid="uid-%s-%s"`, d.namespace, pod, d.namespace, pod)
}

func (d deployment) replicaSet() string { return d.name + "-5d4f8b6c7" }

// unix is a moment after a pod was created, constant from scrape to scrape.
func (d deployment) unix(pod string, after time.Duration) float64 {
	age := podAge
	if d.unready[pod] {
		age = time.Minute
	}
	return float64(processStart.Add(after - age).Unix())
}

// processStart anchors the ages of pods: all but those that load began podAge before.
var processStart = time.Now()

const podAge = 2 * time.Hour

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
