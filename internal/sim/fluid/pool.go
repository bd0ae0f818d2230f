package fluid

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// Pool is one variant of the fleet.
type Pool struct {
	Name  string
	Type  policy.CapacityType // "" = on-demand
	Speed float64             // of a replica, as a multiple of the World's Replica; 0 = 1
	Price float64             // of a replica with a node, per hour; 0 = free
	GPUs  int                 // per replica
	Spot  policy.SpotTerms    // as the product is told; its zero value is the default, with this pool's Notice
	Start int                 // replicas ready at the beginning; the first pool's are the World's
	Min   int                 // replicas, billed whatever the policy says
	Max   int                 // 0 = no limit
	// WarmUp is from node to ready; its zero value is the World's.
	WarmUp WarmUp
	// Nodes is how many replicas find a node in each tick; beyond its end the last number stands. None = all do.
	Nodes []int
	// Notice is how long a ready replica still serves when its node is taken away. One that is still starting
	// has nothing to serve with and is lost at once.
	Notice time.Duration
}

// pools are the world's, or the one on-demand variant of a world that names none.
func (w World) pools() []Pool {
	if len(w.Pools) == 0 {
		return []Pool{{Name: "main", Type: policy.OnDemand, Speed: 1, Price: 1, GPUs: 1, Min: w.Min, Max: w.Max, WarmUp: w.WarmUp}}
	}
	out := make([]Pool, len(w.Pools))
	for i, p := range w.Pools {
		if p.Speed == 0 {
			p.Speed = 1
		}
		if p.Type == "" {
			p.Type = policy.OnDemand
		}
		if p.WarmUp == (WarmUp{}) {
			p.WarmUp = w.WarmUp
		}
		out[i] = p
	}
	return out
}

func (p Pool) check() error {
	var errs []error
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("pool %q: "+format, append([]any{p.Name}, args...)...))
		}
	}
	bad(p.Name != "", "want a name")
	bad(p.Speed >= 0 && !math.IsInf(p.Speed, 0), "speed: want at least 0, got %g", p.Speed)
	bad(p.Price >= 0, "price: want at least 0, got %g", p.Price)
	bad(p.GPUs > 0, "gpus: want above 0, got %d", p.GPUs)
	bad(p.Min >= 0, "min: want at least 0, got %d", p.Min)
	bad(p.Max == 0 || p.Max >= p.Min, "max: want at least min (%d), got %d", p.Min, p.Max)
	bad(p.WarmUp.Median >= 0 && p.WarmUp.Sigma >= 0, "warmUp: want at least 0, got %v", p.WarmUp)
	bad(p.Notice >= 0, "notice: want at least 0, got %v", p.Notice)
	for k, n := range p.Nodes {
		bad(n >= 0, "nodes: tick %d: want at least 0, got %d", k, n)
	}
	return errors.Join(errs...)
}

func (p *Pool) limit(n int) int {
	n = max(n, p.Min)
	if p.Max > 0 {
		n = min(n, p.Max)
	}
	return n
}

// starting is a replica between order and ready, in ticks.
type starting struct{ ordered, due int }

// pool is a Pool at work.
type pool struct {
	Pool
	step    time.Duration
	fixed   int // warm-up in ticks, if it is always the same
	notice  int // in ticks
	ready   int
	warming []starting // on a node, oldest first
	waiting []int      // without a node: the ticks of their orders, oldest first
	leaving []int      // serving on a node that goes: the ticks of their ends, ascending
	lost    int        // nodes taken away so far
	rng     *rand.Rand
	speeds  speeds
}

func newPool(p Pool, step time.Duration, rng *rand.Rand) *pool {
	ticks := func(d time.Duration) int { return int((d + step - 1) / step) }
	return &pool{Pool: p, step: step, fixed: ticks(p.WarmUp.Median), notice: ticks(p.Notice), rng: rng}
}

// size is how many replicas the workload has; those that leave are replaced already.
func (p *pool) size() int { return p.ready + len(p.warming) + len(p.waiting) }

// serving is how many carry load.
func (p *pool) serving() int { return p.ready + len(p.leaving) }

// billed is how many have a node.
func (p *pool) billed() int { return p.ready + len(p.warming) + len(p.leaving) }

// nodes is how many there are in a tick, and whether there is a limit.
func (p *pool) nodes(tick int) (int, bool) {
	if len(p.Nodes) == 0 {
		return 0, false
	}
	return p.Nodes[min(tick, len(p.Nodes)-1)], true
}

