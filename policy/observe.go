package policy

import (
	"math"
	"slices"
	"time"
)

const (
	maxTick         = 2 * time.Minute  // a longer gap between ticks counts as this much
	requestHalfLife = 30 * time.Minute // of the token counts per request
	maxWarmUps      = 32
	minRequests     = 5               // fewer are no evidence of what a request asks for
	settledShare    = 2               // nor are fewer than so many times those in service: half of their tokens came before
	momentary       = 2 * time.Minute // of the rates of one moment, for a first idea of what a request is
)

// Observe folds one input into what is learned. It only learns; it never
// decides, and what it learns is used from the next tick on. Unknown readings
// teach nothing, and l is never modified.
func Observe(m Model, l Learned, in Input) Learned {
	elapsed := min(max(in.Now.Sub(l.At), 0), maxTick)
	if l.Since.IsZero() {
		l.Since, l.LastBusy, elapsed = in.Now, in.Now, 0
	}
	if unwatched := in.Now.Sub(l.At) > maxTick; unwatched || !provenIdle(m, in) {
		if !unwatched {
			l = l.withGap(in)
		}
		l.LastBusy = in.Now // nobody watched, so nothing proves that it was idle
	}
	if l.At = in.Now; canDecide(in) {
		l.Good = in.Now
	}
	l.Serving = l.Serving.observe(in)
	l.Request = l.Request.observe(in.Signals, m.SLO, elapsed, l.Serving.refilling(in.Now))
	l.Refusals = l.Refusals.observe(in.Signals, elapsed)
	l.Flight = l.Flight.next(m, in)
	steady := l.Flight.steady(in.Now)
	variants := make([]VariantLearned, len(m.Variants))
	for i, v := range m.Variants {
		variants[i] = l.variant(i).observe(v, m.SLO, in, supplyOf(in, i), steady, elapsed)
	}
	l.Variants = variants
	return l
}

// observe adds one tick's completions, tokens and time in service to the decayed
// sums. Time in service is only learned while no queue stands and TTFT is within
// the SLO: an overloaded engine is slow, and that is not what a request asks for. While caches refill, the share of
// prompt tokens that they answer is frozen as it was learned before.
func (r Request) observe(s Signals, slo SLO, elapsed time.Duration, refilling bool) Request {
	var now Request
	waiting, running, prompts := 0.0, 0.0, true
	for _, p := range s.Pods {
		if !p.Completions.Known || !p.OutputTokens.Known {
			return r // a sum with holes would bias the ratio
		}
		now.Count += p.Completions.Value
		now.Output += p.OutputTokens.Value
		now.Prompt += p.PromptTokens.Value
		now.Asked += p.PromptTokens.Value + p.CachedTokens.Value
		prompts = prompts && p.PromptTokens.Known
		running += p.Running.Value
		waiting += p.Pending.Value
	}
	if refilling && r.Asked > 0 {
		now.Prompt = now.Asked * r.Prompt / r.Asked
	}
	if now.Prompted = now.Count; !prompts {
		now.Prompt, now.Prompted, now.Asked = 0, 0, 0
	}
	if !standing(waiting, running) && !s.late(slo) {
		now.Busy, now.Served = running, now.Count
	}
	keep, dt := 1.0, elapsed.Seconds()
	if now.Count > 0 { // a quiet night is no reason to forget what a request is
		keep = decay(elapsed, requestHalfLife)
	}
	add := func(sum, rate float64) float64 { return sum*keep + rate*dt }
	r = Request{
		Count: add(r.Count, now.Count), Output: add(r.Output, now.Output),
		Prompted: add(r.Prompted, now.Prompted), Prompt: add(r.Prompt, now.Prompt), Asked: add(r.Asked, now.Asked),
		Served: add(r.Served, now.Served), Busy: add(r.Busy, now.Busy), Settled: r.Settled,
	}
	r.Settled = r.Settled || r.Count >= max(minRequests, settledShare*running)
	return r
}

