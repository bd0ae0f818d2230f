package world

import (
	"math"
	"slices"
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
	StartUp    time.Duration // from the start of the arrivals to the first token of a replica that was ordered for them
	Dispatched bool          // the gateway sends requests on at once: one that was sent stays where it is
}

// Bound holds for every policy that begins with so many replicas and has no further one before StartUp.
type Bound struct {
	arrivals []float64
	start    Start
	service  Service
	// all and early are at most how many first tokens were given by each second: by the whole fleet, and by the
	// initial replicas alone.
	all, initial []float64
}

// NewBound makes the bound that needs nothing but the formula of a replica's iterations.
//
// Arrivals are seconds from the first one, ascending; moments go in seconds.
func NewBound(arrivals []float64, s Service, c Start) Bound {
	b := Bound{arrivals: arrivals, start: c, service: s}
	alone := Start{Initial: c.Initial, Most: c.Initial}
	for t := 0; ; t++ {
		b.all = append(b.all, byMoment(s.firstTokens, float64(t), c))
		b.initial = append(b.initial, byMoment(s.firstTokens, float64(t), alone))
		if b.ends(t) {
			return b
		}
	}
}

// Sharper makes the bound from what a replica of this world does while there is a backlog. Up to a moment T there
// was a last one, U, without a backlog: by it all A(U) that had arrived was given, and the bound that is sharpened
// says which U are possible. From U on every replica is saturated, so by T at most the largest over U of the
// smaller of these two was given, by all replicas together:
//
//	A(U) + first tokens that a replica gives within T-U from empty
//	room + completions by U at the best rate + completions within any T-U of saturation
//
// It leans on the world's gateway keeping every replica busy while there is a backlog, and on no replica doing
// better from within than from empty.
func (b Bound) Sharper(s sim.Saturation) Bound {
	out := Bound{arrivals: b.arrivals, start: b.start, service: b.service}
	alone := Start{Initial: b.start.Initial, Most: b.start.Initial}
	c := busy{b.service, s.First, s.Done, map[int]float64{}}
	var calmAll, calmAlone []int
	for t := 0; ; t++ {
		came := float64(b.came(float64(t)))
		if b.at(b.all, t) >= came {
			calmAll = append(calmAll, t)
		}
		if b.at(b.initial, t) >= came {
			calmAlone = append(calmAlone, t)
		}
		out.all = append(out.all, min(b.at(b.all, t), b.since(calmAll, t, c, b.start)))
		out.initial = append(out.initial, min(b.at(b.initial, t), b.since(calmAlone, t, c, alone)))
		if out.ends(t) {
			return out
		}
	}
}

// since is the most that can have been given by t, with a last moment without backlog among some.
func (b Bound) since(calm []int, t int, c busy, f Start) float64 {
	helped := f.Most > f.Initial || f.Most == 0
	late := int(f.StartUp.Seconds())
	if helped && f.Most == 0 && t > late {
		return math.Inf(1)
	}
	more := 0.0
	if helped && f.Most > 0 {
		more = float64(f.Most - f.Initial)
	}
	most := 0.0
	for _, u := range calm {
		initial := float64(f.Initial)
		empty, within := float64(b.came(float64(u)))+initial*c.fromEmpty(t-u), initial*c.fromWithin(u, t)
		if t > late {
			empty += more * c.fromEmpty(t-max(u, late))
			within += more * c.fromWithin(max(u-late, 0), t-late)
		}
		most = max(most, min(empty, within))
	}
	return most
}

// busy is what one replica does.
type busy struct {
	service Service
	first   []float64
	done    []float64
	dense   map[int]float64 // by length of the window
}

// fromEmpty is how many first tokens it gives within a time, saturated and empty at first.
func (b busy) fromEmpty(seconds int) float64 { return along(b.first, float64(seconds)) }

// fromWithin is how many first tokens it has given by t since it began at 0, if it was saturated from u on.
func (b busy) fromWithin(u, t int) float64 {
	return b.service.Room + b.service.PerSecond*float64(u) + b.densest(t-u)
}

