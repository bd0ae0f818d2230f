package sim

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Conditions are what makes a world hard, whatever its resolution: the axes along which policies are tried. The zero
// value is the easy world of the resolution.
type Conditions struct {
	Quota        int           // GPUs that all replicas together may use; 0 = no limit
	WarmUpSpread float64       // standard deviation of the logarithm of a warm-up, whose median stays; 0 = all alike
	SpeedSpread  float64       // the same of what a single replica can do, whose mean stays
	Lost         float64       // share of scrapes that fail
	NaN          float64       // share of samples that read as NaN; fluid: of scrapes, with all they hold
	Delay        time.Duration // how late what is scraped arrives
	Outages      []Outage      // nothing is scraped
	Sight        Sight
	// AtFinish says that no gateway counts arrivals: engines count what they have finished. Who reads requests/s
	// reads that; the product adds the change of what is in flight, as it does wherever there is no gateway.
	AtFinish bool
}

// Outage is a time without scrapes, counted from the start of the world.
type Outage struct{ After, For time.Duration }

// Sight is what demand looks like from outside.
type Sight string

// The kinds of sight.
const (
	UsualSight Sight = ""        // exact in the fluid world, scraped request by request
	Exact      Sight = "exact"   // the rate of the last tick, one scrape late
	Scraped    Sight = "scraped" // a rate over a window of scrapes, each target at its own phase
)

// Sights are those that can be asked for.
func Sights() []string { return []string{string(Exact), string(Scraped)} }

// mostSpread is a standard deviation of the logarithm at which one of twenty is five times as much as the median.
const mostSpread = 1

// Check reports everything that is wrong at once, by the names of forewarm simulate's flags.
func (c Conditions) Check() error {
	var p problems
	share := func(flag string, v float64) {
		p.want(v >= 0 && v <= 1, "--%s: want a share of 0 to 1, got %g", flag, v)
	}
	spread := func(flag string, v float64) {
		p.want(v >= 0 && v <= mostSpread, "--%s: want 0 to %d, got %g", flag, mostSpread, v)
	}
	p.want(c.Quota >= 0, "--gpu-quota: want GPUs, 0 for no limit, got %d", c.Quota)
	spread("warm-up-spread", c.WarmUpSpread)
	spread("speed-spread", c.SpeedSpread)
	share("scrapes-lost", c.Lost)
	share("scrapes-nan", c.NaN)
	p.want(c.Delay >= 0 && c.Delay <= time.Hour, "--scrape-delay: want 0 to 1h, got %s", c.Delay)
	for _, o := range c.Outages {
		p.want(o.After >= 0 && o.For > 0, "--outage: want a start of 0 or more and a length above 0, got %s", o)
	}
	p.want(c.Sight == UsualSight || slices.Contains(Sights(), string(c.Sight)),
		"--sight: want one of %v, got %q", Sights(), c.Sight)
	return p.join()
}

// String is start and length, as ParseOutage takes them.
func (o Outage) String() string { return o.After.String() + "/" + o.For.String() }

// ParseOutage reads START/LENGTH, both durations: 200h/30m.
func ParseOutage(s string) (Outage, error) {
	start, length, _ := strings.Cut(s, "/")
	after, errAfter := time.ParseDuration(start)
	lasting, errFor := time.ParseDuration(length)
	if err := errors.Join(errAfter, errFor); err != nil {
		return Outage{}, fmt.Errorf("want START/LENGTH like 200h/30m, got %q", s)
	}
	return Outage{after, lasting}, nil
}

// Easy says that nothing is made hard.
func (c Conditions) Easy() bool {
	return c.Quota == 0 && c.WarmUpSpread == 0 && c.SpeedSpread == 0 && !c.faulty() && !c.AtFinish
}

func (c Conditions) faulty() bool {
	return c.Lost > 0 || c.NaN > 0 || c.Delay > 0 || len(c.Outages) > 0
}

// Faults are those of a world that begins at a moment; false if there are none.
func (c Conditions) Faults(begin time.Time, seed uint64) (FaultConfig, bool) {
	cfg := FaultConfig{Seed: seed, Gap: c.Lost, NaN: c.NaN, Delay: c.Delay}
	for _, o := range c.Outages {
		cfg.Outages = append(cfg.Outages, Span{begin.Add(o.After), begin.Add(o.After + o.For)})
	}
	return cfg, c.faulty()
}

// Burden puts a fleet under the conditions that lie in the fleet: each call is for one fleet, for a quota is used up.
func (c Conditions) Burden(f FleetConfig) FleetConfig {
	if c.Quota > 0 {
		f.Quota = &Quota{Limit: c.Quota}
	}
	f.Spread, f.WarmUp = c.SpeedSpread, c.spreadOut(f.WarmUp)
	f.More = slices.Clone(f.More)
	for i := range f.More {
		f.More[i].Spread, f.More[i].WarmUp = c.SpeedSpread, c.spreadOut(f.More[i].WarmUp)
	}
	return f
}

// spreadOut keeps the median of a warm-up that was always the same.
func (c Conditions) spreadOut(w WarmUp) WarmUp {
	if c.WarmUpSpread == 0 {
		return w
	}
	s := c.WarmUpSpread
	return WarmUp{Mean: time.Duration(float64(w.Mean) * math.Exp(s*s/2)), Sigma: s}
}
