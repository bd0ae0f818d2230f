package fluid

import (
	"math/rand/v2"
	"time"
)

// fleet is the replicas of one run, pool by pool.
type fleet struct {
	pools []*pool
	quota int // GPUs that all pools together may use; 0 = no limit
	want  []int
}

func newFleet(w World, step time.Duration, start int) *fleet {
	f := &fleet{quota: w.Quota}
	rng := rand.New(rand.NewPCG(w.Seed, 0x666c756964)) // one stream, drawn from only if something varies
	differ := rand.New(rand.NewPCG(w.Seed, 0x737065656473))
	for i, p := range w.pools() {
		if i == 0 {
			p.Start = start
		}
		pool := newPool(p, step, rng)
		pool.speeds = speeds{spread: w.Spread, rng: differ}
		pool.open(p.Start)
		f.pools = append(f.pools, pool)
	}
	f.want = make([]int, len(f.pools))
	return f
}

// begin lets a tick begin: nodes go and come, and what is due becomes ready; the views show it.
func (f *fleet) begin(tick int, views []View) {
	for i, p := range f.pools {
		v := &views[i]
		v.Reporting = p.serving()
		p.preempt(tick)
	}
	f.place(tick)
	for i, p := range f.pools {
		v := &views[i]
		v.WarmUps = p.mature(tick, v.WarmUps)
		v.Warming = p.ages(tick, v.Warming)
		v.Ready, v.Serving, v.Homeless, v.Starved = p.ready, p.serving(), len(p.waiting), p.starved(tick)
		v.Reporting = min(v.Reporting, v.Serving)
	}
}

// scale brings every pool to what is wanted, and says how many replicas were ordered.
func (f *fleet) scale(tick int) (ordered int) {
	for i, p := range f.pools {
		ordered += p.scale(tick, f.want[i])
	}
	f.place(tick)
	return ordered
}

// place finds nodes, the first pools first.
func (f *fleet) place(tick int) {
	room := 1 << 40
	for _, p := range f.pools {
		if f.quota > 0 {
			room = f.quota - f.gpus()
		}
		p.place(tick, room)
	}
}

// gpus is how many are in use.
func (f *fleet) gpus() int {
	sum := 0
	for _, p := range f.pools {
		sum += p.billed() * p.GPUs
	}
	return sum
}

// supply is what the fleet is at the end of a tick.
type supply struct {
	serving int     // replicas
	strong  float64 // of them, in replicas of speed 1
	alike   float64 // the same if the replicas of a pool did not differ
	billed  int     // replicas with a node
	price   float64 // of those, per hour
	lost    int     // nodes taken away so far
}

func (f *fleet) supply() (s supply) {
	for _, p := range f.pools {
		n := p.serving()
		s.serving += n
		s.strong += p.strong()
		s.alike += float64(n) * p.Speed
		s.billed += p.billed()
		s.price += float64(p.billed()) * p.Price
		s.lost += p.lost
	}
	return s
}
