package policy

import "time"

// The capacity of a replica is learned as an interval [Lower, Upper], the largest
// load of a mean pod at which the SLO holds:
//
//	Lower   max over confirmed windows of the load carried while the SLO held, x 2^(-age/30 d)
//	Upper   mean load of a minute in which the SLO was missed with a queue standing, once it has stood for a rate window
//	full    load x kvFull / KV use: the load at which KV caches are full, a physical bound
//	Plan    prior, moved only by evidence: at least Lower, at most max(Upper, Lower)
//
// Plan forgets nothing with time, so a prior that was disproved does not return.
// Evidence contradicts evidence instead: a load above Upper that is carried raises
// Upper to it, and a miss below Lower pulls Lower down. Where replicas differ, both
// come again and again, of fleets that happen to be fast and slow. While TTFT has
// margin, Plan goes one replica beyond what was proven, Lower x N/(N-1), so that a
// fleet that never saturates finds out what it could carry; one that has met a bound
// steps no further than it.
const (
	trialWindow   = 3 * time.Minute     // load must be carried this long, and as long again
	missWindow    = time.Minute         // of load while a queue stands: one piece of evidence
	rateWindow    = 2 * time.Minute     // a load is a mean over this long; before, it is of quieter times
	lowerHalfLife = 30 * 24 * time.Hour // of Lower: what was carried long ago may not be carried now
	yieldHalfLife = 10 * time.Minute    // of Lower's distance to Upper, while Upper is below it
	upperGain     = 0.5                 // weight of one more missWindow
	packHalfLife  = 30 * time.Minute    // of the sums behind full
	packed        = 0.25                // KV use below this says nothing of how much fills a cache
	marginShare   = 0.5                 // TTFT below this share of the SLO has margin
	boldest       = 1.25                // the largest step beyond what was proven
)

// believed is Plan, with the prior where evidence never touched it.
func (l *VariantLearned) believed() Capacity {
	prior, plan := PriorCapacity(), &l.Plan
	return Capacity{
		Requests:     orPrior(plan.Requests, prior.Requests),
		PromptTokens: orPrior(plan.PromptTokens, prior.PromptTokens),
		OutputTokens: orPrior(plan.OutputTokens, prior.OutputTokens),
		Concurrency:  orPrior(plan.Concurrency, prior.Concurrency),
	}
}

func orPrior(plan, prior float64) float64 {
	if plan > 0 {
		return plan
	}
	return prior
}

// observeCapacity learns from one tick. Pods younger than a cache refill are not
// looked at: they are slower, and their caches are cold.
func (l *VariantLearned) observeCapacity(name string, slo SLO, in *Input, s *Supply, steady bool, fade *fades) {
	elapsed := fade.elapsed
	l.Lower = l.Lower.scale(fade.lower)
	l.Pods = sight(l.Pods, name, in, elapsed == 0)
	seen := l.look(name, in)
	if seen.pods == 0 {
		return
	}
	if steady {
		l.Packed = l.Packed.observe(&seen, fade)
	}
	late := in.Signals.late(slo)
	queue := seen.queue && (late || !in.Signals.TTFTP95.Known)
	l.Missing += elapsed
	if !queue {
		l.Missing = 0
	}
	switch {
	case queue, late && l.beyond(seen.load):
		l.Trial = Trial{}
		l.miss(&seen, elapsed)
	case late:
		l.Trial, l.Missed = Trial{}, Spell{}
	default:
		l.Missed = Spell{}
		margin := in.Signals.TTFTP95.Known && in.Signals.TTFTP95.Value <= marginShare*slo.TTFTP95.Seconds()
		l.carry(seen.load, elapsed, margin, s.Ready)
	}
}

// beyond says that a load is more than was ever carried, of those that were.
func (l *VariantLearned) beyond(load Capacity) bool {
	return l.Lower.OutputTokens > 0 && load.OutputTokens > l.Lower.OutputTokens ||
		l.Lower.Requests > 0 && load.Requests > l.Lower.Requests
}

// carry moves load through its trial; see Trial.
func (l *VariantLearned) carry(load Capacity, elapsed time.Duration, margin bool, replicas int) {
	l.Trial.Window.add(&load, elapsed)
	if l.Trial.Window.For < trialWindow {
		return
	}
	proven := l.Trial.Confirmed
	l.Trial = Trial{Confirmed: l.Trial.Window.mean()}
	l.Lower = l.Lower.highest(proven)
	l.Upper = l.Upper.zip(proven, proven, func(upper, proven, _ float64) float64 {
		if upper > 0 && proven > upper {
			return proven // it was carried, so the bound is no lower
		}
		return upper
	})
	goal := l.Lower
	if margin && replicas > 1 {
		bold := min(float64(replicas)/float64(replicas-1), boldest)
		goal = l.Lower.zip(l.Upper, l.Upper, func(lower, upper, _ float64) float64 {
			if upper > 0 {
				return max(lower, min(lower*bold, upper))
			}
			return lower * bold
		})
	}
	l.Plan = l.believed().zip(goal, l.Plan, func(believed, goal, plan float64) float64 {
		if goal > believed {
			return goal
		}
		return plan
	})
}

