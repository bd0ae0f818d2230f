package sim

import (
	"math"
	"math/rand/v2"
	"time"
)

// SlotsConfig describes a Slots server.
type SlotsConfig struct {
	Slots          int           // requests served at once
	PrefillRate    float64       // prompt tokens/s of one slot
	DecodeRate     float64       // output tokens/s of one slot, whatever the others do
	Exponential    bool          // multiply each service time by an exponential variate of mean 1
	MaxQueue       int           // waiting requests beyond which a new one is refused; 0 means unbounded
	RequestTimeout time.Duration // age at which a request without a first token is given up; 0 means never
}

// DefaultSlots carries about what DefaultReplica does at 1,000 prompt and 640 output tokens: 60 slots, each
// as fast as one of 60 sequences there, so 60 / (1000/4000 + 640/32) = 2.96 requests/s. Fitted to that
// model, not to a measurement.
func DefaultSlots() SlotsConfig {
	return SlotsConfig{Slots: 60, PrefillRate: 4000, DecodeRate: 32}
}

func (c SlotsConfig) check() error {
	var p problems
	p.want(c.Slots > 0, "slots: want above 0, got %d", c.Slots)
	p.want(c.PrefillRate > 0, "prefillRate: want above 0, got %g", c.PrefillRate)
	p.want(c.DecodeRate > 0, "decodeRate: want above 0, got %g", c.DecodeRate)
	p.want(c.MaxQueue >= 0, "maxQueue: want at least 0, got %d", c.MaxQueue)
	p.want(c.RequestTimeout >= 0, "requestTimeout: want at least 0, got %v", c.RequestTimeout)
	return p.join()
}

// Slots is a server with a fixed number of slots and no shared pace: the classic queue G/G/c. A request
// holds a slot for
//
//	S = (prompt/PrefillRate + output/DecodeRate) * (1, or an exponential variate of mean 1)
//
// and its first token comes when the prompt part is over. It has no KV cache, no preemption, no prefix
// cache and no interference, so what holds on it and on Replica does not hang on those. With exponential
// service and Poisson arrivals waits follow Erlang's C formula, which a test checks.
//
// Tokens are counted at the first token and at the end, as the public vLLM simulator does.
type Slots struct {
	cfg      SlotsConfig
	sink     Sink
	now      float64
	patience patience
	waiting  queue
	running  batch // by the moment of the next event: first token, then end
	expiry   float64
	rng      *rand.Rand
	labels   string
	counters Stats
}

// NewSlots returns an idle server at the given moment. The configuration must be valid.
func NewSlots(cfg SlotsConfig, now float64, sink Sink, seed uint64) *Slots {
	return &Slots{
		cfg: cfg, sink: sink, now: now, expiry: never, patience: patience(cfg.RequestTimeout.Seconds()),
		rng:      source(seed, purposeService),
		labels:   cacheLabels(ReplicaConfig{KVBlocks: cfg.Slots}),
		counters: newStats(),
	}
}

// Running is the number of slots in use.
func (s *Slots) Running() int { return s.running.len() }

// Waiting is the number of requests without a slot.
func (s *Slots) Waiting() int { return s.waiting.len() }

// Load is all requests there.
func (s *Slots) Load() int { return s.Running() + s.Waiting() }

// KVUse is the share of the slots in use, 0..1.
func (s *Slots) KVUse() float64 { return float64(s.Running()) / float64(s.cfg.Slots) }

// Cached is nothing: there is no cache.
func (s *Slots) Cached(*Request) float64 { return 0 }

// Next is the moment of the next event, +Inf when idle.
func (s *Slots) Next() float64 { return min(s.running.first(), s.expiry) }

func (s *Slots) stats() *Stats { return &s.counters }

func (s *Slots) info() string { return s.labels }

// Enqueue hands over a request; false means that the queue is full.
func (s *Slots) Enqueue(q *Request, now float64) bool {
	s.Advance(now)
	if s.cfg.MaxQueue > 0 && s.waiting.len() >= s.cfg.MaxQueue {
		return false
	}
	q.produced, q.firstToken, q.end = 0, -1, Answered
	s.waiting.pushBack(q)
	s.admit()
	return true
}

// Advance moves the server to a moment, handling every event up to and including it.
func (s *Slots) Advance(to float64) {
	for at := s.Next(); at <= to; at = s.Next() {
		s.now = max(s.now, at)
		if s.running.first() <= s.expiry {
			s.event()
		}
		s.admit()
	}
	s.now = max(s.now, to)
}

// event is a first token or an end.
func (s *Slots) event() {
	q := s.running.pop()
	if q.firstToken < 0 {
		q.firstToken = s.now
		s.counters.PromptTokens += q.Prompt
		s.counters.GeneratedTokens++
		s.counters.TTFT.observe(s.now-q.Arrived, 1)
		s.counters.QueueTime.observe(q.admitted-q.Arrived, 1)
		s.sink.FirstToken(q, s.now)
		s.running.add(q, q.endsAt)
		return
	}
	if rest := q.Output - 1; rest > 0 {
		s.counters.GeneratedTokens += rest
		s.counters.ITL.observe((s.now-q.firstToken)/rest, rest)
	}
	why := Stop
	if q.Truncated {
		why = Length
	}
	s.finish(q, why)
}

func (s *Slots) finish(q *Request, why Reason) {
	s.counters.Finished[why]++
	s.counters.Latency.observe(s.now-q.Arrived, 1)
	s.sink.Finished(q, s.now, why)
}

// admit gives free slots to the waiting, after those who gave up have left.
func (s *Slots) admit() {
	for q := s.patience.expired(&s.waiting, s.now); q != nil; q = s.patience.expired(&s.waiting, s.now) {
		s.finish(q, Abort)
	}
	for s.waiting.len() > 0 && s.running.len() < s.cfg.Slots {
		q := s.waiting.popFront()
		factor := 1.0
		if s.cfg.Exponential {
			factor = s.rng.ExpFloat64()
		}
		q.admitted = s.now
		s.counters.PrefixQueries += q.Prompt
		first := s.now + factor*q.Prompt/s.cfg.PrefillRate
		q.endsAt = first + factor*math.Max(0, q.Output-1)/s.cfg.DecodeRate
		s.running.add(q, first)
	}
	s.expiry = s.patience.expiry(&s.waiting)
}

// Kill ends everything on the server as aborted.
func (s *Slots) Kill(now float64) {
	s.Advance(now)
	for s.waiting.len() > 0 {
		s.cut(s.waiting.popFront())
	}
	for s.running.len() > 0 {
		s.cut(s.running.pop())
	}
	s.expiry = never
}

func (s *Slots) cut(q *Request) {
	q.end = CutOff
	s.finish(q, Abort)
}

func (s *Slots) eachWithoutToken(f func(*Request)) {
	for i := range s.waiting.len() {
		f(s.waiting.at(i))
	}
	for _, e := range s.running.seqs {
		if e.req.firstToken < 0 {
			f(e.req)
		}
	}
}
