package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"
	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/forewarm/forewarm/test/plane"
)

// bench is the control plane, Prometheus and the servers under test.
type bench struct {
	settings
	*plane.Plane
	prometheus    string
	prometheusPID func() int
	writing       sync.WaitGroup
	stopWriting   context.CancelFunc
}

func namespace(pods int) string         { return fmt.Sprintf("bench-%d", pods) }
func podName(pods, i int) string        { return fmt.Sprintf("vllm-%d-5d4f8b6c7-%05d", pods, i) }
func label(name, v string) prompb.Label { return prompb.Label{Name: name, Value: v} }

// newBench starts what all servers share, and fills it.
func newBench(ctx context.Context, s settings) (*bench, error) {
	b := &bench{settings: s, stopWriting: func() {}}
	var err error
	o := plane.Options{Dir: s.dir, Features: []string{"--max-requests-inflight=3000"}}
	if b.Plane, err = plane.Start(ctx, o); err != nil {
		return b, err
	}
	if err := b.startPrometheus(ctx); err != nil {
		return b, err
	}
	writing, stop := context.WithCancel(ctx)
	b.stopWriting = stop
	if err := b.write(ctx, time.Now().Add(-5*time.Minute), time.Now()); err != nil {
		return b, err
	}
	b.writing.Go(func() { b.keepWriting(writing) })
	for _, n := range s.sizes {
		fmt.Fprintf(os.Stderr, "creating %d pods\n", n)
		if err := b.fill(ctx, n); err != nil {
			return b, err
		}
	}
	return b, nil
}

func (b *bench) close() error {
	b.stopWriting()
	b.writing.Wait()
	if b.Plane == nil {
		return nil
	}
	return b.Stop()
}

func (b *bench) startPrometheus(ctx context.Context) error {
	bin, err := plane.Tool(ctx, "prometheus")
	if err != nil {
		return err
	}
	ports, err := plane.FreePorts(1)
	if err != nil {
		return err
	}
	file := filepath.Join(b.dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte("global: {scrape_interval: 15s}\nstorage: {tsdb: {out_of_order_time_window: "+
		"10m}}\n"), 0o600); err != nil {
		return err
	}
	addr := fmt.Sprintf("127.0.0.1:%d", ports[0])
	b.prometheus = "http://" + addr
	p, err := b.Start(plane.Command{Name: "prometheus", Path: bin, Args: []string{
		"--config.file=" + file, "--storage.tsdb.path=" + filepath.Join(b.dir, "prometheus"), "--web.listen-address=" + addr,
		"--web.enable-remote-write-receiver", "--log.level=warn",
	}})
	if err != nil {
		return err
	}
	b.prometheusPID = p.PID
	return p.WaitFor(ctx, plane.ReadyWithin, func(ctx context.Context) error { return get(ctx, b.prometheus+"/-/ready") })
}

func get(ctx context.Context, url string) error {
	_, err := body(ctx, url)
	return err
}

func body(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Body.Close() }()
	b, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, r.Status)
	}
	return b, err
}

// scrape is what every pod's exporter would say.
const scrapeEvery = 15 * time.Second

// write puts what would have been scraped into Prometheus: 13 series a pod.
func (b *bench) write(ctx context.Context, from, to time.Time) error {
	for at := from.Truncate(scrapeEvery).Add(scrapeEvery); !at.After(to); at = at.Add(scrapeEvery) {
		for _, n := range b.sizes {
			for first := 0; first < n; first += 500 {
				if err := b.writeSome(ctx, at, n, first, min(first+500, n)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (b *bench) writeSome(ctx context.Context, at time.Time, pods, first, end int) error {
	var all prompb.WriteRequest
	t := at.UnixMilli()
	for i := first; i < end; i++ {
		done := float64(at.Unix()%1e6) * 2
		for name, v := range map[string]float64{
			"up": 1, "vllm:num_requests_waiting": float64(i % 7), "vllm:num_requests_running": float64(i % 30),
			"vllm:kv_cache_usage_perc": float64(i%100) / 100, "vllm:request_success_total": done,
			"vllm:prompt_tokens_total":     500 * done,
			"vllm:generation_tokens_total": 300 * done, "process_cpu_seconds_total": done, "process_resident_memory_bytes": 1e9,
			"python_info": 1, "vllm:num_preemptions_total": 0, "vllm:cache_config_info": 1, "process_open_fds": 99,
		} {
			labels := []prompb.Label{
				label("__name__", name), label("instance", fmt.Sprintf("10.%d.%d.%d:8000", pods%250, i/250, i%250)),
				label("job", "vllm"),
			}
			if strings.HasPrefix(name, "vllm:") {
				labels = append(labels, label("model_name", "org/"+namespace(pods)))
			}
			labels = append(labels, label("namespace", namespace(pods)), label("pod", podName(pods, i)))
			all.Timeseries = append(all.Timeseries, prompb.TimeSeries{
				Labels:  labels,
				Samples: []prompb.Sample{{Value: v, Timestamp: t}},
			})
		}
	}
	raw, err := all.Marshal()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.prometheus+"/api/v1/write",
		bytes.NewReader(snappy.Encode(nil, raw)))
	if err != nil {
		return err
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = r.Body.Close() }()
	if r.StatusCode/100 != 2 {
		text, _ := io.ReadAll(r.Body)
		return fmt.Errorf("remote write: %s: %s", r.Status, text)
	}
	return nil
}

func (b *bench) keepWriting(ctx context.Context) {
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
		now := time.Now()
		if err := b.write(ctx, last, now); err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "bench: write:", err)
		}
		last = now
	}
}

// fill makes a namespace with a Deployment and its pods, ready and of the size that
// pods have.
func (b *bench) fill(ctx context.Context, n int) error {
	ns := namespace(n)
	if _, err := b.Client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}},
		metav1.CreateOptions{}); err != nil {
		return err
	}
	if _, err := b.Client.CoreV1().ServiceAccounts(ns).Create(ctx,
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}, metav1.CreateOptions{}); err != nil {
		return err
	}
	replicas, set := int32(n), map[string]string{"app": "vllm"}
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "vllm"}, Spec: appsv1.DeploymentSpec{
		Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: set},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: set}, Spec: podSpec()},
	}}
	if _, err := b.Client.AppsV1().Deployments(ns).Create(ctx, d, metav1.CreateOptions{}); err != nil {
		return err
	}
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(8)
	for i := range n {
		all.Go(func() error { return b.pod(ctx, ns, podName(n, i)) })
	}
	return all.Wait()
}