// miss takes what pods carried while the SLO was missed for the end of the
// interval, in the dimension that comes closest to what was believed of it (and
// in requests, which stand for all).
func (l *VariantLearned) miss(seen *look, elapsed time.Duration) {
	if l.Missing > 0 && l.Missing < rateWindow {
		return
	}
	if l.Missed.add(&seen.jammed, elapsed); l.Missed.For < missWindow {
		return
	}
	over, spell := l.Missed.mean(), l.Missed.For
	l.Missed = Spell{}
	dim := scarcest(over, l.believed())
	cut := func(upper, lower, plan *float64, believed, over float64) {
		if over <= 0 {
			return
		}
		if *upper == 0 {
			*upper = over
		}
		*upper += upperGain * (over - *upper)
		if *upper < *lower {
			*lower = *upper + (*lower-*upper)*decay(spell, yieldHalfLife)
		}
		*plan = min(believed, max(*upper, *lower))
	}
	b := l.believed()
	cut(&l.Upper.Requests, &l.Lower.Requests, &l.Plan.Requests, b.Requests, over.Requests)
	switch dim {
	case 1:
		cut(&l.Upper.PromptTokens, &l.Lower.PromptTokens, &l.Plan.PromptTokens, b.PromptTokens, over.PromptTokens)
	case 2:
		cut(&l.Upper.OutputTokens, &l.Lower.OutputTokens, &l.Plan.OutputTokens, b.OutputTokens, over.OutputTokens)
	}
}

// scarcest is the dimension (of Work.dims) in which a load is the largest part of
// a capacity; tokens before requests.
func scarcest(load, capacity Capacity) int {
	best, at := 0.0, 0
	have := Work(capacity).dims()
	for d, x := range Work(load).dims() {
		if d > 0 && have[d] > 0 && x/have[d] > best {
			best, at = x/have[d], d
		}
	}
	return at
}

// look is what the grown pods of a variant show at one moment.
type look struct {
	pods   int
	load   Capacity // of the mean pod
	jammed Capacity // of the mean pod with a queue; of all if the gateway holds it
	kv     float64  // of the mean pod; 0 = unknown
	queue  bool     // a queue stands, in the engines or at the gateway
}

// look gathers the grown pods that tell how busy they are; sightings are those of the pods, in their order.
func (l *VariantLearned) look(name string, in *Input) look {
	var out look
	var waiting, running, kv float64
	var all, jammed Spell
	known, at, since := true, -1, in.Now.Add(-cacheRefill)
	for i := range in.Signals.Pods {
		p := &in.Signals.Pods[i]
		if p.Variant != name {
			continue
		}
		if at++; !p.Pending.Known || !p.Running.Known || !l.Pods[at].grown(since) {
			continue
		}
		load := podLoad(p)
		all.add(&load, time.Second)
		if queued(p.Pending.Value, p.Running.Value) {
			jammed.add(&load, time.Second)
		}
		waiting, running, kv = waiting+p.Pending.Value, running+p.Running.Value, kv+p.KV.Value
		known = known && p.KV.Known
		out.pods++
	}
	if out.pods == 0 {
		return out
	}
	out.load = all.mean()
	if out.jammed = out.load; jammed.For > 0 {
		out.jammed = jammed.mean()
	}
	out.queue = queued(waiting+in.Signals.GatewayQueue.Value, running)
	if known {
		out.kv = kv / float64(out.pods)
	}
	return out
}

// queued says that a queue stands where requests are being served.
func queued(waiting, running float64) bool { return running > 0 && standing(waiting, running) }

// podLoad is what one pod carries now; unknown dimensions are zero.
func podLoad(p *Pod) Capacity {
	return Capacity{
		Requests: p.Completions.Value, PromptTokens: p.PromptTokens.Value,
		OutputTokens: p.OutputTokens.Value, Concurrency: p.Running.Value,
	}
}

func (s *Spell) add(load *Capacity, elapsed time.Duration) {
	sec := elapsed.Seconds()
	s.For += elapsed
	s.Sum.Requests += load.Requests * sec
	s.Sum.PromptTokens += load.PromptTokens * sec
	s.Sum.OutputTokens += load.OutputTokens * sec
	s.Sum.Concurrency += load.Concurrency * sec
}

func (s *Spell) mean() Capacity { return s.Sum.scale(1 / s.For.Seconds()) }

func (p Packed) observe(seen *look, fade *fades) Packed {
	if seen.kv < packed {
		return p
	}
	keep, dt, load := fade.pack, fade.elapsed.Seconds(), &seen.load
	p.Load = Capacity{
		Requests:     p.Load.Requests*keep + load.Requests*dt,
		PromptTokens: p.Load.PromptTokens*keep + load.PromptTokens*dt,
		OutputTokens: p.Load.OutputTokens*keep + load.OutputTokens*dt,
		Concurrency:  p.Load.Concurrency*keep + load.Concurrency*dt,
	}
	p.KV = p.KV*keep + seen.kv*dt
	return p
}

// full is the load at which KV caches are full; zero where it is not known.
func (p Packed) full() Capacity {
	if p.KV <= 0 {
		return Capacity{}
	}
	return p.Load.scale(kvFull / p.KV)
}
