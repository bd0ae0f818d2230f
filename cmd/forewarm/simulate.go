package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/forewarm/forewarm/internal/report"
	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/internal/study"
)

// simulateFlags are the flags of simulate.
type simulateFlags struct {
	study.Options
	output    string
	html      string
	yardstick string
	burst     bool
	beat      burstFlags
	idle      string
	spot      study.SpotOptions
	quiet     bool
	outages   []string
	arrivals  string
	changed   func(flag string) bool
}

var simulateOutputs = []string{"table", "json", "csv", "markdown"}

// timelinePoints is how finely the report draws a load: a point per pixel would not be seen.
const timelinePoints = 400

func newSimulate(s *streams) *cobra.Command {
	f := &simulateFlags{Options: study.DefaultOptions(), spot: study.DefaultSpotOptions()}
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Try policies on recorded or generated load",
		Long: "Runs Forewarm and the autoscalers that people use today on the same load, on virtual time, and says what\n" +
			"each pays, as a multiple of a clairvoyant's bill, and how often demand exceeds what is ready.\n" +
			"Reads no cluster and no Prometheus. The same seed gives the same bytes.",
		Example: "  forewarm simulate --workload day\n" +
			"  forewarm simulate --trace load.csv.gz --warm-up 120s,600s --fleet 5,20 --html report.html\n" +
			"  forewarm simulate --trace traces/ --policy forewarm,hpa,moving-max --sweep 13 -o json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.changed = cmd.Flags().Changed
			return simulate(cmd.Context(), s, f)
		},
	}
	f.register(cmd)
	return cmd
}

func (f *simulateFlags) register(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringArrayVar(&f.Traces, "trace", nil, "recorded load: a `file`, FILE#column or a folder; may be repeated")
	fl.StringSliceVar(&f.Workloads, "workload", nil, "shipped workloads (default all, unless --trace is given): "+
		strings.Join(study.WorkloadNames(), ", ")+". Only their request counts are run: what token-drift and chat are about, "+
		"token lengths and sessions, does not show here")
	fl.StringSliceVar(&f.Policies, "policy", nil, "policies (default Forewarm and all rivals): "+
		strings.Join(study.PolicyNames(), ", "))
	fl.StringSliceVar(&f.Capacity, "capacity", f.Capacity, "how Forewarm knows what a replica carries: "+
		strings.Join(study.Capacities(), ", "))
	fl.DurationSliceVar(&f.WarmUps, "warm-up", f.WarmUps, "from order to ready")
	fl.Float64SliceVar(&f.Fleets, "fleet", f.Fleets, "mean demand, in replicas; every load is scaled to it")
	fl.DurationVar(&f.BurnIn, "burn-in", f.BurnIn, "what is not scored of each load, at most half of it")
	fl.DurationVar(&f.Span, "span", 0, "only so much of each load, from its start; 0 is all of it")
	fl.IntVar(&f.Sweep, "sweep", f.Sweep, "headrooms to try per policy, at most 13; the best one over all cells is kept")
	fl.Uint64Var(&f.Seed, "seed", f.Seed, "of all that is random")
	fl.IntVar(&f.Workers, "workers", runtime.GOMAXPROCS(0), "cells at once")
	fl.StringVarP(&f.output, "output", "o", "table", "one of table, json, csv, markdown")
	fl.StringVar(&f.html, "html", "", "also write a report with charts to this `file`")
	fl.StringVar(&f.yardstick, "yardstick", "", "the yardstick: all warm-ups and fleets, headrooms swept; with the "+
		"development traces of a `folder` if they are there, else on the shipped workloads")
	fl.BoolVar(&f.ByLoad, "by-load", false, "also Forewarm load by load, beside the plain blend (if it is run), the moving "+
		"maximum and the best rival, and the cells in which it is ahead of every rival; the yardstick has it")
	f.registerBurst(cmd)
	f.registerSpot(cmd)
	f.registerConditions(cmd)
	fl.StringVar(&f.idle, "idle", "", "scale to zero: rules for when the last replica goes, on the sparse columns of a "+
		"recorded matrix `file`, or on a shipped workload if it is not there")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "no notes and no progress on stderr")
	for flag, words := range map[string][]string{
		"output": simulateOutputs, "workload": study.WorkloadNames(), "policy": study.PolicyNames(),
		"capacity": study.Capacities(), "sight": sim.Sights(), "resolution": study.Resolutions(), "arrivals": arrivals,
	} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
}

