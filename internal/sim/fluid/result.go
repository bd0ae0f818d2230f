package fluid

import (
	"slices"
	"time"
)

// FlapWithin is how soon a change of direction counts as a flap.
const FlapWithin = 10 * time.Minute

// Result is what came of a run, from the end of the burn-in on.
type Result struct {
	Ticks          int
	Requests       float64 // that arrived
	Late           float64 // that arrived in ticks with more demand than ready capacity
	Unmet          float64 // that exceeded ready capacity
	LateTicks      int     // ticks with more demand than ready capacity
	ReplicaSeconds float64 // paid for, warming ones included
	Paid           float64 // the bill: replica-hours times their prices
	Optimum        float64 // replica-seconds of the clairvoyant on the same ticks; 0 = not asked for
	Lost           int     // nodes taken away
	ColdStarts     int     // replicas ordered, those that replace a lost one included
	Ups, Downs     int     // changes of the wanted count, of each pool on its own
	Flaps          int     // of them, those against the direction of the pool's one before, within FlapWithin
	PeakWanted     int
	Timeline       []Point
}

// Point is one stretch of the timeline.
type Point struct {
	Tick   int     // first tick
	Load   float64 // highest rate, requests/s
	Wanted int     // highest
	Ready  int     // lowest
	Strong float64 // lowest, in replicas of speed 1
	Pools  []int   // wanted of each, highest; nil in a world of one
}

// V1 is the share of requests that arrived in ticks with more demand than ready capacity, 0..1.
func (r Result) V1() float64 { return share(r.Late, r.Requests) }

// V2 is the share of requests that exceeded ready capacity, 0..1.
func (r Result) V2() float64 { return share(r.Unmet, r.Requests) }

// Unavailable is the share of ticks with more demand than ready capacity, 0..1.
func (r Result) Unavailable() float64 { return share(float64(r.LateTicks), float64(r.Ticks)) }

// Cost is the bill relative to the clairvoyant's.
func (r Result) Cost() float64 { return share(r.ReplicaSeconds, r.Optimum) }

// J weighs misses against money: Cost + weight*V1.
func (r Result) J(weight float64) float64 { return r.Cost() + weight*r.V1() }

// ReplicaHours is the bill.
func (r Result) ReplicaHours() float64 { return r.ReplicaSeconds / 3600 }

func share(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return part / whole
}

// ledger keeps a Result while a run goes on.
type ledger struct {
	Result
	step   float64
	flap   int    // FlapWithin in ticks
	from   int    // first tick that counts
	stride int    // ticks per point; 0 = no timeline
	wanted int    // of all pools
	moves  []move // of each pool
	lost   int    // nodes taken away before the tick
}

// move is what is wanted of one pool, and where it went last.
type move struct {
	wanted  int
	changed int // tick of the newest change; -1 = none yet
	up      bool
}

func newLedger(w World, l Load, start int) *ledger {
	g := &ledger{
		step: l.Step.Seconds(), flap: l.ticks(FlapWithin), from: min(w.BurnIn, len(l.Rate)),
	}
	for _, v := range views(w, start) {
		g.wanted += v.Spec
		g.moves = append(g.moves, move{wanted: v.Spec, changed: -1})
	}
	if n := len(l.Rate) - g.from; w.Points > 0 && n > 0 {
		g.stride = (n + w.Points - 1) / w.Points
		g.Timeline = make([]Point, 0, (n+g.stride-1)/g.stride)
	}
	return g
}

// order books a decision: pool by pool, for pools that change places leave the total as it was.
func (g *ledger) order(tick int, wants []int, ordered int) {
	counts := tick >= g.from
	if counts {
		g.ColdStarts += ordered
	}
	g.wanted = 0
	for i, want := range wants {
		g.wanted += want
		p := &g.moves[i]
		if want == p.wanted {
			continue
		}
		up := want > p.wanted
		if counts {
			g.change(up, p.changed >= 0 && up != p.up && tick-p.changed <= g.flap)
		}
		*p = move{want, tick, up}
	}
}

// change books one change of a wanted count.
func (g *ledger) change(up, flap bool) {
	if up {
		g.Ups++
	} else {
		g.Downs++
	}
	if flap {
		g.Flaps++
	}
}

// tick books what flowed.
func (g *ledger) tick(tick int, rate, capacity float64, s supply, wants []int) {
	lost := s.lost - g.lost
	g.lost = s.lost
	if tick < g.from {
		return
	}
	g.Lost += lost
	g.ColdStarts += lost // each is replaced by an order, see preempt
	g.Ticks++
	came := rate * g.step
	g.Requests += came
	if over := rate - capacity; over > capacity*tolerance {
		g.LateTicks++
		g.Late += came
		g.Unmet += over * g.step
	}
	g.ReplicaSeconds += float64(s.billed) * g.step
	g.Paid += s.price * g.step / 3600
	g.PeakWanted = max(g.PeakWanted, g.wanted)
	if g.stride > 0 {
		g.draw(tick, rate, s, wants)
	}
}

func (g *ledger) draw(tick int, rate float64, s supply, wants []int) {
	if (tick-g.from)%g.stride == 0 {
		p := Point{Tick: tick, Load: rate, Wanted: g.wanted, Ready: s.serving, Strong: s.strong}
		if len(wants) > 1 {
			p.Pools = slices.Clone(wants)
		}
		g.Timeline = append(g.Timeline, p)
		return
	}
	p := &g.Timeline[len(g.Timeline)-1]
	p.Load, p.Wanted = max(p.Load, rate), max(p.Wanted, g.wanted)
	p.Ready, p.Strong = min(p.Ready, s.serving), min(p.Strong, s.strong)
	for i := range p.Pools {
		p.Pools[i] = max(p.Pools[i], wants[i])
	}
}
