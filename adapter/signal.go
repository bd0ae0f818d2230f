package adapter

import (
	"math"

	"github.com/forewarm/forewarm/policy"
)

// Desired is the metric of decisions; all others are signals.
const Desired = "forewarm_desired_replicas"

// fold says how the values of several pods, or models, become one.
type fold int

const (
	sum fold = iota
	mean
	largest
)

// metric is one published quantity. A metric without pod cannot be asked of pods.
type metric struct {
	name  string
	pod   func(*policy.Pod) policy.Reading
	model func(*policy.Signals) policy.Reading // of the whole model; nil = folded from its pods
	pods  fold
	over  bool // a rate or quantile over the window, not a moment
	queue bool // requests held by a gateway count as well
}

// published are all metrics, in the order in which discovery lists them.
var published = []*metric{
	{name: "inference_pending_requests", queue: true, pod: func(p *policy.Pod) policy.Reading { return p.Pending }},
	{name: "inference_running_requests", pod: func(p *policy.Pod) policy.Reading { return p.Running }},
	{name: "inference_kv_utilization", pods: mean, pod: func(p *policy.Pod) policy.Reading { return p.KV }},
	{
		name: "inference_requests_per_second", over: true,
		pod:   func(p *policy.Pod) policy.Reading { return p.Completions },
		model: func(s *policy.Signals) policy.Reading { return s.Arrivals },
	},
	{
		name: "inference_prompt_tokens_per_second", over: true,
		pod: func(p *policy.Pod) policy.Reading { return p.PromptTokens },
	},
	{
		name: "inference_output_tokens_per_second", over: true,
		pod: func(p *policy.Pod) policy.Reading { return p.OutputTokens },
	},
	{
		name: "inference_ttft_p95_seconds", over: true, pods: largest,
		model: func(s *policy.Signals) policy.Reading { return s.TTFTP95 },
	},
	{
		name: "inference_itl_p95_seconds", over: true, pods: largest,
		model: func(s *policy.Signals) policy.Reading { return s.ITLP95 },
	},
	{name: Desired},
}

// Names are an engine's own spellings of our metrics: engine, then its name, then
// ours. A name is only answered for models of that engine.
type Names map[string]map[string]string

// copied are the names in the HPA and KEDA examples that people copy; they are
// answered for every engine.
var copied = map[string]string{
	"requests_per_second":   "inference_requests_per_second",
	"vllm_pending_requests": "inference_pending_requests",
}

var byName = func() map[string]*metric {
	out := map[string]*metric{}
	for _, m := range published {
		out[m.name] = m
	}
	for alias, name := range copied {
		out[alias] = out[name]
	}
	return out
}()

// Canonical is our name of a metric as somebody asked for it, and the engine that
// spells it so; the engine is empty if every engine has it. ok is false if nothing
// is served under that name.
func (n Names) Canonical(name string) (ours string, engines []string, ok bool) {
	if m := byName[name]; m != nil {
		return m.name, nil, true
	}
	for engine, names := range n {
		if to := names[name]; to != "" {
			ours, engines = to, append(engines, engine)
		}
	}
	return ours, engines, ours != ""
}

// most is the largest value that leaves: beyond it, it is no count of anything.
const most = 1e12

// sane says whether a value may leave.
func sane(v float64) bool { return v >= 0 && v <= most && !math.IsNaN(v) }

// PodMetric says whether a metric, by our name, can be asked of pods.
func PodMetric(ours string) bool { m := byName[ours]; return m != nil && m.pod != nil }
