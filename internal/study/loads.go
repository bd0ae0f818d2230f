package study

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/internal/sim/fluid"
	"github.com/forewarm/forewarm/internal/sim/trace"
)

// The classes of loads that are no development traces.
const (
	classRecorded  = "recorded"
	classGenerated = "generated"
)

// loads reads and draws everything that is run, every name once.
func (o Options) loads() ([]fluid.Trace, error) {
	var out []fluid.Trace
	var errs []error
	for _, path := range o.Traces {
		series, err := trace.ReadAll(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, s := range series {
			l, err := fluid.Resample(s.Name, s.Bucket, s.Requests, fluid.Tick)
			out, errs = append(out, fluid.Trace{Load: l, Class: class(s.Name)}), append(errs, err)
		}
	}
	for _, name := range o.workloads() {
		l, err := workload(name, o.Seed)
		out, errs = append(out, fluid.Trace{Load: l, Class: classGenerated}), append(errs, err)
	}
	for i := range out {
		out[i].Load = o.start(out[i].Load)
	}
	return distinct(out), errors.Join(errs...)
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
