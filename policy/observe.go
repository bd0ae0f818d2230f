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
	var w Workspace
	return w.Observe(&m, &l, &in)
}

// Observe is Observe with the workspace's memory.
func (w *Workspace) Observe(m *Model, was *Learned, in *Input) Learned {
	l, c := *was, takeCensus(in)
	elapsed := min(max(in.Now.Sub(l.At), 0), maxTick)
	if l.Since.IsZero() {
		l.Since, l.LastBusy, elapsed = in.Now, in.Now, 0
	}
	if unwatched := in.Now.Sub(l.At) > maxTick; unwatched || !provenIdle(m, in, &c) {
		if !unwatched {
			l.addGap(in, &c)
		}
		l.LastBusy = in.Now // nobody watched, so nothing proves that it was idle
	}
	if l.At = in.Now; canDecide(in) {
		l.Good = in.Now
	}
	fade := w.fades.after(elapsed)
	l.Serving = l.Serving.observe(in)
	l.Request = l.Request.observe(in, &c, m.SLO, fade, l.Serving.refilling(in.Now))
	l.Refusals = l.Refusals.observe(&in.Signals, fade)
	l.Flight = l.Flight.next(m, in, &c)
	steady := l.Flight.steady(in.Now)
	l.Variants = w.variants.take(len(m.Variants))
	for i := range m.Variants {
		l.Variants[i] = *was.variant(i)
		w.learn(&l.Variants[i], &m.Variants[i], m.SLO, in, supplyOf(in, i), steady)
	}
	return l
}

// observe adds one tick's completions, tokens and time in service to the decayed
// sums. Time in service is only learned while no queue stands and TTFT is within
// the SLO: an overloaded engine is slow, and that is not what a request asks for. While caches refill, the share of
// prompt tokens that they answer is frozen as it was learned before.
func (r Request) observe(in *Input, c *census, slo SLO, fade *fades, refilling bool) Request {
	if !c.finished {
		return r // a sum with holes would bias the ratio
	}
	now := Request{Count: c.completions, Output: c.output, Prompt: c.prompt, Asked: c.asked}
	if refilling && r.Asked > 0 {
		now.Prompt = now.Asked * r.Prompt / r.Asked
	}
	if now.Prompted = now.Count; !c.prompted {
		now.Prompt, now.Prompted, now.Asked = 0, 0, 0
	}
	if !standing(c.waiting, c.running) && !in.Signals.late(slo) {
		now.Busy, now.Served = c.running, now.Count
	}
	keep, dt := 1.0, fade.elapsed.Seconds()
	if now.Count > 0 { // a quiet night is no reason to forget what a request is
		keep = fade.request
	}
	add := func(sum, rate float64) float64 { return sum*keep + rate*dt }
	r = Request{
		Count: add(r.Count, now.Count), Output: add(r.Output, now.Output),
		Prompted: add(r.Prompted, now.Prompted), Prompt: add(r.Prompt, now.Prompt), Asked: add(r.Asked, now.Asked),
		Served: add(r.Served, now.Served), Busy: add(r.Busy, now.Busy), Settled: r.Settled,
	}
	r.Settled = r.Settled || r.Count >= max(minRequests, settledShare*c.running)
	return r
}

// orNow is r, or until requests were measured what this moment says of them; as
// long as many run and few have completed, that is nothing, because tokens come
// before completions do.
func (r Request) orNow(m *Model, in *Input, c *census) Request {
	if r.known() {
		return r
	}
	now := Request{}.observe(in, c, m.SLO, &fades{elapsed: momentary}, false) // there is nothing yet to fade
	now.Served, now.Busy = r.Served, r.Busy
	return now
}

// late says that TTFT is known to miss the SLO.
func (s *Signals) late(slo SLO) bool {
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

// learn learns the capacity interval and warm-ups of one variant.
func (w *Workspace) learn(l *VariantLearned, v *Variant, slo SLO, in *Input, s *Supply, steady bool) {
	l.observeCapacity(v.Name, slo, in, s, steady, &w.fades)
	if s.Known && v.CapacityType == Spot {
		l.Stood = w.withLow(l.Stood, Standing{in.Now, s.Ready})
	}
	l.Podless = l.Podless.observe(in.Now, *s)
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
}

// provenIdle says that every source expected in this state was read, freshly,
// and showed nothing: the only ground for scaling to zero.
func provenIdle(m *Model, in *Input, c *census) bool {
	return m.Gateway && !in.Signals.Partial && gatewayIdle(&in.Signals) && c.quiet && allHeard(in)
}

// gatewayIdle says that the source that exists at zero replicas counted no
// request and holds none. A gateway that has no queue at all can hold none; one
// whose queue cannot be read makes the signals Partial.
func gatewayIdle(s *Signals) bool {
	return s.ArrivalSource == FromGateway && s.Arrivals.Known && s.Arrivals.Value == 0 &&
		!(s.GatewayQueue.Known && s.GatewayQueue.Value > 0)
}

// allHeard says that every ready replica was heard.
func allHeard(in *Input) bool {
	for i := range in.Supply {
		if v := &in.Supply[i]; !v.Known || v.Ready > heard(in, v.Variant) {
			return false
		}
	}
	return true
}

// heard is how many pods of a variant report.
func heard(in *Input, variant string) int {
	n := 0
	for i := range in.Signals.Pods {
		if in.Signals.Pods[i].Variant == variant {
			n++
		}
	}
	return n
}

// canDecide says that demand and supply are known well enough for a decision
// that may lower.
func canDecide(in *Input) bool {
	if in.Signals.Partial || !in.Signals.Arrivals.Known {
		return false
	}
	for i := range in.Supply {
		if !in.Supply[i].Known {
			return false
		}
	}
	return len(in.Supply) > 0
}

// supplyOf is the supply of variant i, to be read; unknown if it is not there.
func supplyOf(in *Input, i int) *Supply {
	if i < len(in.Supply) {
		return &in.Supply[i]
	}
	return &noSupply
}

var noSupply Supply // never written to

func decay(elapsed, halfLife time.Duration) float64 {
	return math.Exp2(-elapsed.Seconds() / halfLife.Seconds())
}
