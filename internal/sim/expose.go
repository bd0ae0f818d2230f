package sim

import (
	"fmt"
	"io"
	"math"
	"strconv"
)

func engineLabels(model string) string { return pairs("model_name", model, "engine", "0") }

// Expose writes what the engine in the pod answers to a scrape, in the names and labels of vLLM V1.
// A pod that is not serving answers nothing, and that is an error: the connection would be refused.
func (p *Pod) Expose(w io.Writer) error {
	if !p.Serving() {
		return fmt.Errorf("scrape %s: pod is %s", p.name, p.state)
	}
	p.buf = p.buf[:0]
	exposeServer(&p.buf, p.rep, p.labels)
	_, err := w.Write(p.buf)
	return err
}

// Expose appends the exposition of every serving pod, for a look at a fleet as a whole. Scrapers read
// pods one by one: the labels here do not tell the pods apart.
func (f *Fleet) Expose(w io.Writer) error {
	for _, p := range f.pods {
		if !p.Serving() {
			continue
		}
		if err := p.Expose(w); err != nil {
			return err
		}
	}
	return nil
}

func exposeServer(b *text, r Server, labels string) {
	s := r.stats()
	b.one("vllm:num_requests_running", "gauge", labels, float64(r.Running()))
	b.one("vllm:num_requests_waiting", "gauge", labels, float64(r.Waiting()))
	b.one("vllm:kv_cache_usage_perc", "gauge", labels, r.KVUse())
	b.one("vllm:prefix_cache_queries_total", "counter", labels, math.Floor(s.PrefixQueries))
	b.one("vllm:prefix_cache_hits_total", "counter", labels, math.Floor(s.PrefixHits))
	b.one("vllm:num_preemptions_total", "counter", labels, float64(s.Preemptions))
	b.one("vllm:prompt_tokens_total", "counter", labels, math.Floor(s.PromptTokens))
	b.one("vllm:generation_tokens_total", "counter", labels, math.Floor(s.GeneratedTokens))
	b.family("vllm:request_success_total", "counter")
	for why := range reasons {
		b.sample("vllm:request_success_total", labels+`,finished_reason="`+why.String()+`"`, float64(s.Finished[why]))
	}
	b.histogram("vllm:time_to_first_token_seconds", labels, &s.TTFT)
	b.histogram("vllm:inter_token_latency_seconds", labels, &s.ITL)
	b.histogram("vllm:e2e_request_latency_seconds", labels, &s.Latency)
	b.histogram("vllm:request_queue_time_seconds", labels, &s.QueueTime)
	// The info metric has no model_name: readers join it on the pod.
	b.one("vllm:cache_config_info", "gauge", r.info(), 1)
}

func cacheLabels(cfg ReplicaConfig) string {
	return pairs("block_size", strconv.Itoa(BlockTokens), "cache_dtype", "auto", "enable_prefix_caching", "True",
		"engine", "0", "gpu_memory_utilization", "0.9", "num_gpu_blocks", strconv.Itoa(cfg.KVBlocks))
}

// ExposeRouter writes the arrivals counter of the vLLM production-stack router, which counts also while
// no replica exists.
func ExposeRouter(w io.Writer, fleets ...*Fleet) error {
	var b text
	b.family("vllm:num_incoming_requests_total", "counter")
	for _, f := range fleets {
		b.sample("vllm:num_incoming_requests_total", label("model", f.cfg.Model), float64(f.account.arrivals))
	}
	_, err := w.Write(b)
	return err
}

// ExposeEPP writes the gateway as the llm-d endpoint picker sees it, with its queue at zero replicas.
func ExposeEPP(w io.Writer, fleets ...*Fleet) error {
	var b text
	b.family("llm_d_epp_request_total", "counter")
	for _, f := range fleets {
		b.sample("llm_d_epp_request_total", eppLabels(f), float64(f.account.arrivals))
	}
	b.family("llm_d_epp_flow_control_queue_size", "gauge")
	for _, f := range fleets {
		b.sample("llm_d_epp_flow_control_queue_size",
			pairs("fairness_id", "default", "priority", "0", "inference_pool", f.cfg.Deployment)+","+eppLabels(f),
			float64(f.held.len()))
	}
	b.family("llm_d_epp_ready_endpoints", "gauge")
	for _, f := range fleets {
		b.sample("llm_d_epp_ready_endpoints", label("name", f.cfg.Deployment), float64(f.Count(Ready)))
	}
	_, err := w.Write(b)
	return err
}

func eppLabels(f *Fleet) string {
	return pairs("model_name", f.cfg.Model, "target_model_name", f.cfg.Model)
}
