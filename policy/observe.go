package policy

import (
	"math"
	"time"
)

const (
	maxTick         = 2 * time.Minute  // a longer gap between ticks counts as this much
	requestHalfLife = 30 * time.Minute // of the token counts per request
	lowerHalfLife   = 24 * time.Hour   // of the highest load carried
	upperHalfLife   = 6 * time.Hour    // of the load at which a queue stood: it relaxes upwards
	saturatedTicks  = 4                // a queue must stand this long to be evidence
	upperGain       = 0.2              // weight of one more saturated tick
	maxWarmUps      = 32
)

// Observe folds one input into what is learned. It only learns; it never
// decides, and what it learns is used from the next tick on. Unknown readings
// teach nothing, and l is never modified.
func Observe(m Model, l Learned, in Input) Learned {
	elapsed := min(max(in.Now.Sub(l.At), 0), maxTick)
	if l.Since.IsZero() {
		l.Since, l.LastBusy, elapsed = in.Now, in.Now, 0
	}
	l.At = in.Now
	if !provenIdle(m, in) {
		l.LastBusy = in.Now
	}
	if canDecide(in) {
		l.Good = in.Now
	}
	l.Request = l.Request.observe(in.Signals, elapsed)
	variants := make([]VariantLearned, len(m.Variants))
	for i, v := range m.Variants {
		variants[i] = l.variant(i).observe(m.SLO, v.Name, in, supplyOf(in, i), elapsed)
	}
	l.Variants = variants
	return l
}

// observe adds one tick's tokens and completions to the decayed sums.
func (r Request) observe(s Signals, elapsed time.Duration) Request {
	var count, prompt, output float64
	for _, p := range s.Pods {
		if !p.Completions.Known || !p.OutputTokens.Known {
			return r // a sum with holes would bias the ratio
		}
		count += p.Completions.Value
		output += p.OutputTokens.Value
		prompt += p.PromptTokens.Value // unknown reads as none, and then stays none
	}
	keep, dt := decay(elapsed, requestHalfLife), elapsed.Seconds()
	return Request{Count: r.Count*keep + count*dt, Prompt: r.Prompt*keep + prompt*dt, Output: r.Output*keep + output*dt}
}

// known says whether enough requests were seen to trust the ratio.
func (r Request) known() bool { return r.Count >= 5 && r.Output > 0 }

// observe learns the capacity interval and warm-ups of one variant.
func (l VariantLearned) observe(slo SLO, name string, in Input, s Supply, elapsed time.Duration) VariantLearned {
	l.Lower = l.Lower.scale(decay(elapsed, lowerHalfLife))
	l.Upper = l.Upper.scale(1 / decay(elapsed, upperHalfLife))
	queued := false
	for _, p := range in.Signals.Pods {
		if p.Variant == name && p.Pending.Known && p.Running.Known {
			queued = l.observePod(p, in.Signals.TTFTP95, slo) || queued
		}
	}
	l.Saturated++
	if !queued {
		l.Saturated = 0
	}
	if len(s.WarmUps) > 0 {
		all := append(append([]time.Duration(nil), l.WarmUps...), s.WarmUps...)
		l.WarmUps = all[max(len(all)-maxWarmUps, 0):]
	}
	return l
}

// observePod moves the bounds by one pod's load: a pod without a queue while the
// SLO held carried it, so capacity is at least that; a queue that has stood while
// TTFT was missed (or not known) is the most it carries. It says whether a queue
// stands.
func (l *VariantLearned) observePod(p Pod, ttft Reading, slo SLO) bool {
	late := ttft.Known && ttft.Value > slo.TTFTP95.Seconds()
	if p.Pending.Value < 1 && !late {
		l.Lower = l.Lower.highest(podLoad(p))
		return false
	}
	if p.Running.Value <= 0 || !standing(p.Pending.Value, p.Running.Value) || ttft.Known && !late {
		return false
	}
	if l.Saturated >= saturatedTicks {
		l.Upper = l.Upper.towards(podLoad(p), upperGain)
	}
	return true
}

// podLoad is what one pod carries now; unknown dimensions are zero.
func podLoad(p Pod) Capacity {
	return Capacity{
		Requests: p.Completions.Value, PromptTokens: p.PromptTokens.Value,
		OutputTokens: p.OutputTokens.Value, Concurrency: p.Running.Value,
	}
}

// provenIdle says that every source expected in this state was read, freshly,
// and showed nothing: the only ground for scaling to zero.
func provenIdle(m Model, in Input) bool {
	return m.Gateway && !in.Signals.Partial && gatewayIdle(in.Signals) && enginesIdle(in)
}

// gatewayIdle says that the source that exists at zero replicas saw no request.
func gatewayIdle(s Signals) bool {
	return s.ArrivalSource == FromGateway && s.Arrivals.Known && s.Arrivals.Value == 0 &&
		!(s.GatewayQueue.Known && s.GatewayQueue.Value > 0)
}

// enginesIdle says that every ready replica was heard and has nothing to do.
func enginesIdle(in Input) bool {
	ready := 0
	for _, v := range in.Supply {
		if !v.Known {
			return false
		}
		ready += v.Ready
	}
	for _, p := range in.Signals.Pods {
		quiet := p.Pending.Known && p.Pending.Value == 0 && p.Running.Known && p.Running.Value == 0
		if !quiet {
			return false
		}
	}
	return ready <= len(in.Signals.Pods)
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
