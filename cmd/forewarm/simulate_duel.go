package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/forewarm/forewarm/internal/study"
)

// writeDuel prints where Forewarm is ahead, and how it does load by load; nothing where that was not asked for.
func writeDuel(w io.Writer, r study.Simulation, markdown bool) error {
	if r.Duel == nil {
		return nil
	}
	head := duelHead(r)
	if markdown {
		_, err := fmt.Fprintf(w, "\n%s\n\n%s\n", head, duelTable(r).RenderMarkdown())
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return printTable(w, head, duelTable(r))
}

// duelHead says in how many cells which policy is ahead of all rivals.
func duelHead(r study.Simulation) string {
	var b strings.Builder
	for _, p := range r.Policies {
		if p.Ahead != nil {
			n := len(p.Cells)
			fmt.Fprintf(&b, "%s at %s is ahead of every rival in %d of %d cells (%.1f %%), each at its one headroom.\n",
				p.Name, short(p.Headroom), *p.Ahead, n, 100*float64(*p.Ahead)/float64(n))
		}
	}
	fmt.Fprintf(&b, "%s load by load. A difference is its J less the other's; in brackets the least and the greatest over the "+
		"load's cells,\nin the last row the paired 95 %% interval over whole loads.", r.Duel.Policy)
	return b.String()
}

func duelTable(r study.Simulation) table.Writer {
	t := table.NewWriter()
	header := table.Row{"LOAD", "J", "COST", "V1 %"}
	for _, name := range r.Duel.Beside {
		name = strings.ToUpper(name)
		header = append(header, name, "J - "+name)
	}
	if r.Duel.Mean.BestRivals != nil {
		header = append(header, "BEST RIVAL OF EACH CELL")
	}
	t.AppendHeader(header)
	for _, l := range append(r.Duel.Loads, r.Duel.Mean) {
		row := table.Row{clean(l.Load), threePlaces(l.J), threePlaces(l.Cost), asPercent(l.V1)}
		for _, o := range l.Opponents {
			row = append(row, threePlaces(o.J), difference(o.Less))
		}
		if l.BestRivals != nil {
			row = append(row, threePlaces(*l.BestRivals))
		}
		t.AppendRow(row)
	}
	return t
}

// difference is a mean with its interval, where there is one.
func difference(i study.Interval) string {
	if i.Low == nil || i.High == nil {
		return fmt.Sprintf("%+.3f", i.Mean)
	}
	return fmt.Sprintf("%+.3f [%+.3f, %+.3f]", i.Mean, *i.Low, *i.High)
}
