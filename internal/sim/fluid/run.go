package fluid

import (
	"fmt"
	"math"
	"time"

	"github.com/forewarm/forewarm/internal/sim/optimum"
)

// tolerance keeps rounding from deciding whether a fleet carries exactly its capacity.
const tolerance = 1e-9

// Course is a load in a world, ready to be run by any number of policies. It is immutable.
type Course struct {
	load   Load
	world  World
	start  int
	bound  float64 // replica-seconds of the clairvoyant
	missed int     // ticks that not even the clairvoyant carries
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
	return n
}

// Run drives a policy through the course.
func (c *Course) Run(s Scaler) Result {
	w, step := c.world, c.load.Step
	f, g := newFleet(w, step, c.start), newLedger(w, c.load, c.start)
	seen, v := newScrapes(w.Sight, step), &vessel{r: w.Replica, step: step.Seconds()}
	patience := c.load.ticks(w.Replica.Patience)
	o, spec, lead := Observation{}, c.start, c.lead(s)
	for k, rate := range c.load.Rate {
		o.WarmUps = f.mature(k, o.WarmUps)
		o.Warming = f.ages(k, o.Warming)
		o.Tick, o.Now = k, w.Begin.Add(time.Duration(k)*step)
		o.Rate, o.RateAge, o.Known = seen.rate()
		o.Spec, o.Ready, o.Engines = spec, f.ready, v.engines
		spec = c.limit(lead.decide(&o))
		g.order(k, spec, f.scale(k, spec))

		g.tick(k, rate, float64(f.ready)*w.Replica.Rate, f.ready, f.size())
		v.flow(rate, f.ready, c.arrived(k, patience))
		seen.flow(rate)
		o.Recent = rate
	}
	g.Optimum = c.bound
	return g.Result
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

func (l lead) decide(o *Observation) int {
	if o.Tick >= l.handover {
		return l.policy.Decide(o)
	}
	l.learner.Learn(o)
	return l.before.Decide(o)
}

// arrived is how many requests came in the last n ticks up to tick k.
func (c *Course) arrived(k, n int) float64 {
	sum := 0.0
	for _, r := range c.load.Rate[max(k+1-n, 0) : k+1] {
		sum += r
	}
	return sum * c.load.Step.Seconds()
}
