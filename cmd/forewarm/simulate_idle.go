package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/forewarm/forewarm/internal/report"
	"github.com/forewarm/forewarm/internal/study"
)

// checkIdle reports what does not go with --idle, which runs rules of its own.
func (f *simulateFlags) checkIdle() []error {
	var errs []error
	if !f.changed("idle") {
		return nil
	}
	for _, flag := range []string{
		"trace", "workload", "policy", "capacity", "warm-up", "fleet", "span", "burn-in", "sweep",
		"yardstick", "spot", "burst", "by-load",
	} {
		if f.changed(flag) {
			errs = append(errs, fmt.Errorf("--idle and --%s: want one of them", flag))
		}
	}
	return errs
}

func simulateIdle(s *streams, f *simulateFlags) error {
	path := f.idle
	if _, err := os.Stat(path); err != nil && path != "" {
		if !f.quiet {
			s.printf("forewarm: no recorded tenants at %q, so on the shipped workload %s, whose shape is made up\n",
				clean(path), study.ShippedTenant)
		}
		path = ""
	}
	r, err := study.Idle(path, study.IdleCosts(), f.Seed)
	if err != nil {
		return err
	}
	head := fmt.Sprintf("%d tenants of %s, %d gaps of a minute and more; seed %d.\n"+
		"A gap costs its length, or the idle time before the replica went and C for its restart; C is in seconds of a\n"+
		"replica: the warm-up, and what it is worth that nobody waits. Cost is a multiple of the bill of who knows the\n"+
		"future; worst is that of the worst tenant.", r.Tenants, clean(r.Source), r.Gaps, r.Seed)
	if err := f.writeRows(s, r, head, idleColumns, idleCells(r)); err != nil {
		return err
	}
	return f.sheet("Forewarm at zero", head, idleColumns, idleCells(r), idleBars(r))
}

// idleBars are the bills at each restart cost.
func idleBars(r study.IdleSimulation) (out []report.Bars) {
	for _, w := range r.Rows {
		title := fmt.Sprintf("Restart cost %s s", short(w.Cost))
		i := slices.IndexFunc(out, func(b report.Bars) bool { return b.Title == title })
		if i < 0 {
			i, out = len(out), append(out, report.Bars{Title: title, Unit: "cost, multiple of who knows the future"})
		}
		out[i].Names, out[i].Values = append(out[i].Names, w.Rule), append(out[i].Values, w.Ratio)
	}
	return out
}

// idleColumns name the columns; documented in docs/cli.md.
var idleColumns = []string{"rule", "restart_cost_s", "cost", "worst", "idle_hours", "cold_starts"}

func idleCells(r study.IdleSimulation) (out []table.Row) {
	for _, w := range r.Rows {
		out = append(out, table.Row{
			w.Rule, short(w.Cost), threePlaces(w.Ratio), threePlaces(w.Worst), short(w.IdleHours), strconv.Itoa(w.Starts),
		})
	}
	return out
}
