package policy

import (
	"math"
	"time"
)

// census is what one pass over a model's pods finds, for all who ask. Sums take in what is known and what is not, as
// zero; beside them stands whether all of it was known.
type census struct {
	completions float64 // requests per second
	output      float64 // tokens per second
	prompt      float64 // uncached ones
	asked       float64 // cached ones as well
	running     float64 // requests
	waiting     float64
	flight      float64       // running and waiting
	oldest      time.Duration // age of the reading of these that is
	newest      time.Duration
	kv          float64 // KV-cache use, in caches
	queued      float64 // requests known to wait, at the gateway as well
	finished    bool    // completions and output tokens of every pod are known
	prompted    bool    // prompt tokens are
	flying      bool    // running, waiting and completions are
	cached      bool    // KV-cache use is
	quiet       bool    // every pod is known to have nothing to do
	heard       bool    // some pod says anything
	queueKnown  bool    // of queued, anything is
}

// takeCensus looks at every pod once. Its sums are in the order of the pods, so that they are the same whoever asks.
func takeCensus(in *Input) (c census) {
	c.finished, c.prompted, c.flying, c.cached, c.quiet, c.newest = true, true, true, true, true, math.MaxInt64
	if q := &in.Signals.GatewayQueue; q.Known {
		c.queued, c.queueKnown = q.Value, true
	}
	for i := range in.Signals.Pods {
		c.add(&in.Signals.Pods[i])
	}
	return c
}

func (c *census) add(p *Pod) {
	c.completions += p.Completions.Value
	c.output += p.OutputTokens.Value
	c.prompt += p.PromptTokens.Value
	c.asked += p.PromptTokens.Value + p.CachedTokens.Value
	c.running += p.Running.Value
	c.waiting += p.Pending.Value
	c.flight += p.Running.Value + p.Pending.Value
	c.oldest, c.newest = max(c.oldest, p.Running.Age, p.Pending.Age), min(c.newest, p.Running.Age, p.Pending.Age)
	c.kv += p.KV.Value
	if p.Pending.Known {
		c.queued += p.Pending.Value
		c.queueKnown = true
	}
	busy := p.Running.Known && p.Pending.Known
	c.finished = c.finished && p.Completions.Known && p.OutputTokens.Known
	c.prompted = c.prompted && p.PromptTokens.Known
	c.flying = c.flying && busy && p.Completions.Known
	c.cached = c.cached && p.KV.Known
	c.quiet = c.quiet && busy && p.Pending.Value+p.Running.Value == 0
	c.heard = c.heard || p.heard()
}

// heard says that a pod told anything of its work.
func (p *Pod) heard() bool {
	return p.Running.Known || p.Pending.Known || p.Completions.Known || p.OutputTokens.Known
}
