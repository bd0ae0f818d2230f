package fluid

import (
	"context"
	"fmt"
)

// Resolution plays a scenario: whoever is to scale it in, what came of it out. A Course does it in the fluid world;
// package world has the same course request by request.
//
// Both book the same Result. What hangs on decisions alone is the same thing in both: ReplicaSeconds and Paid, from a
// replica's node to its end; ColdStarts, Ups, Downs, Flaps, PeakWanted, Lost. What became of the requests is:
//
//	          fluid                                   request by request
//	Late      came in ticks short of capacity         first attempts not answered in full within the SLO
//	Unmet     exceeded ready capacity                 first attempts refused, given up or cut off
//	LateTicks short of capacity                       in which a request waits for a slot, as the HPA looks
type Resolution interface {
	Play(ctx context.Context, s Scaler) (Result, error)
}

// Play implements Resolution.
func (c *Course) Play(ctx context.Context, s Scaler) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, fmt.Errorf("play %s: %w", c.load.Name, err)
	}
	return c.Run(s), nil
}

// Book keeps, for another resolution, what of a Result hangs on decisions.
type Book struct{ ledger *ledger }

// Book is an empty one for the course.
func (c *Course) Book() Book {
	b := Book{newLedger(c.world, c.load, c.start)}
	b.ledger.Optimum = c.bound
	return b
}

// Tick books a tick: what is wanted of each pool, how many replicas that ordered, how many serve, how many requests/s
// came.
func (b Book) Tick(tick int, wants []int, ordered, serving int, came float64) {
	g := b.ledger
	g.order(tick, wants, ordered)
	if tick < g.from {
		return
	}
	g.Ticks++
	g.PeakWanted = max(g.PeakWanted, g.wanted)
	if g.stride > 0 {
		g.draw(tick, came, supply{serving: serving, strong: float64(serving)}, wants)
	}
}

// Result is what was booked so far.
func (b Book) Result() *Result { return &b.ledger.Result }

// Start is how many replicas of the first pool are ready at the beginning.
func (c *Course) Start() int { return c.start }

// Variants are the pools of the world, or the one of a world that names none.
func (w World) Variants() []Pool { return w.pools() }

// Leader is who decides in a run: the policy, or until the handover the incumbent of a Learner. It writes what is
// wanted of each pool, within the pool's limits.
func (c *Course) Leader(s Scaler) func(o *Observation, want []int) {
	l := c.lead(s)
	return func(o *Observation, want []int) {
		o.total()
		l.decide(o, want)
		for i := range o.Pools {
			want[i] = o.Pools[i].limit(want[i])
		}
	}
}

// Views show the pools before the first tick.
func (c *Course) Views() []View { return views(c.world, c.start) }
