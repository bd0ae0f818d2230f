package integration

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// The harness itself: what the product is judged by must be true.
func TestHarness(t *testing.T) {
	t.Parallel()
	p := startPod(t, "llm", "chat-0", "org/chat", load{
		running: 8, waiting: 2, kv: 0.5, requests: 20, prompt: 100, output: 50, ttft: 0.2, growing: 3, names: bothNames,
	})
	hangs := startPod(t, "llm", "chat-1", "org/chat", load{running: 1})
	k := startKube(t)
	k.put(deployment{namespace: "llm", name: "chat", spec: 2, pods: []string{"chat-0", "chat-1"}, gpus: 4})
	prom := startPrometheus(t, p.target(), hangs.target(), k.target())

	t.Run("series have the labels of a PodMonitor", func(t *testing.T) {
		prom.waitFor(t, soon, `vllm:num_requests_running{namespace="llm",pod="chat-0",job="llm/vllm",`+
			`container="vllm",model_name="org/chat"} == 8`)
		prom.waitFor(t, soon, `vllm:gpu_cache_usage_perc{pod="chat-0"} == vllm:kv_cache_usage_perc`)
	})
	t.Run("kube-state-metrics keeps its own labels", func(t *testing.T) {
		prom.waitFor(t, soon, `kube_deployment_spec_replicas{namespace="llm",deployment="chat"} == 2`)
		prom.waitFor(t, soon, `count(kube_pod_owner{namespace="llm",exported_namespace=""}) == 2`)
		prom.waitFor(t, soon, `up{job="kube-state-metrics",namespace="monitoring"} == 1`)
	})
	t.Run("counters and queues move with real time", func(t *testing.T) {
		for name, perSecond := range map[string]float64{
			"vllm:request_success_total": 20, "vllm:prompt_tokens_total": 2000, "vllm:generation_tokens_total": 1000,
		} {
			prom.waitFor(t, soon, fmt.Sprintf(`abs(sum(rate(%s{pod="chat-0"}[10s])) - %g) < %g`,
				name, perSecond, perSecond/10))
		}
		prom.waitFor(t, soon, `abs(deriv(vllm:num_requests_waiting{pod="chat-0"}[10s]) - 3) < 0.5`)
		prom.waitFor(t, soon, `histogram_quantile(0.95, rate(vllm:time_to_first_token_seconds_bucket[10s])) < 0.26`)
	})
	t.Run("a hanging pod is down, and up again when it answers", func(t *testing.T) {
		hangs.hang()
		prom.waitFor(t, soon, `up{pod="chat-1"} == 0`)
		eventually(t, soon, "the series ended", func(ctx context.Context) error {
			there, err := prom.query(ctx, `vllm:num_requests_running{pod="chat-1"}`)
			if err == nil && there {
				return fmt.Errorf("still there")
			}
			return err
		})
		hangs.resume()
		prom.waitFor(t, soon, `up{pod="chat-1"} == 1`)
	})
	t.Run("a killed pod is down and the other is not", func(t *testing.T) {
		hangs.kill()
		prom.waitFor(t, soon, `up{pod="chat-1"} == 0`)
		prom.waitFor(t, soon, `up{pod="chat-0"} == 1`)
	})
}

// A server can be given a past that its scrapes continue.
func TestHarnessPast(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.add("old", 2, 2, steady())
	f.forget(f.add("shrunk", 2, 2, steady()))
	prom := f.scrapeSince(30 * time.Minute)
	prom.waitFor(t, soon, `min(count_over_time(up{namespace="old"}[31m])) > 120`)
	prom.waitFor(t, soon, `abs(sum(rate(vllm:request_success_total{namespace="old"}[30m])) - 6) < 0.1`)
	prom.waitFor(t, soon, `sum(resets(vllm:request_success_total{namespace="old"}[30m])) == 0`)
	prom.waitFor(t, soon, `count(count_over_time(vllm:num_requests_running{namespace="shrunk"}[30m])) == 2`)
	prom.waitFor(t, soon, `count(count_over_time(up{namespace="shrunk"}[10s])) == 1`)
	prom.waitFor(t, soon, `kube_deployment_spec_replicas{namespace="shrunk"} offset 20m == 2`)
}
