package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/internal/study"
)

// conditionFlags are the flags that make the world hard.
var conditionFlags = []string{
	"sight", "arrivals", "gpu-quota", "warm-up-spread", "speed-spread", "scrapes-lost", "scrapes-nan", "scrape-delay", "outage",
}

// Who counts arrivals.
const (
	atGateway = "gateway"
	atFinish  = "finished"
)

var arrivals = []string{atGateway, atFinish}

func (f *simulateFlags) registerConditions(cmd *cobra.Command) {
	fl, c := cmd.Flags(), &f.Under
	fl.StringVar(&f.Resolution, "resolution", f.Resolution, "fluid (demand is a rate that flows) or request (request by "+
		"request, tens of times slower)")
	fl.StringVar((*string)(&c.Sight), "sight", string(c.Sight), "what policies see of demand: exact (last tick) or scraped "+
		"(rate window); by default exact, request by request scraped")
	fl.StringVar(&f.arrivals, "arrivals", atGateway, "who counts requests: gateway (as they come) or finished (the engines, "+
		"when they are done)")
	fl.IntVar(&c.Quota, "gpu-quota", 0, "GPUs that all replicas together may use; 0 is no limit")
	fl.Float64Var(&c.WarmUpSpread, "warm-up-spread", 0, "standard deviation of the logarithm of warm-ups; their median stays")
	fl.Float64Var(&c.SpeedSpread, "speed-spread", 0, "the same of what single replicas can do; its mean stays")
	fl.Float64Var(&c.Lost, "scrapes-lost", 0, "share of scrapes that fail")
	fl.Float64Var(&c.NaN, "scrapes-nan", 0, "share of scrapes (request by request: of samples) that read as NaN")
	fl.DurationVar(&c.Delay, "scrape-delay", 0, "how late what is scraped arrives")
	fl.StringSliceVar(&f.outages, "outage", nil, "no scrapes at all, `START/LENGTH` from the start of each load: 200h/30m; "+
		"may be repeated")
}

// conditions reads what flags cannot.
func (f *simulateFlags) conditions() error {
	var errs []error
	f.Under.Outages = nil
	for _, s := range f.outages {
		o, err := sim.ParseOutage(s)
		if err != nil {
			errs = append(errs, fmt.Errorf("--outage: %w", err))
			continue
		}
		f.Under.Outages = append(f.Under.Outages, o)
	}
	if !slices.Contains(arrivals, f.arrivals) {
		errs = append(errs, fmt.Errorf("--arrivals: want one of %v, got %q", arrivals, f.arrivals))
	}
	f.Under.AtFinish = f.arrivals == atFinish
	return errors.Join(errs...)
}

// checkConditions reports what the yardsticks do not have.
func (f *simulateFlags) checkConditions() []error {
	var errs []error
	if f.burst && f.Under.Sight == sim.Exact {
		errs = append(errs, errors.New("--burst and --sight exact: want scraped, for everybody reads scrapes there"))
	}
	fixed := map[string]string{"burst": study.Request, "spot": study.Fluid}
	for _, yardstick := range []string{"burst", "spot"} {
		if f.changed(yardstick) && f.changed("resolution") && f.Resolution != fixed[yardstick] {
			errs = append(errs, fmt.Errorf("--%s and --resolution: want %s, got %s", yardstick, fixed[yardstick], f.Resolution))
		}
	}
	for _, flag := range append([]string{"resolution"}, conditionFlags...) {
		if f.changed("idle") && f.changed(flag) {
			errs = append(errs, fmt.Errorf("--idle and --%s: want one of them, nothing is scraped and nothing is scaled but "+
				"the last replica", flag))
		}
	}
	return errs
}

// missesAre says what V1 and V2 are in a resolution.
func missesAre(resolution string) string {
	if resolution == study.Request {
		return "Request by request, V1 is the share of requests not answered in full within the SLO, V2 of those refused, given up\n" +
			"or cut off"
	}
	return "V1 is the share of requests in ticks with more demand than ready capacity, V2 the share beyond it"
}

// conditionsLine says what makes the world hard; nothing in an easy one.
func conditionsLine(c *study.Conditions) string {
	if c == nil {
		return ""
	}
	return "Conditions: " + c.String() + ".\n"
}
