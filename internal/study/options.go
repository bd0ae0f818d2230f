package study

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/internal/sim/fluid"
)

// Options say what is run. Loads are the files of Traces and the Workloads; with neither, all shipped workloads.
type Options struct {
	Traces     []string       // files, columns of a matrix (FILE#c17) or folders
	Workloads  []string       // names of shipped workloads
	Policies   []string       // names; none = Forewarm and every rival
	Capacity   []string       // how Forewarm comes to know what a replica carries, of Capacities
	Resolution string         // of Resolutions
	Under      sim.Conditions // what makes the world hard
	WarmUps    []time.Duration
	Fleets     []float64     // mean demand, in replicas
	Span       time.Duration // only so much of each load, from its start; 0 = all
	BurnIn     time.Duration // at most half of each load
	Sweep      int           // headrooms tried per policy; 1 = only its usual one
	Seed       uint64        // of workloads, warm-ups and resampling
	Workers    int
	Points     int                   // per timeline; 0 = no timelines
	ByLoad     bool                  // also the Duel, load by load
	Progress   func(done, total int) // cells; called from any worker; may be nil
}

// mostFleet is how large a mean fleet may be. The real engine looks at every pod in every tick, so time grows with the
// fleet: all policies on the workload day take 3 s of a core at 100 replicas, 27 s at 1,000, more than 160 s at 5,000.
const mostFleet = 1000

// yardstickSweep is how many headrooms the yardstick tries per policy: what ten minutes of two cores allow.
const yardstickSweep = 6

// DefaultOptions are small enough for a terminal: one warm-up, one fleet, no sweep.
func DefaultOptions() Options {
	y := fluid.DefaultYardstick()
	return Options{
		Capacity: []string{"known", "learned"}, Resolution: Fluid, WarmUps: []time.Duration{5 * time.Minute},
		Fleets: []float64{5}, BurnIn: y.BurnIn, Sweep: 1, Seed: 1, Workers: 1,
	}
}

// Yardstick turns options into those of the yardstick: all warm-ups and fleets, headrooms swept.
func (o Options) Yardstick() Options {
	y := fluid.DefaultYardstick()
	o.WarmUps, o.Fleets, o.Sweep = y.WarmUps, y.Fleets, yardstickSweep
	return o
}

// capacity is a way to set up Forewarm: its name on the command line, and the policy.
type capacity struct{ name, policy string }

var capacities = []capacity{
	{"known", "forewarm"},
	{"learned", "forewarm-learned"},
	{"half", "forewarm-learned-half"},
	{"double", "forewarm-learned-double"},
	{"oracle", "forewarm-oracle"},
	{"plain", plainPolicy},
}

// Capacities are the ways in which Forewarm may come to know what a replica carries: configured, learned,
// learned from a prior of half or twice the truth; and configured with a forecast that is never wrong, or with the plain
// blend.
func Capacities() []string {
	var out []string
	for _, c := range capacities {
		out = append(out, c.name)
	}
	return out
}

// WorkloadNames are the shipped workloads.
func WorkloadNames() []string {
	var out []string
	for _, n := range sim.Workloads() {
		out = append(out, n.Name)
	}
	return out
}

// PolicyNames are all policies there are, and "forewarm" for the product as Capacity says.
func PolicyNames() []string {
	var out []string
	for _, p := range catalog() {
		out = append(out, p.Name)
	}
	return out
}

// Check reports everything that is wrong with the options at once.
func (o Options) Check() error {
	var errs []error
	errs = append(errs, names("workload", o.Workloads, WorkloadNames())...)
	errs = append(errs, names("policy", o.Policies, PolicyNames())...)
	errs = append(errs, names("capacity", o.Capacity, Capacities())...)
	errs = append(errs, o.checkResolution()...)
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(len(o.WarmUps) > 0, "--warm-up: want at least one duration")
	for _, w := range o.WarmUps {
		bad(w >= 0 && w <= 24*time.Hour, "--warm-up: want 0 to 24h, got %s", w)
	}
	bad(len(o.Fleets) > 0, "--fleet: want at least one number of replicas")
	for _, f := range o.Fleets {
		bad(f > 0 && f <= mostFleet, "--fleet: want above 0 and at most %d replicas (three days of %[1]d take every policy "+
			"together half a minute of a core, and more grow in step), got %g", mostFleet, f)
	}
	bad(len(o.Capacity) > 0, "--capacity: want at least one of %s", strings.Join(Capacities(), ", "))
	bad(o.BurnIn >= 0, "--burn-in: want 0 or more, got %s", o.BurnIn)
	bad(o.Span == 0 || o.Span >= fluid.Tick,
		"--span: want 0 for all of it, or at least a tick of %s, got %s", fluid.Tick, o.Span)
	bad(o.Sweep >= 1 && o.Sweep <= fluid.GridSize, "--sweep: want 1 to %d headrooms, got %d", fluid.GridSize, o.Sweep)
	return errors.Join(errs...)
}

// names reports the names of a flag that do not exist.
func names(flag string, got, want []string) []error {
	var errs []error
	for _, n := range got {
		if !slices.Contains(want, n) {
			errs = append(errs, fmt.Errorf("--%s: want any of %s; got %q", flag, strings.Join(want, ", "), n))
		}
	}
	return errs
}
