package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/forewarm/forewarm/internal/report"
	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/internal/study"
)

func (f *simulateFlags) registerSpot(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringArrayVar(&f.spot.Files, "spot", nil, "on-demand and spot replicas together, on a recorded spot series: a "+
		"`file` of nodes per tick; demand is constant unless --trace or --workload is given; may be repeated")
	fl.Float64Var(&f.spot.Price, "spot-price", f.spot.Price, "of a spot replica, as a share of the on-demand one")
	fl.DurationVar(&f.spot.Notice, "spot-notice", f.spot.Notice, "how long a replica serves after its node is taken away")
	fl.Float64Var(&f.spot.Told.Hazard, "spot-hazard", f.spot.Told.Hazard, "losses per replica and hour that Forewarm "+
		"plans with")
	fl.Float64Var(&f.spot.Told.Availability, "spot-availability", f.spot.Told.Availability,
		"share of asked spot nodes that are there, as Forewarm plans with")
	fl.IntVar(&f.spot.Nodes, "spot-nodes", f.spot.Nodes, "nodes of the series per replica")
}

// checkSpot reports what does not go with --spot, which runs its own policies in one world.
func (f *simulateFlags) checkSpot() []error {
	if len(f.spot.Files) == 0 {
		return nil
	}
	errs := []error{f.spot.Check()}
	for _, flag := range []string{"policy", "capacity", "sweep", "yardstick", "by-load"} {
		if f.changed(flag) {
			errs = append(errs, fmt.Errorf("--spot and --%s: want one of them", flag))
		}
	}
	if len(f.WarmUps) > 1 || len(f.Fleets) > 1 {
		errs = append(errs, errors.New("--spot: want one --warm-up and one --fleet"))
	}
	return errs
}

func simulateSpot(s *streams, f *simulateFlags) error {
	r, err := study.Spot(f.Options, f.spot)
	if err != nil {
		return err
	}
	head := fmt.Sprintf("Warm-up %s s, notice %s s, mean demand %s replicas, spot at %s of the on-demand price; seed\n"+
		"%d. Cost is a multiple of the bill of on-demand only; unavailable is the share of ticks with more demand\n"+
		"than ready capacity. All but Forewarm split a total that is never wrong; capacity and warm-up are configured.%s",
		short(r.WarmUp), short(r.Notice), short(r.Fleet), short(r.Price), r.Seed, spotConditions(r))
	f.tell(s, r.Notes)
	if err := f.writeRows(s, r, head, spotColumns, spotCells(r)); err != nil {
		return err
	}
	return f.sheet("Forewarm on spot", head, spotColumns, spotCells(r), spotBars(r))
}

// spotConditions is what is not as usual, on a line of its own.
func spotConditions(r study.SpotSimulation) string {
	line := conditionsLine(r.Conditions)
	if r.Sight != string(sim.Exact) {
		line = "Demand is seen " + r.Sight + ". " + line
	}
	return strings.TrimRight("\n"+line, "\n ")
}

// spotBars are bill and shortage on each series and load.
func spotBars(r study.SpotSimulation) (out []report.Bars) {
	for _, w := range r.Rows {
		on := w.Series + ", load " + w.Load
		if len(out) == 0 || out[len(out)-1].Title != "Short on "+on {
			out = append(out, report.Bars{Title: "Bill on " + on, Unit: "of on-demand only"},
				report.Bars{Title: "Short on " + on, Unit: "% of ticks"})
		}
		bill, short := &out[len(out)-2], &out[len(out)-1]
		bill.Names, bill.Values = append(bill.Names, w.Policy), append(bill.Values, w.Cost)
		short.Names, short.Values = append(short.Names, w.Policy), append(short.Values, 100*w.Unavailable)
	}
	return out
}

// spotColumns name the columns; documented in docs/cli.md.
var spotColumns = []string{
	"series", "load", "policy", "cost", "unavailable_%", "v1_%", "v2_%", "nodes_lost",
	"cold_starts",
}

func spotCells(r study.SpotSimulation) (out []table.Row) {
	for _, w := range r.Rows {
		out = append(out, table.Row{
			clean(w.Series), clean(w.Load), w.Policy, threePlaces(w.Cost), asPercent(w.Unavailable), asPercent(w.V1),
			asPercent(w.V2), strconv.Itoa(w.Lost), strconv.Itoa(w.Starts),
		})
	}
	return out
}
