package sim

import "math"

// iteration is the present time of one iteration and its growth per iteration, both in seconds.
func (r *Replica) iteration() (t, growth float64) {
	n := float64(r.decoding.len())
	t = r.base + r.perN*n + r.cfg.PerKVToken*r.kv
	if r.prefill.len() > 0 {
		t += r.chunk / r.cfg.PrefillRate
	}
	return t, r.cfg.PerKVToken * n
}

// progress applies dv iterations taking dt seconds to an unchanged batch.
func (r *Replica) progress(dv, dt float64) {
	r.now += dt
	r.iter += dv
	if n := float64(r.decoding.len()); n > 0 && dv > 0 {
		tokens := n * dv
		r.kv += tokens
		r.Stats.GeneratedTokens += tokens
		r.Stats.ITL.observe(dt/dv, tokens)
	}
	if r.prefill.len() > 0 {
		r.left = max(0, r.left-r.chunk*dv)
	}
}

// plan computes the next event from the present state.
func (r *Replica) plan() {
	n := float64(r.decoding.len())
	r.expiry = r.patience.expiry(&r.waiting)
	if r.Running() == 0 {
		r.next, r.nextDV = never, 0
		return
	}
	dv := r.decoding.first() - r.iter
	if r.prefill.len() > 0 {
		dv = min(dv, r.left/r.chunk)
	}
	if n > 0 {
		dv = min(dv, (r.kvCap-r.kv)/n)
	}
	dv = max(0, dv)
	t, growth := r.iteration()
	r.nextDV = dv
	r.next = r.now + t*dv + growth*dv*dv/2
}

// jump goes to the next event and handles everything due there.
func (r *Replica) jump() {
	at := r.next
	r.progress(r.nextDV, at-r.now)
	r.now = at
	if r.prefill.len() > 0 && r.left <= slack {
		r.endPrefill()
	}
	if r.decoding.first() <= r.iter+slack {
		r.endSequences()
	}
	if r.kv >= r.kvCap-slack {
		r.preempt()
	}
	r.admit()
	r.plan()
}

// endPrefill turns the oldest prefill into a decoding sequence with its next token made.
func (r *Replica) endPrefill() {
	q := r.prefill.popFront()
	q.produced++
	r.kv++
	r.Stats.GeneratedTokens++
	if q.firstToken < 0 {
		q.firstToken = r.now
		r.Stats.PromptTokens += q.Prompt
		r.Stats.TTFT.observe(r.now-q.Arrived, 1)
		r.Stats.QueueTime.observe(q.admitted-q.Arrived, 1)
		r.sink.FirstToken(q, r.now)
	}
	r.decoding.add(q, r.iter+max(0, q.Output-q.produced))
	if r.prefill.len() > 0 {
		r.left = r.prefill.at(0).toPrefill
	}
}

// endSequences ends every sequence that made its last token.
func (r *Replica) endSequences() {
	for r.decoding.first() <= r.iter+slack {
		q := r.decoding.pop()
		r.kv -= q.Prompt + q.Output
		if q.Session != 0 {
			r.sessions.put(q.Session, q.Prompt+q.Output)
		}
		why := Stop
		if q.Truncated {
			why = Length
		}
		r.finish(q, why)
	}
	if r.Running() == 0 {
		r.kv = 0 // drop what rounding left
	}
}

func (r *Replica) finish(q *Request, why Reason) {
	r.Stats.Finished[why]++
	r.Stats.Latency.observe(r.now-q.Arrived, 1)
	r.sink.Finished(q, r.now, why)
}

// preempt returns the youngest sequence to the head of the queue, to be recomputed.
func (r *Replica) preempt() {
	if r.Running() < 2 {
		return // Enqueue made sure that a single sequence fits
	}
	r.Stats.Preemptions++
	if r.prefill.len() > 0 {
		q := r.prefill.popBack()
		r.kv -= q.Prompt + q.produced
		r.waiting.pushFront(q)
		return
	}
	s := r.decoding.youngest()
	q := s.req
	q.produced = q.Output - (s.last - r.iter)
	r.kv -= q.Prompt + q.produced
	r.waiting.pushFront(q)
}

// admit starts prefills in order of arrival while there is a slot and KV room.
func (r *Replica) admit() {
	for q := r.patience.expired(&r.waiting, r.now); q != nil; q = r.patience.expired(&r.waiting, r.now) {
		r.finish(q, Abort)
	}
	for r.waiting.len() > 0 && r.Running() < r.cfg.MaxSeqs {
		q := r.waiting.at(0)
		need := q.Prompt + q.produced
		if r.Running() > 0 && r.kv+need > r.kvCap*(1-watermark) {
			break
		}
		r.waiting.popFront()
		r.kv += need
		q.toPrefill = max(1, r.lookUp(q)+q.produced)
		r.prefill.pushBack(q)
		if r.prefill.len() == 1 {
			r.left = q.toPrefill
		}
		q.admitted = r.now
	}
	r.sessions.fit(r.kvCap - r.kv)
}

// lookUp asks the prefix cache for a prompt and returns the tokens it lacks.
func (r *Replica) lookUp(q *Request) (uncached float64) {
	found := r.Cached(q)
	if q.Session != 0 {
		r.sessions.drop(q.Session) // its blocks belong to the sequence now
	}
	r.Stats.PrefixQueries += q.Prompt
	r.Stats.PrefixHits += found
	return q.Prompt - found
}

// meanHit is the share of a prompt without a session that the cache has. The cache of a new replica is
// empty and fills with use: hit = PrefixHit * (1 - exp(-seen/PrefixFill)).
func (r *Replica) meanHit() float64 {
	if r.cfg.PrefixHit == 0 {
		return 0
	}
	return r.cfg.PrefixHit * (1 - math.Exp(-r.Stats.PrefixQueries/r.cfg.PrefixFill))
}
