package fluid

import (
	"fmt"
	"math"
	"time"

	"github.com/forewarm/forewarm/internal/sim/optimum"
)

// tolerance keeps rounding from deciding whether a fleet carries exactly its capacity.
const tolerance = 1e-9

// Course is a load in a world, ready to be run by any number of policies, one after another: nothing of it changes
// but the forecasts that runs of the product share.
type Course struct {
	load   Load
	world  World
	start  int
	bound  float64 // replica-seconds of the clairvoyant
	missed int     // ticks that not even the clairvoyant carries
	memos  map[kind]*Memo
}

// NewCourse checks load and world and finds out what the clairvoyant pays. With varying warm-ups the
// clairvoyant has the median each time.
func NewCourse(l Load, w World) (*Course, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	if err := w.check(l.Step); err != nil {
		return nil, fmt.Errorf("world for %s: %w", l.Name, err)
	}
	c := &Course{load: l, world: w, start: w.Start}
	if c.start == 0 {
		c.start = c.limit(c.need(l.Rate[0]))
	}
	need := make([]int, len(l.Rate))
	for k, r := range l.Rate {
		need[k] = c.limit(c.need(r))
	}
	plan := optimum.Solve(optimum.Problem{Need: need, WarmUp: l.ticks(w.WarmUp.Median), Start: c.start})
	for _, n := range plan.Billed[min(w.BurnIn, len(need)):] {
		c.bound += float64(n) * l.Step.Seconds()
	}
	c.missed = plan.Missed
	return c, nil
}

// Load is the demand of the course.
func (c *Course) Load() Load { return c.load }

// World is the world of the course.
func (c *Course) World() World { return c.world }

// Optimum is what the clairvoyant pays, in replica-seconds from the end of the burn-in on.
func (c *Course) Optimum() float64 { return c.bound }

// need is how many replicas carry a rate.
func (c *Course) need(rate float64) int {
	return int(math.Ceil(rate/c.world.Replica.Rate - tolerance))
}

func (c *Course) limit(n int) int {
	n = max(n, c.world.Min)
	if c.world.Max > 0 {
		n = min(n, c.world.Max)
	}
	if pools := c.world.pools(); c.world.Quota > 0 && len(pools) == 1 {
		n = min(n, c.world.Quota/pools[0].GPUs)
	}
	return n
}

// Run drives a policy through the course.
func (c *Course) Run(s Scaler) Result {
	w, step := c.world, c.load.Step
	f, g := newFleet(w, step, c.start), newLedger(w, c.load, c.start)
	seen, v, spoil := newScrapes(w.Sight, step), &vessel{r: w.Replica, step: step.Seconds()}, newSpoiler(w, step)
	patience := c.load.ticks(w.Replica.Patience)
	counted := newFinishes(w, step)
	o, lead := Observation{Pools: views(w, c.start)}, c.lead(s)
	for k, rate := range c.load.Rate {
		f.begin(k, o.Pools)
		o.Tick, o.Now = k, w.Begin.Add(time.Duration(k)*step)
		o.Rate, o.RateAge, o.Known = seen.rate()
		o.Engines, o.EnginesAge, o.Blind = v.engines, step, false
		counted.show(&o)
		o.total()
		spoil.spoil(&o)
		lead.decide(&o, f.want)
		for i := range o.Pools {
			f.want[i] = o.Pools[i].limit(f.want[i])
			o.Pools[i].Spec = f.want[i]
		}
		g.order(k, f.want, f.scale(k))

		s := f.supply()
		g.tick(k, rate, s.strong*w.Replica.Rate, s, f.want)
		v.flow(rate, s.serving, s.strong, c.arrived(k, patience))
		v.engines.Alike = s.alike
		counted.flow(v)
		seen.flow(rate)
		o.Recent = rate
	}
	g.Optimum = c.bound
	return g.Result
}

// views show the pools before the first tick.
func views(w World, start int) []View {
	var out []View
	for _, p := range w.pools() {
		p.Nodes = nil
		out = append(out, View{Pool: p})
	}
	for i := range out {
		out[i].Spec = out[i].Start
	}
	out[0].Spec = start
	return out
}

// Of is what is known of one pool alone: its replicas, and of the demand and the requests its share by capacity,
// as a router that balances them would give it.
func (o *Observation) Of(pool int) Observation {
	all, own := 0.0, 0.0
	for i, v := range o.Pools {
		strong := float64(v.Serving) * v.Speed
		all += strong
		if i == pool {
			own = strong
		}
	}
	part, v, out := share(own, all), o.Pools[pool], *o
	out.Rate, out.Recent, out.Balance = o.Rate*part, o.Recent*part, o.Balance*part
	out.Engines.Pods, out.Engines.Strong = v.Serving, own
	out.Engines.Completions *= part
	out.Engines.Running *= part
	out.Engines.Pending *= part
	out.Pools = o.Pools[pool : pool+1]
	out.Spec, out.Ready, out.Warming, out.WarmUps = v.Spec, v.Ready, v.Warming, v.WarmUps
	return out
}

// total fills in the replicas of all pools together.
func (o *Observation) total() {
	first := &o.Pools[0]
	o.Spec, o.Ready, o.Warming, o.WarmUps = first.Spec, first.Ready, first.Warming, first.WarmUps
	if len(o.Pools) == 1 {
		return
	}
	for i := range o.Pools[1:] {
		v := &o.Pools[i+1]
		o.Spec, o.Ready = o.Spec+v.Spec, o.Ready+v.Ready
		o.Warming = append(o.Warming[:len(o.Warming):len(o.Warming)], v.Warming...)
		o.WarmUps = append(o.WarmUps[:len(o.WarmUps):len(o.WarmUps)], v.WarmUps...)
	}
}

// lead is who decides in a run: the policy, or until the handover the incumbent of a Learner.
type lead struct {
	policy   Scaler
	learner  Learner
	before   incumbent
	handover int // tick from which the policy decides
}

func (c *Course) lead(s Scaler) lead {
	l, ok := s.(Learner)
	if !ok {
		return lead{policy: s}
	}
	return lead{s, l, newIncumbent(c.world), c.world.BurnIn - c.load.ticks(Handover)}
}

// decide writes what is wanted of each pool.
func (l lead) decide(o *Observation, want []int) {
	for i := range o.Pools {
		want[i] = o.Pools[i].Spec
	}
	if o.Tick < l.handover {
		l.learner.Learn(o)
		want[0] = l.before.Decide(o)
		return
	}
	if m, ok := l.policy.(Mixer); ok {
		m.DecideAll(o, want)
		return
	}
	want[0] = l.policy.Decide(o)
}

// arrived is how many requests came in the last n ticks up to tick k.
func (c *Course) arrived(k, n int) float64 {
	sum := 0.0
	for _, r := range c.load.Rate[max(k+1-n, 0) : k+1] {
		sum += r
	}
	return sum * c.load.Step.Seconds()
}
