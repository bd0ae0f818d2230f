package study

import (
	"errors"
	"slices"

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

// conditionsOf are null where the world is easy.
func conditionsOf(c sim.Conditions) *Conditions {
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