// orNow is r, or until requests were measured what this moment says of them; as
// long as many run and few have completed, that is nothing, because tokens come
// before completions do.
func (r Request) orNow(m Model, in Input) Request {
	if r.known() {
		return r
	}
	now := Request{}.observe(in.Signals, m.SLO, momentary, false)
	now.Served, now.Busy = r.Served, r.Busy
	r = now
	return r
}

// late says that TTFT is known to miss the SLO.
func (s Signals) late(slo SLO) bool {
	return s.TTFTP95.Known && s.TTFTP95.Value > slo.TTFTP95.Seconds()
}

// service is how long one request is in service, in seconds; 0 if not known.
func (r Request) service() float64 {
	if r.Served < minRequests {
		return 0
	}
	return r.Busy / r.Served
}

// known says whether enough requests were seen to trust the ratio.
func (r Request) known() bool { return r.Settled && r.Count > 0 && r.Output > 0 }

// observe learns the capacity interval and warm-ups of one variant.
func (l VariantLearned) observe(v Variant, slo SLO, in Input, s Supply, steady bool, elapsed time.Duration) VariantLearned {
	l = l.observeCapacity(v.Name, slo, in, s, steady, elapsed)
	if s.Known && v.CapacityType == Spot {
		l.Stood = withLow(l.Stood, Standing{in.Now, s.Ready})
	}
	l.Podless = l.Podless.observe(in.Now, s)
	if len(s.WarmUps)+len(s.NewNodes) > 0 {
		all := slices.Clone(l.WarmUps)
		for _, took := range s.WarmUps {
			all = append(all, WarmedUp{Took: took})
		}
		for _, took := range s.NewNodes {
			all = append(all, WarmedUp{took, true})
		}
		l.WarmUps = all[max(len(all)-maxWarmUps, 0):]
	}
	return l
}

// provenIdle says that every source expected in this state was read, freshly,
// and showed nothing: the only ground for scaling to zero.
func provenIdle(m Model, in Input) bool {
	return m.Gateway && !in.Signals.Partial && gatewayIdle(in.Signals) && enginesIdle(in)
}

// gatewayIdle says that the source that exists at zero replicas counted no
// request and holds none. A gateway that has no queue at all can hold none; one
// whose queue cannot be read makes the signals Partial.
func gatewayIdle(s Signals) bool {
	return s.ArrivalSource == FromGateway && s.Arrivals.Known && s.Arrivals.Value == 0 &&
		!(s.GatewayQueue.Known && s.GatewayQueue.Value > 0)
}

// enginesIdle says that every ready replica was heard and has nothing to do.
func enginesIdle(in Input) bool {
	for _, p := range in.Signals.Pods {
		quiet := p.Pending.Known && p.Pending.Value == 0 && p.Running.Known && p.Running.Value == 0
		if !quiet {
			return false
		}
	}
	for _, v := range in.Supply {
		if !v.Known || v.Ready > heard(in, v.Variant) {
			return false
		}
	}
	return true
}

// heard is how many pods of a variant report.
func heard(in Input, variant string) int {
	n := 0
	for _, p := range in.Signals.Pods {
		if p.Variant == variant {
			n++
		}
	}
	return n
}

// canDecide says that demand and supply are known well enough for a decision
// that may lower.
func canDecide(in Input) bool {
	if in.Signals.Partial || !in.Signals.Arrivals.Known {
		return false
	}
	for _, s := range in.Supply {
		if !s.Known {
			return false
		}
	}
	return len(in.Supply) > 0
}

// supplyOf is the supply of variant i; unknown if it is not there.
func supplyOf(in Input, i int) Supply {
	if i < len(in.Supply) {
		return in.Supply[i]
	}
	return Supply{}
}

func decay(elapsed, halfLife time.Duration) float64 {
	return math.Exp2(-elapsed.Seconds() / halfLife.Seconds())
}
