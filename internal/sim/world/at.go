package world

import (
	"math"
	"time"

	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/policy"
)

var (
	ttftBounds = sim.TTFTBounds()
	itlBounds  = sim.ITLBounds()
)

// At implements engine.Source.
func (w *World) At(at time.Time) []policy.Input { return []policy.Input{w.look(at, w.told)} }

// look is what is seen at a moment by somebody who was told of some warm-ups before.
func (w *World) look(at time.Time, told map[string]time.Time) policy.Input {
	v := &view{World: w, at: at, opt: w.opts.Signals, told: told}
	in := policy.Input{Model: w.model.ID, Now: at}
	var expected []string
	in.Supply, expected = v.supply()
	in.Signals.Pods, in.Signals.Partial = v.pods(expected)
	if expected == nil && len(in.Signals.Pods) == 0 && !v.clusterKnown() {
		in.Signals.Partial = true
	}
	v.arrivals(&in.Signals)
	in.Signals.TTFTP95 = v.quantile(ttftBounds, func(s *sample, b int) float64 { return s.TTFT[b] })
	in.Signals.ITLP95 = v.quantile(itlBounds, func(s *sample, b int) float64 { return s.ITL[b] })
	return in
}

func (v *view) clusterKnown() bool {
	c, ok := v.clusterAt()
	return ok && v.at.Sub(c.at) <= v.opt.MaxAge
}

// arrivals takes them from the gateway if it counts them, else from completions.
func (v *view) arrivals(s *policy.Signals) {
	if v.opts.Gateway {
		s.Arrivals, s.GatewayQueue = v.fromGateway()
		if s.Arrivals.Known {
			s.Refused = policy.Seen(0, s.Arrivals.Age) // the simulated gateway's page has no error counter
			s.ArrivalSource = policy.FromGateway
			s.Partial = s.Partial || !s.GatewayQueue.Known
			return
		}
		s.Partial = true
	}
	r, partial := v.completionArrivals(s.Pods)
	if r.Known {
		s.Arrivals, s.ArrivalSource, s.Partial = r, policy.FromCompletions, s.Partial || partial
	}
}

// fromGateway is the rate of the gateway's counter over the window and its newest queue.
func (v *view) fromGateway() (arrivals, queue policy.Reading) {
	var first, last *gatewaySample
	for i := range v.gateway {
		g := &v.gateway[i]
		if g.at.After(v.windowStart()) && !g.at.After(v.at) {
			if first == nil || !valid(first.arrivals) {
				first = g
			}
			last = g
		}
	}
	if last == nil || v.at.Sub(last.at) > v.opt.MaxAge {
		return policy.Reading{}, policy.Reading{}
	}
	age := v.at.Sub(last.at)
	if first != last && valid(last.arrivals) {
		arrivals = policy.Seen((last.arrivals-first.arrivals)/last.at.Sub(first.at).Seconds(), age)
	}
	if valid(last.held) {
		queue = policy.Seen(last.held, age)
	}
	return arrivals, queue
}

// garble makes the metrics NaN that a fault hits, by the names of vLLM.
func garble(f *sim.Faults, t turn, s *sample) {
	for _, m := range []struct {
		name  string
		value *float64
	}{
		{"vllm:num_requests_running", &s.Running},
		{"vllm:num_requests_waiting", &s.Waiting},
		{"vllm:kv_cache_usage_perc", &s.KV},
		{"vllm:request_success_total", &s.Completions},
		{"vllm:prompt_tokens_total", &s.PromptTokens},
		{"vllm:prefix_cache_hits_total", &s.PrefixHits},
		{"vllm:generation_tokens_total", &s.OutputTokens},
	} {
		if f.Garbled(t.name, m.name, t.at) {
			*m.value = math.NaN()
		}
	}
	spoil := func(name string, buckets []float64) {
		if f.Garbled(t.name, name, t.at) {
			for i := range buckets {
				buckets[i] = math.NaN()
			}
		}
	}
	spoil("vllm:time_to_first_token_seconds", s.TTFT[:])
	spoil("vllm:inter_token_latency_seconds", s.ITL[:])
}
