package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/forewarm/forewarm/internal/study"
)

// checkIdle reports what does not go with --idle, which runs rules of its own.
func (f *simulateFlags) checkIdle() []error {
	var errs []error
	if !f.changed("idle") {
		return nil
	}
	for _, flag := range []string{
		"trace", "workload", "policy", "capacity", "warm-up", "fleet", "span", "burn-in", "sweep", "html",
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
	return f.writeRows(s, r, head, idleColumns, idleCells(r))
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
