package sim

import "math"

// never is the moment of what does not happen.
var never = math.Inf(1)

// Replica is an engine with continuous batching, advanced from event to event in closed form.
//
// All sequences in the batch make progress at one rate, so the replica counts iterations v (a real
// number). With n decoding sequences, K tokens held in the KV cache and a prefill under way or not
// (p = 1 or 0), an iteration takes
//
//	T = a + b*n + c*K + p*C/P   seconds
//
// where C is the prefill chunk and P the prefill rate: chunked prefill rides along with decoding and
// slows it while it lasts. One iteration adds a token to each decoding sequence, hence n tokens to K,
// and takes C tokens off the oldest prefill. Over dv iterations the batch does not change, so
//
//	dt(dv) = T*dv + c*n*dv^2/2
//
// and the next event is the nearest of: a sequence reaches its last token, the oldest prefill
// completes, the KV cache is full, or somebody arrives from outside (inverting dt).
//
// Admission is first come, first served, and needs a slot and KV room for the prompt. A prefill ends
// with the first token, so TTFT includes all queueing. When the KV cache is full, the youngest sequence
// is preempted: its KV is freed, it returns to the head of the queue and is recomputed later.
//
// The KV of a finished conversation stays in the blocks that no running sequence needs, newest first, and
// its next turn computes only what is new. A request without a session finds PrefixHit of its prompt.
//
// Left out: block rounding, the wait for the running iteration to end, speculative decoding.
type Replica struct {
	cfg  ReplicaConfig
	sink Sink

	now   float64
	iter  float64 // v
	kv    float64 // K
	kvCap float64
	chunk float64 // C
	base  float64 // a
	perN  float64 // b

	patience patience
	waiting  queue
	prefill  queue   // admitted, oldest first; only the front one computes
	left     float64 // tokens of the front prefill still to compute
	decoding batch
	sessions prefixCache

	cacheLabels string // of the info metric

	next   float64 // moment of the next event in the batch, +Inf when it is empty
	nextDV float64 // iterations until then
	expiry float64 // moment at which the next of the waiting gives up

	Stats Stats
}

// watermark is the share of the KV cache that admission leaves free beside a running batch, so that a
// newcomer does not push out a sequence at once.
const watermark = 0.01

// slack absorbs rounding when a moment or an iteration is compared with an event.
const slack = 1e-6

// NewReplica returns an idle replica at the given moment. The configuration must be valid.
func NewReplica(cfg ReplicaConfig, now float64, sink Sink) *Replica {
	return &Replica{
		cfg:    cfg,
		sink:   sink,
		now:    now,
		kvCap:  float64(cfg.KVBlocks * BlockTokens),
		chunk:  float64(cfg.ChunkTokens),
		base:   cfg.IterationBase.Seconds(),
		perN:   cfg.PerSeq.Seconds(),
		next:   never,
		expiry: never,

		patience:    patience(cfg.RequestTimeout.Seconds()),
		cacheLabels: cacheLabels(cfg),
		Stats:       newStats(),
	}
}

// Running is the number of sequences in the batch, prefilling or decoding.
func (r *Replica) Running() int { return r.decoding.len() + r.prefill.len() }

// Waiting is the number of requests not admitted yet.
func (r *Replica) Waiting() int { return r.waiting.len() }

// Load is what the router compares: all requests on the replica.
func (r *Replica) Load() int { return r.Running() + r.Waiting() }

// KVUse is the share of the KV cache in use, 0..1.
func (r *Replica) KVUse() float64 { return min(1, max(0, r.kv/r.kvCap)) }

// Next is the moment of the next internal event, +Inf when the replica is idle.
func (r *Replica) Next() float64 { return min(r.next, r.expiry) }

// Cached is how many prompt tokens of a request it would find in its prefix cache.
func (r *Replica) Cached(q *Request) float64 {
	if q.Session == 0 {
		return math.Floor(q.Prompt * r.meanHit())
	}
	return min(r.sessions.peek(q.Session), q.Prefix)
}

func (r *Replica) stats() *Stats { return &r.Stats }

func (r *Replica) info() string { return r.cacheLabels }

// Enqueue hands over a request at a moment not before the replica's own; false means the queue is full.
// A request that can never fit is cut to the KV cache, as a server cuts it to the model length.
func (r *Replica) Enqueue(q *Request, now float64) bool {
	r.Advance(now)
	if r.cfg.MaxQueue > 0 && r.waiting.len() >= r.cfg.MaxQueue {
		return false
	}
	q.produced, q.firstToken, q.end = 0, -1, Answered
	room := math.Floor(r.kvCap * (1 - watermark))
	if q.Prompt+q.Output > room {
		q.Prompt = min(q.Prompt, room/2)
		q.Output = min(q.Output, room-q.Prompt)
		q.Truncated = true
	}
	r.waiting.pushBack(q)
	r.admit()
	r.plan()
	return true
}

// Advance moves the replica to a moment, handling every event up to and including it.
func (r *Replica) Advance(to float64) {
	for r.Next() <= to {
		if r.next <= r.expiry {
			r.jump()
			continue
		}
		r.glide(r.expiry)
		r.admit()
		r.plan()
	}
	r.glide(to)
}

// glide moves to a moment before the next event.
func (r *Replica) glide(to float64) {
	if to <= r.now {
		return
	}
	if r.Running() > 0 {
		dt := to - r.now
		t, growth := r.iteration()
		// The positive root of growth*dv^2/2 + t*dv = dt, in the form that also holds at growth 0.
		dv := 2 * dt / (t + math.Sqrt(t*t+2*growth*dt))
		r.progress(dv, dt)
		r.nextDV = max(0, r.nextDV-dv)
	}
	r.now = to
}

// Kill ends everything on the replica as aborted.
func (r *Replica) Kill(now float64) {
	r.Advance(now)
	for r.waiting.len() > 0 {
		r.cut(r.waiting.popFront())
	}
	for r.prefill.len() > 0 {
		r.cut(r.prefill.popFront())
	}
	for r.decoding.len() > 0 {
		r.cut(r.decoding.pop())
	}
	r.kv = 0
	r.plan()
}

func (r *Replica) cut(q *Request) {
	q.end = CutOff
	r.finish(q, Abort)
}

// eachWithoutToken calls f for every request that has not had its first token.
func (r *Replica) eachWithoutToken(f func(*Request)) {
	for _, q := range []*queue{&r.waiting, &r.prefill} {
		for i := range q.len() {
			if req := q.at(i); req.firstToken < 0 {
				f(req)
			}
		}
	}
}
