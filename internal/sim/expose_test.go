package sim

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// samples reads an exposition as a map from series to value.
func samples(t *testing.T, text string) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			continue
		}
		cut := strings.LastIndexByte(line, ' ')
		v, err := strconv.ParseFloat(line[cut+1:], 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if _, twice := out[line[:cut]]; twice {
			t.Fatalf("%q twice in one exposition", line[:cut])
		}
		out[line[:cut]] = v
	}
	return out
}

func podText(t *testing.T, p *Pod) map[string]float64 {
	t.Helper()
	var b strings.Builder
	if err := p.Expose(&b); err != nil {
		t.Fatal(err)
	}
	return samples(t, b.String())
}

var counter = regexp.MustCompile(`_(total|bucket|count|sum)\b`)

func TestCountersNeverFall(t *testing.T) {
	fc := DefaultFleet()
	fc.Replica.PrefixHit = 0.4
	f := world(t, fc, flat(3))
	p := f.pods[0]
	last := podText(t, p)
	run(f, 20*time.Minute, 1700*time.Millisecond, func() {
		now := podText(t, p)
		for series, v := range last {
			if counter.MatchString(series) && now[series] < v {
				t.Fatalf("%s fell from %g to %g", series, v, now[series])
			}
		}
		for _, h := range []string{"time_to_first_token", "inter_token_latency", "e2e_request_latency"} {
			inf := now["vllm:"+h+`_seconds_bucket{model_name="Qwen/Qwen3-32B",engine="0",le="+Inf"}`]
			count := now["vllm:"+h+`_seconds_count{model_name="Qwen/Qwen3-32B",engine="0"}`]
			if inf != count {
				t.Fatalf("%s: +Inf bucket %g, count %g", h, inf, count)
			}
		}
		last = now
	})
}

func TestEngineExposition(t *testing.T) {
	f := world(t, DefaultFleet(), flat(1))
	const labels = `{model_name="Qwen/Qwen3-32B",engine="0"}`
	fresh := podText(t, f.pods[0])
	for _, series := range []string{
		"vllm:num_requests_running" + labels,
		"vllm:num_requests_waiting" + labels,
		"vllm:kv_cache_usage_perc" + labels,
		"vllm:prompt_tokens_total" + labels,
		"vllm:generation_tokens_total" + labels,
		"vllm:num_preemptions_total" + labels,
		"vllm:prefix_cache_queries_total" + labels,
		"vllm:prefix_cache_hits_total" + labels,
		`vllm:request_success_total{model_name="Qwen/Qwen3-32B",engine="0",finished_reason="stop"}`,
		`vllm:time_to_first_token_seconds_bucket{model_name="Qwen/Qwen3-32B",engine="0",le="0.001"}`,
		`vllm:time_to_first_token_seconds_bucket{model_name="Qwen/Qwen3-32B",engine="0",le="2560.0"}`,
		"vllm:inter_token_latency_seconds_sum" + labels,
	} {
		if v, ok := fresh[series]; !ok || v != 0 {
			t.Errorf("fresh engine: want %s 0, got %g, %v", series, v, ok)
		}
	}
	f.Advance(f.Now().Add(time.Hour))
	after, total := podText(t, f.pods[0]), f.Totals()
	done := after[`vllm:request_success_total{model_name="Qwen/Qwen3-32B",engine="0",finished_reason="stop"}`] +
		after[`vllm:request_success_total{model_name="Qwen/Qwen3-32B",engine="0",finished_reason="length"}`]
	if done != float64(total.Completed) || after["vllm:num_requests_running"+labels] != float64(total.Running) {
		t.Errorf("want the books of the fleet %+v, got %g done", total, done)
	}
	f.Scale(2)
	if err := f.pods[1].Expose(&strings.Builder{}); err == nil {
		t.Error("a starting engine answers a scrape")
	}
}

func TestKubeAndGatewayExposition(t *testing.T) {
	a := DefaultFleet()
	b := DefaultFleet()
	b.Deployment, b.Model, b.Replicas = "small", "small", 0
	fa, fb := world(t, a, flat(1)), world(t, b, flat(1))
	fa.Advance(a.Start.Add(time.Minute))
	fb.Advance(a.Start.Add(time.Minute))
	fa.Scale(2)
	fa.Advance(a.Start.Add(time.Minute + 10*time.Second))
	var text strings.Builder
	for _, err := range []error{
		ExposeKube(&text, fa, fb), ExposeRouter(&text, fa, fb), ExposeEPP(&text, fa, fb),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	got := samples(t, text.String())
	ready, starting := fa.pods[0], fa.pods[1]
	if !regexp.MustCompile(`^qwen3-32b-[a-z0-9]{10}-[a-z0-9]{5}$`).MatchString(ready.Name()) {
		t.Errorf("pod name %s", ready.Name())
	}
	pod := func(p *Pod) string { return fmt.Sprintf(`namespace="llm",pod="%s",uid="%s"`, p.Name(), p.UID()) }
	set := ready.Name()[:strings.LastIndexByte(ready.Name(), '-')]
	for series, want := range map[string]float64{
		`kube_deployment_spec_replicas{namespace="llm",deployment="qwen3-32b"}`:         2,
		`kube_deployment_status_replicas_ready{namespace="llm",deployment="qwen3-32b"}`: 1,
		`kube_deployment_spec_replicas{namespace="llm",deployment="small"}`:             0,
		`kube_pod_owner{` + pod(ready) + `,owner_kind="ReplicaSet",owner_name="` + set +
			`",owner_is_controller="true"}`: 1,
		`kube_replicaset_owner{namespace="llm",replicaset="` + set +
			`",owner_kind="Deployment",owner_name="qwen3-32b",owner_is_controller="true"}`: 1,
		`kube_pod_created{` + pod(ready) + `}`:                          float64(a.Start.Unix()),
		`kube_pod_created{` + pod(starting) + `}`:                       float64(a.Start.Unix() + 60),
		`kube_pod_status_ready_time{` + pod(ready) + `}`:                float64(a.Start.Unix()),
		`kube_pod_status_ready{` + pod(ready) + `,condition="true"}`:    1,
		`kube_pod_status_ready{` + pod(starting) + `,condition="true"}`: 0,
		`kube_pod_status_phase{` + pod(starting) + `,phase="Pending"}`:  1,
		`kube_pod_status_phase{` + pod(ready) + `,phase="Running"}`:     1,
		`vllm:num_incoming_requests_total{model="Qwen/Qwen3-32B"}`:      float64(fa.Totals().Arrivals),
		`vllm:num_incoming_requests_total{model="small"}`:               float64(fb.Totals().Arrivals),
		`llm_d_epp_ready_endpoints{name="small"}`:                       0,
		`llm_d_epp_flow_control_queue_size{fairness_id="default",priority="0",inference_pool="small",` +
			`model_name="small",target_model_name="small"}`: float64(fb.Totals().Held),
		`kube_pod_container_resource_requests{` + pod(ready) + `,container="vllm",node="gpu-` + ready.UID()[:8] +
			`",resource="nvidia_com_gpu",unit="integer"}`: 2,
	} {
		if v, ok := got[series]; !ok || v != want {
			t.Errorf("want %s %g, got %g, %v", series, want, v, ok)
		}
	}
	if _, ok := got[`kube_pod_status_ready_time{`+pod(starting)+`}`]; ok {
		t.Error("a starting pod has a ready time")
	}
}
