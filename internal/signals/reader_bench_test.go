package signals

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkReaderAt is one tick's evaluation of 200 models with 5 pods each, with
// kube-state-metrics, on five minutes of samples.
func BenchmarkReaderAt(b *testing.B) {
	const models, pods = 200, 5
	c, err := NewClient(DefaultSourceOptions("default", "http://127.0.0.1:9"))
	if err != nil {
		b.Fatal(err)
	}
	var bindings []Binding
	for m := range models {
		bindings = append(bindings, bindingOf("llm", fmt.Sprintf("m%d", m), fmt.Sprintf("org/m%d", m)))
	}
	r := NewReader([]*Client{c}, bindings, DefaultOptions())
	w := r.sources["default"].window
	start := epoch.Add(-5 * time.Minute)
	for m := range models {
		ksm := []string{"namespace", "llm", "job", "ksm", "instance", "ksm:8080"}
		add := func(name string, v float64, pairs ...string) {
			addSeries(w, labelled(name, append(ksm, pairs...)...), every(ksmScrape, start, epoch, always(v))...)
		}
		name := fmt.Sprintf("m%d", m)
		add(ksmDeploySpec, pods, "deployment", name)
		add(ksmReplicaSet, 1, "replicaset", name+"-rs", "owner_kind", kindDeployment, "owner_name", name)
		for p := range pods {
			pod := fmt.Sprintf("%s-rs-%d", name, p)
			of := []string{"namespace", "llm", "pod", pod, "job", "vllm", "instance", pod, "model_name", "org/" + name}
			addSeries(w, labelled("up", of[:8]...), every(scrape, start, epoch, always(1))...)
			for _, metric := range []string{
				"vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc",
				"vllm:request_success_total", "vllm:generation_tokens_total", "vllm:prompt_tokens_total",
			} {
				addSeries(w, labelled(metric, of...), every(scrape, start, epoch, always(0.5))...)
			}
			add(ksmPodCreated, 1.7e9, "pod", pod, "uid", pod)
			add(ksmPodOwner, 1, "pod", pod, "uid", pod, "owner_kind", kindReplicaSet, "owner_name", name+"-rs")
			add(ksmPodReady, 1, "pod", pod, "uid", pod, "condition", "true")
		}
	}
	for b.Loop() {
		if in := r.At(epoch); !in[0].Signals.Arrivals.Known || in[0].Supply[0].Ready != pods {
			b.Fatalf("want a model that is read, got %+v", in[0])
		}
	}
	b.ReportMetric(float64(w.Count()), "samples")
}
