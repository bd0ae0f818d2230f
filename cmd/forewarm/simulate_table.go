package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/forewarm/forewarm/internal/study"
)

// write prints a simulation in the form that was asked for.
func (f *simulateFlags) write(s *streams, r study.Simulation) error {
	switch f.output {
	case "json":
		return writeJSON(s.out, r)
	case "csv":
		return simulationCSV(s.out, r)
	case "markdown":
		if _, err := fmt.Fprintf(s.out, "%s\n\n", simulationHead(r)); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(s.out, simulationTable(r).RenderMarkdown()); err != nil {
			return err
		}
		return writeDuel(s.out, r, true)
	}
	if err := printTable(s.out, simulationHead(r), simulationTable(r)); err != nil {
		return err
	}
	return writeDuel(s.out, r, false)
}

// simulationHead says what was run, in one paragraph.
func simulationHead(r study.Simulation) string {
	var loads []string
	days, scored := 0.0, 0.0
	for _, l := range r.Loads {
		loads = append(loads, clean(l.Name))
		days, scored = days+l.Days, scored+l.Scored
	}
	return fmt.Sprintf("%d loads (%s) x warm-up %s s x mean fleet %s; %s sight, seed %d.\n"+
		"%s%s days, of which %s are scored: not the first %s of each load, at most half of it.\n"+
		"Cost is a multiple of the clairvoyant's bill;\n"+
		"%s;\n"+
		"J = cost + %g V1, at the headroom that is best over all cells; the J of other weights has its own headroom.",
		len(loads), strings.Join(loads, ", "), numbers(r.WarmUps), numbers(r.Fleets), r.Sight, r.Seed,
		conditionsLine(r.Conditions), short(days), short(scored), short(r.BurnIn/86400), missesAre(r.Resolution), r.Weights[0])
}

func numbers(v []float64) string {
	var out []string
	for _, x := range v {
		out = append(out, short(x))
	}
	return strings.Join(out, "/")
}

func short(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

// simulationTable has a row per policy, and one more per class if there are several.
func simulationTable(r study.Simulation) table.Writer {
	t := table.NewWriter()
	header := table.Row{"POLICY", "AT", "LOADS", "COST", "V1 %", "V2 %", fmt.Sprintf("J%g", r.Weights[0])}
	for _, w := range r.Weights[1:] {
		header = append(header, fmt.Sprintf("J%g", w))
	}
	t.AppendHeader(append(header, "V1 % AT 1.2", "STARTS/D", "EVENTS/D", "FLAPS/D", "J VERSUS "+strings.ToUpper(r.Versus)))
	for _, p := range r.Policies {
		for i, c := range p.Classes {
			if i > 0 && len(p.Classes) == 2 {
				continue // the only class is all there is
			}
			t.AppendRow(simulationRow(r, p, i, c))
		}
	}
	return t
}

func simulationRow(r study.Simulation, p study.Policy, i int, c study.Class) table.Row {
	row := table.Row{
		p.Name, short(p.Headroom), clean(c.Class), threePlaces(c.Cost), asPercent(c.V1), asPercent(c.V2), threePlaces(c.J),
	}
	for k := range r.Weights[1:] {
		if i == 0 {
			row = append(row, threePlaces(p.Weighted[k+1].J))
		} else {
			row = append(row, "")
		}
	}
	at := "-"
	if c.V1AtCost != nil {
		at = asPercent(*c.V1AtCost)
	}
	row = append(row, at, short(c.Starts), short(c.Events), short(c.Flaps))
	if i > 0 || p.Against == nil {
		return append(row, "")
	}
	return append(row, difference(*p.Against))
}

func threePlaces(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }
func asPercent(v float64) string   { return strconv.FormatFloat(100*v, 'f', 2, 64) }

// simulationColumns name the columns of csv output; documented in docs/cli.md.
var simulationColumns = []string{
	"policy", "headroom", "load", "warm_up_seconds", "fleet", "cost", "v1", "v2", "j", "cold_starts_per_day",
	"scale_events_per_day", "flaps_per_day",
}

// simulationCSV prints raw figures, a row per policy and cell.
func simulationCSV(w io.Writer, r study.Simulation) error {
	out := csv.NewWriter(w)
	if err := out.Write(simulationColumns); err != nil {
		return err
	}
	for _, p := range r.Policies {
		for _, c := range p.Cells {
			row := []string{p.Name, exactly(p.Headroom), clean(c.Load)}
			for _, v := range []float64{c.WarmUp, c.Fleet, c.Cost, c.V1, c.V2, c.J, c.Starts, c.Events, c.Flaps} {
				row = append(row, exactly(v))
			}
			if err := out.Write(row); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

func exactly(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