// preempt ends what was given notice, and gives notice to what has no node any more: replicas drawn at random
// among those that have one. Each is replaced at once, and its replacement waits for a node.
func (p *pool) preempt(tick int) {
	for len(p.leaving) > 0 && p.leaving[0] <= tick {
		p.leaving = p.leaving[1:]
		p.speeds.left()
	}
	n, limited := p.nodes(tick)
	if !limited {
		return
	}
	for p.ready+len(p.warming) > n {
		p.lost++
		p.waiting = append(p.waiting, tick)
		i := p.rng.IntN(p.ready + len(p.warming))
		if i < len(p.warming) {
			p.warming = append(p.warming[:i], p.warming[i+1:]...)
			continue
		}
		p.ready--
		p.speeds.noticed(i-len(p.warming), p.notice > 0)
		if p.notice > 0 {
			p.leaving = append(p.leaving, tick+p.notice)
		}
	}
}

// place finds nodes for those that wait, oldest first; room is how many GPUs of the quota are free.
func (p *pool) place(tick, room int) {
	n, limited := p.nodes(tick)
	placed := 0
	for _, ordered := range p.waiting {
		if room < p.GPUs || limited && p.ready+len(p.warming) >= n {
			break
		}
		placed++
		room -= p.GPUs
		if d := p.draw(); d > 0 {
			p.warming = append(p.warming, starting{ordered, tick + d})
		} else {
			p.open(1)
		}
	}
	p.waiting = append(p.waiting[:0], p.waiting[placed:]...)
}

// mature makes ready what is due, and says how long each took from its order.
func (p *pool) mature(tick int, took []time.Duration) []time.Duration {
	took = took[:0]
	kept := p.warming[:0]
	for _, s := range p.warming {
		if s.due > tick {
			kept = append(kept, s)
			continue
		}
		p.open(1)
		took = append(took, time.Duration(s.due-s.ordered)*p.step)
	}
	p.warming = kept
	return took
}

// scale orders or gives back replicas, and says how many were ordered: first those without a node go, then the
// youngest that warm up, then ready ones.
func (p *pool) scale(tick, want int) (ordered int) {
	for ; p.size() < want; ordered++ {
		p.waiting = append(p.waiting, tick)
	}
	if n := min(p.size()-want, len(p.waiting)); n > 0 {
		p.waiting = p.waiting[:len(p.waiting)-n]
	}
	if n := min(p.size()-want, len(p.warming)); n > 0 {
		p.warming = p.warming[:len(p.warming)-n]
	}
	if n := min(p.size()-want, p.ready); n > 0 {
		p.ready -= n
		p.speeds.closed(n)
	}
	return ordered
}

// open makes n replicas ready.
func (p *pool) open(n int) {
	p.ready += n
	for range n {
		p.speeds.opened()
	}
}

// strong is what the serving replicas are as strong as, in replicas of speed 1.
func (p *pool) strong() float64 { return p.speeds.of(p.serving()) * p.Speed }

// draw is the warm-up of the next replica in ticks.
func (p *pool) draw() int {
	if p.WarmUp.Sigma == 0 {
		return p.fixed
	}
	d := p.WarmUp.Median.Seconds() * math.Exp(p.WarmUp.Sigma*p.rng.NormFloat64())
	return int(math.Ceil(d / p.step.Seconds()))
}

// ages is how long each starting replica has been asked for, oldest first.
func (p *pool) ages(tick int, into []time.Duration) []time.Duration {
	into = into[:0]
	w := p.warming
	for _, ordered := range p.waiting {
		for len(w) > 0 && w[0].ordered <= ordered {
			into, w = append(into, time.Duration(tick-w[0].ordered)*p.step), w[1:]
		}
		into = append(into, time.Duration(tick-ordered)*p.step)
	}
	for _, s := range w {
		into = append(into, time.Duration(tick-s.ordered)*p.step)
	}
	return into
}

// starvedAfter is how long a replica may wait for a node before it counts as starved: the product's default.
const starvedAfter = 10 * time.Minute

// starved is how many have waited for a node for too long.
func (p *pool) starved(tick int) int {
	n := 0
	for _, ordered := range p.waiting {
		if time.Duration(tick-ordered)*p.step > starvedAfter {
			n++
		}
	}
	return n
}
