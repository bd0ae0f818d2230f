package world

import (
	"math"
	"time"

	"github.com/forewarm/forewarm/internal/sim"
)

// Service is what one replica can do at best with requests of one size.
type Service struct {
	PerSecond float64 // requests completed per second, for ever
	Prefill   float64 // first tokens per second, as long as there is room
	Room      float64 // requests that have their first token and are not completed
}

// BestService bounds a replica's service from above, whatever arrives. Over a long time each request costs
// its prompt's compute, p/P, and o iterations shared by n sequences, so
//
//	1/PerSecond >= p/P + o*(a/n + b + c*(p+o/2))
//
// with n at most MaxSeqs and, as a sequence holds p+o/2 tokens on average, at most KV/(p+o/2); iterations per
// second are concave in n, so uneven batches do worse (Jensen). Room is KV/p: a sequence holds its prompt.
func BestService(c sim.ReplicaConfig, prompt, output float64) Service {
	kv := float64(c.KVBlocks * sim.BlockTokens)
	n := math.Min(float64(c.MaxSeqs), kv/(prompt+output/2))
	cost := prompt/c.PrefillRate +
		output*(c.IterationBase.Seconds()/n+c.PerSeq.Seconds()+c.PerKVToken*(prompt+output/2))
	return Service{
		PerSecond: 1 / cost,
		Prefill:   c.PrefillRate / prompt,
		Room:      math.Min(float64(c.MaxSeqs), kv/prompt),
	}
}

// BestSlots is what a server of fixed slots can do at best: each request takes its slot's time.
func BestSlots(c sim.SlotsConfig, prompt, output float64) Service {
	n := float64(c.Slots)
	return Service{
		PerSecond: n / (prompt/c.PrefillRate + math.Max(0, output-1)/c.DecodeRate),
		Prefill:   n * c.PrefillRate / prompt,
		Room:      n,
	}
}

// firstTokens is at most how many first tokens one replica gives within a time: it needs the prefill, and
// room, which only completions make.
func (s Service) firstTokens(seconds float64) float64 {
	return math.Min(s.Prefill*seconds, s.Room+s.PerSecond*seconds)
}

// Start is how a fleet begins and how it may grow.
type Start struct {
	Initial    int           // replicas ready when the arrivals begin
	Most       int           // replicas at most; 0 means any number
	StartUp    time.Duration // from asking for a replica to its first token
	Dispatched bool          // the gateway sends requests on at once: one that was sent stays where it is
}

// BoundP99 is a p99 TTFT that no causal policy beats: one that cannot know when the arrivals begin, and so
// has no further replica before StartUp after the first of them.
//
// By a moment T at most S(T) first tokens were given: by the initial replicas from the start on, by the
// others from StartUp on. Of the A(T-x) requests that came up to T-x, those without a token by T waited
// longer than x, and they are at least A(T-x) - S(T). If that is more than the 1 % that the p99 leaves out,
// the p99 is at least x; the bound is the largest such x over all T. It holds for any router, order of the
// queue and metric. A policy with foresight, or one that began with more, beats it.
//
// With a gateway that sends requests on at once, those that came before StartUp all wait at the initial
// replicas, whatever is there later: then A counts up to min(T-x, StartUp), S the initial replicas alone,
// and the bound is the larger of the two.
//
// Arrivals are seconds from the first one, ascending; x and T go in seconds.
func BoundP99(arrivals []float64, s Service, c Start) time.Duration {
	n := len(arrivals)
	if n == 0 {
		return 0
	}
	spare := n - int(math.Ceil(0.99*float64(n)))
	early := n // requests that came before help can
	for early > 0 && arrivals[early-1] > c.StartUp.Seconds() {
		early--
	}
	best, end := 0, int(arrivals[n-1])+1
	for t := 1; t <= 20*end; t++ {
		some := s.byMoment(float64(t), Start{Initial: c.Initial, Most: c.Initial})
		all := s.byMoment(float64(t), c)
		if all >= float64(n) && (!c.Dispatched || some >= float64(early)) {
			break
		}
		best = max(best, waited(arrivals, t, all, spare))
		if c.Dispatched {
			best = max(best, waited(arrivals[:early], t, some, spare))
		}
	}
	return time.Duration(best) * time.Second
}

// waited is how long by moment t the last request had waited that can have been neither spared nor served.
func waited(arrivals []float64, t int, given float64, spare int) int {
	if given >= float64(len(arrivals)) {
		return 0
	}
	over := int(given) + spare + 1
	if over > len(arrivals) {
		return 0
	}
	return t - int(math.Ceil(arrivals[over-1]))
}

// byMoment is S(T).
func (s Service) byMoment(t float64, c Start) float64 {
	given := float64(c.Initial) * s.firstTokens(t)
	late := t - c.StartUp.Seconds()
	switch {
	case late <= 0 || c.Most > 0 && c.Most <= c.Initial:
		return given
	case c.Most == 0:
		return math.Inf(1)
	}
	return given + float64(c.Most-c.Initial)*s.firstTokens(late)
}
