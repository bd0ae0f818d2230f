package study

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/internal/sim/fluid"
	"github.com/forewarm/forewarm/internal/sim/trace"
)

// The classes of loads that are no development traces.
const (
	classRecorded  = "recorded"
	classGenerated = "generated"
)

// loads reads and draws everything that is run, every name once. A recorded series without demand after a burn-in has
// nothing to be scored on: it is left out, and a note says so, unless it was the last.
func (o Options) loads(burnIn time.Duration) (out []fluid.Trace, notes []string, err error) {
	var errs []error
	for _, path := range o.Traces {
		series, err := trace.ReadAll(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, s := range series {
			l, why := o.recorded(s, burnIn)
			if why != "" {
				notes = append(notes, fmt.Sprintf("%s: series %s is left out: %s", s.File, s.Name, why))
				continue
			}
			out = append(out, fluid.Trace{Load: l, Class: class(s.Name)})
		}
	}
	for _, name := range o.workloads() {
		l, err := workload(name, o.Seed)
		out, errs = append(out, fluid.Trace{Load: o.start(l), Class: classGenerated}), append(errs, err)
	}
	if len(out) == 0 {
		for _, n := range notes {
			errs = append(errs, errors.New(n))
		}
	}
	return distinct(out), notes, errors.Join(errs...)
}

// recorded is the load of a series, or why there is none to run.
func (o Options) recorded(s trace.Series, burnIn time.Duration) (fluid.Load, string) {
	l, err := fluid.Resample(s.Name, s.Bucket, s.Requests, fluid.Tick)
	if err != nil {
		return l, err.Error()
	}
	l = o.start(l)
	if len(l.Rate) == 0 || l.Mean(l.BurnIn(burnIn)) <= 0 {
		return l, fmt.Sprintf("want demand after the burn-in, got none in %s", time.Duration(len(l.Rate))*l.Step)
	}
	return l, ""
}

// start is the part of a load that is run.
func (o Options) start(l fluid.Load) fluid.Load {
	if n := int(o.Span / fluid.Tick); n > 0 && n < len(l.Rate) {
		l.Rate = l.Rate[:n]
	}
	return l
}

func (o Options) workloads() []string {
	if len(o.Workloads) == 0 && len(o.Traces) == 0 {
		return WorkloadNames()
	}
	return o.Workloads
}

func workload(name string, seed uint64) (fluid.Load, error) {
	n, err := sim.WorkloadNamed(name)
	if err != nil {
		return fluid.Load{}, err
	}
	s, err := n.Series(seed, n.Length)
	if err != nil {
		return fluid.Load{}, fmt.Errorf("draw workload %s: %w", name, err)
	}
	return fluid.Resample(s.Name, s.Bucket, s.Requests, fluid.Tick)
}

func class(name string) string {
	for _, d := range fluid.Development() {
		if d.Name == name {
			return d.Class
		}
	}
	return classRecorded
}

// distinct numbers loads whose name came before, because cells go by name.
func distinct(in []fluid.Trace) []fluid.Trace {
	seen := map[string]int{}
	for i := range in {
		name := in[i].Load.Name
		seen[name]++
		if n := seen[name]; n > 1 {
			in[i].Load.Name = fmt.Sprintf("%s (%d)", name, n)
		}
	}
	return in
}

// Development are the files of the development traces in a folder; false if one of them is missing.
func Development(dir string) ([]string, bool) {
	var out []string
	for _, d := range fluid.Development() {
		path := filepath.Join(dir, d.Name+".csv.gz")
		if _, err := os.Stat(path); err != nil {
			return nil, false
		}
		out = append(out, path)
	}
	return out, true
}
