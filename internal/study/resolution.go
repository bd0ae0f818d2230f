package study

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/internal/sim/fluid"
	"github.com/forewarm/forewarm/internal/sim/world"
)

// The resolutions in which policies are run.
const (
	Fluid   = "fluid"   // demand is a rate that flows
	Request = "request" // request by request
)

// Resolutions are their names.
func Resolutions() []string { return []string{Fluid, Request} }

// sight is what policies see, the usual one of the resolution if none is asked for.
func (o Options) sight() sim.Sight {
	switch {
	case o.Under.Sight != sim.UsualSight:
		return o.Under.Sight
	case o.Resolution == Request:
		return sim.Scraped
	}
	return sim.Exact
}

// checkResolution reports what a resolution does not have.
func (o Options) checkResolution() []error {
	errs := append(names("resolution", []string{o.Resolution}, Resolutions()), o.Under.Check())
	if o.Resolution != Request {
		return errs
	}
	if o.Under.Sight == sim.Exact {
		errs = append(errs, errors.New(
			"--resolution request and --sight exact: want scraped, for everybody reads scrapes there"))
	}
	for _, c := range []string{"half", "double"} {
		if slices.Contains(o.Capacity, c) || slices.Contains(o.Policies, policyOfCapacity(c)) {
			errs = append(errs, errors.New("--resolution request and --capacity "+c+
				": want known, learned, plain or oracle, for only the fluid world can count in the unit that makes a prior wrong"))
		}
	}
	return errs
}

func policyOfCapacity(name string) string {
	for _, c := range capacities {
		if c.name == name {
			return c.policy
		}
	}
	return ""
}

// world is the world of every cell, and what plays a course in it; nil = the course itself.
func (o Options) world() (fluid.World, func(*fluid.Course) (fluid.Resolution, error), error) {
	w, c := fluid.DefaultWorld(), o.Under
	w.Seed, c.Sight = o.Seed, o.sight()
	if o.Resolution != Request {
		return w.Under(c, fluid.Tick), nil, nil
	}
	var err error
	if w.Replica, err = world.Told(); err != nil {
		return w, nil, err
	}
	return w.Under(c, fluid.Tick), func(c *fluid.Course) (fluid.Resolution, error) { return world.NewScene(c) }, nil
}

// Conditions are what makes the world hard.
type Conditions struct {
	Quota        int      `json:"gpuQuota,omitempty"`
	WarmUpSpread float64  `json:"warmUpSpread,omitempty"` // standard deviation of the logarithm
	SpeedSpread  float64  `json:"speedSpread,omitempty"`
	Lost         float64  `json:"scrapesLost,omitempty"` // share
	NaN          float64  `json:"scrapesNaN,omitempty"`  // share
	Delay        float64  `json:"scrapeDelaySeconds,omitempty"`
	Outages      []string `json:"outages,omitempty"` // START/LENGTH
	AtFinish     bool     `json:"arrivalsAtFinish,omitempty"`
}

// String says them in words.
func (c *Conditions) String() string {
	var parts []string
	add := func(hard bool, format string, args ...any) {
		if hard {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(c.Quota > 0, "%d GPUs at most", c.Quota)
	add(c.WarmUpSpread > 0, "warm-ups spread by %g", c.WarmUpSpread)
	add(c.SpeedSpread > 0, "speeds of replicas spread by %g", c.SpeedSpread)
	add(c.Lost > 0, "%g of scrapes lost", c.Lost)
	add(c.NaN > 0, "%g of what is scraped NaN", c.NaN)
	add(c.Delay > 0, "scrapes %g s late", c.Delay)
	add(len(c.Outages) > 0, "no scrapes in %s", strings.Join(c.Outages, ", "))
	add(c.AtFinish, "requests counted when they are finished")
	return strings.Join(parts, "; ")
}

// ConditionsOf are null where the world is easy.
func ConditionsOf(c sim.Conditions) *Conditions {
	if c.Easy() {
		return nil
	}
	out := &Conditions{
		Quota: c.Quota, WarmUpSpread: c.WarmUpSpread, SpeedSpread: c.SpeedSpread, Lost: c.Lost, NaN: c.NaN,
		Delay: c.Delay.Seconds(), AtFinish: c.AtFinish,
	}
	for _, o := range c.Outages {
		out.Outages = append(out.Outages, o.String())
	}
	return out
}