func (b *bench) pod(ctx context.Context, ns, name string) error {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
		"app": "vllm", "app.kubernetes.io/name": "vllm", "app.kubernetes.io/instance": ns, "pod-template-hash": "5d4f8b6c7",
	}, Annotations: map[string]string{"prometheus.io/scrape": "true", "note": strings.Repeat("x", 600)}}, Spec: podSpec()}
	made, err := b.Client.CoreV1().Pods(ns).Create(ctx, p, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	if err != nil {
		return err
	}
	at := metav1.NewTime(time.Now().Add(-time.Minute))
	made.Status = corev1.PodStatus{Phase: corev1.PodRunning, StartTime: &at, PodIP: "10.1.2.3", HostIP: "10.0.0.1"}
	for _, kind := range []corev1.PodConditionType{
		corev1.PodScheduled, corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady, "PodReadyToStartContainers",
	} {
		made.Status.Conditions = append(made.Status.Conditions, corev1.PodCondition{
			Type:   kind,
			Status: corev1.ConditionTrue, LastTransitionTime: at,
		})
	}
	for _, c := range made.Spec.Containers {
		made.Status.ContainerStatuses = append(made.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: c.Name, Ready: true, Image: c.Image, ImageID: c.Image + "@sha256:" + strings.Repeat("0", 64),
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at}},
		})
	}
	_, err = b.Client.CoreV1().Pods(ns).UpdateStatus(ctx, made, metav1.UpdateOptions{})
	return err
}

// podSpec is what a vLLM pod looks like with its sidecar, volumes and environment:
// about 8 KB of JSON with status.
func podSpec() corev1.PodSpec {
	no := false
	var env []corev1.EnvVar
	for i := range 40 {
		env = append(env, corev1.EnvVar{Name: fmt.Sprintf("VLLM_SETTING_%02d", i), Value: strings.Repeat("v", 40)})
	}
	amount := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("8"), corev1.ResourceMemory: resource.MustParse("64Gi"),
		"nvidia.com/gpu": resource.MustParse("1"),
	}
	probe := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/health"}}}
	probe.HTTPGet.Port.IntVal = 8000
	var mounts []corev1.VolumeMount
	var volumes []corev1.Volume
	for _, name := range []string{"models", "shm", "cache", "config"} {
		mounts = append(mounts, corev1.VolumeMount{Name: name, MountPath: "/data/" + name})
		volumes = append(volumes, corev1.Volume{
			Name:         name,
			VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}},
		})
	}
	return corev1.PodSpec{
		AutomountServiceAccountToken: &no, NodeName: "node-1", Volumes: volumes,
		Tolerations: []corev1.Toleration{{Key: "nvidia.com/gpu", Operator: corev1.TolerationOpExists}},
		Containers: []corev1.Container{
			{
				Name: "engine", Image: "vllm/vllm-openai:v0.12.0", Env: env,
				Args:      []string{"--model", "meta-llama/Meta-Llama-3-70B-Instruct"},
				Resources: corev1.ResourceRequirements{Limits: amount, Requests: amount}, ReadinessProbe: probe,
				LivenessProbe: probe,
				StartupProbe:  probe, VolumeMounts: mounts, Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8000}},
			},
			{Name: "sidecar", Image: "registry.example/sidecar:1", Env: env[:10], VolumeMounts: mounts[:1]},
		},
	}
}