// check reports every wrong flag at once.
func (f *simulateFlags) check() error {
	errs := []error{f.conditions(), f.Check()}
	if !slices.Contains(simulateOutputs, f.output) {
		errs = append(errs, fmt.Errorf("--output: want one of %v, got %q", simulateOutputs, f.output))
	}
	if f.Workers < 1 {
		errs = append(errs, fmt.Errorf("--workers: want at least 1, got %d", f.Workers))
	}
	if f.changed("yardstick") && (len(f.Traces) > 0 || len(f.Workloads) > 0) {
		errs = append(errs, errors.New("--yardstick: want it without --trace and --workload, it has its own"))
	}
	for _, check := range []func() []error{f.checkBurst, f.checkSpot, f.checkIdle, f.checkConditions} {
		errs = append(errs, check()...)
	}
	if err := errors.Join(errs...); err != nil {
		return &exitError{exitUsage, err}
	}
	return nil
}

func simulate(ctx context.Context, s *streams, f *simulateFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	if f.html != "" {
		if err := checkPage(f.html); err != nil {
			return err
		}
	}
	switch {
	case f.burst:
		return simulateBurst(ctx, s, f)
	case f.changed("idle"):
		return simulateIdle(s, f)
	case len(f.spot.Files) > 0:
		return simulateSpot(s, f)
	}
	opts, done := f.options(s)
	r, err := study.Run(ctx, opts)
	done()
	if err != nil {
		return err
	}
	if err := f.write(s, r); err != nil {
		return fmt.Errorf("write the simulation: %w", err)
	}
	f.tell(s, r.Notes)
	if f.html != "" {
		return writePage(f.html, func(w io.Writer) error { return report.Write(w, r) })
	}
	return nil
}

// tell says on stderr what was left out.
func (f *simulateFlags) tell(s *streams, notes []string) {
	if f.quiet {
		return
	}
	for _, n := range notes {
		s.printf("forewarm: %s\n", clean(n))
	}
}

// options are the study's options and how to end the progress line.
func (f *simulateFlags) options(s *streams) (study.Options, func()) {
	o := f.Options
	if f.html != "" {
		o.Points = timelinePoints
	}
	if f.changed("yardstick") {
		o = f.measured(s, o)
		o.ByLoad = true
	}
	if f.quiet || terminal(s.err) == 0 {
		return o, func() {}
	}
	var one sync.Mutex
	most := 0
	o.Progress = func(done, total int) {
		one.Lock()
		defer one.Unlock()
		if most = max(most, done); most == done {
			s.printf("\r\x1b[K%d of %d cells", done, total)
		}
	}
	return o, func() { s.printf("\r\x1b[K") }
}

// measured are the options of the yardstick; what was set on the command line stays.
func (f *simulateFlags) measured(s *streams, o study.Options) study.Options {
	y := o.Yardstick()
	if f.changed("warm-up") {
		y.WarmUps = o.WarmUps
	}
	if f.changed("fleet") {
		y.Fleets = o.Fleets
	}
	if f.changed("sweep") {
		y.Sweep = o.Sweep
	}
	paths, ok := study.Development(f.yardstick)
	switch {
	case ok:
		y.Traces = paths
	case !f.quiet:
		s.printf("forewarm: no development traces in %q, so on the shipped workloads, whose shapes are made up\n",
			clean(f.yardstick))
	}
	return y
}