// densest is how many requests it completes at most within a time, saturated.
func (b busy) densest(seconds int) float64 {
	if n, ok := b.dense[seconds]; ok {
		return n
	}
	most, from := 0, 0
	for to := range b.done {
		for b.done[to]-b.done[from] > float64(seconds) {
			from++
		}
		most = max(most, to-from+1)
	}
	n := float64(most)
	if k := len(b.done); k > 1 && float64(seconds) > b.done[k-1]-b.done[0] {
		n = b.service.PerSecond * float64(seconds) // longer than was tried: the best rate
	}
	b.dense[seconds] = n
	return n
}

// along is how many of some ascending moments lie within a time; beyond the last one they go on as on average of
// their second half.
func along(moments []float64, seconds float64) float64 {
	n := len(moments)
	if n == 0 {
		return 0
	}
	last := moments[n-1]
	if seconds <= last {
		at, found := slices.BinarySearch(moments, seconds)
		if found {
			at++
		}
		return float64(at)
	}
	rate := float64(n-n/2) / max(last-moments[n/2], 1)
	return float64(n) + rate*(seconds-last)
}

// byMoment is S(T): the initial replicas give from the start on, the others from StartUp on.
func byMoment(curve func(float64) float64, t float64, c Start) float64 {
	given := float64(c.Initial) * curve(t)
	late := t - c.StartUp.Seconds()
	switch {
	case c.Most > 0 && c.Most <= c.Initial, late <= 0:
		return given
	case c.Most == 0:
		return math.Inf(1)
	}
	return given + float64(c.Most-c.Initial)*curve(late)
}

// came is how many had arrived by a moment.
func (b Bound) came(t float64) int {
	n, found := slices.BinarySearch(b.arrivals, t)
	if found {
		n++
	}
	return n
}

// early are those that came before help can.
func (b Bound) early() []float64 { return b.arrivals[:b.came(b.start.StartUp.Seconds())] }

func (b Bound) at(given []float64, t int) float64 { return given[min(t, len(given)-1)] }

// ends says that nothing after t can make the bound larger: all was given.
func (b Bound) ends(t int) bool {
	n := len(b.arrivals)
	if n == 0 || t > 20*(int(b.arrivals[n-1])+1) {
		return true
	}
	done := b.at(b.all, t) >= float64(n) && float64(t) >= b.arrivals[n-1]
	return done && (!b.start.Dispatched || b.at(b.initial, t) >= float64(len(b.early())))
}

// P99 is a p99 TTFT that no such policy beats.
//
// By a moment T at most S(T) first tokens were given. Of the A(T-x) requests that came up to T-x, those without a
// token by T waited longer than x, and they are at least A(T-x) - S(T). If that is more than the 1 % that the p99
// leaves out, the p99 is at least x; the bound is the largest such x over all T. It holds for any router, order of
// the queue and metric. A policy with foresight, or one that began with more, beats it.
//
// With a gateway that sends requests on at once, those that came before StartUp all wait at the initial replicas,
// whatever is there later: then A counts up to min(T-x, StartUp), S the initial replicas alone, and the bound is
// the larger of the two.
func (b Bound) P99() time.Duration {
	n := len(b.arrivals)
	spare := n - int(math.Ceil(0.99*float64(n)))
	best := 0
	for t := 1; t < len(b.all); t++ {
		best = max(best, waited(b.arrivals, t, b.all[t], spare))
		if b.start.Dispatched {
			best = max(best, waited(b.early(), t, b.initial[t], spare))
		}
	}
	return time.Duration(best) * time.Second
}

// lenient is by how much more than S a replica may have given when requests are counted: what preemption leaves
// depends on what is in the batch, and clients that give up change that.
const lenient = 1.02

// Late is how many requests at least wait longer than a patience: A(T-x) - S(T) at the worst T.
func (b Bound) Late(patience time.Duration) int {
	worst := 0
	for t := range b.all {
		before := float64(t) - patience.Seconds()
		worst = max(worst, b.came(before)-whole(lenient*b.all[t]))
		if b.start.Dispatched {
			worst = max(worst, min(b.came(before), len(b.early()))-whole(lenient*b.initial[t]))
		}
	}
	return worst
}

func whole(n float64) int { return int(math.Min(math.Floor(n), math.MaxInt32)) }

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
