package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/forewarm/forewarm/internal/backtest"
)

// backtestColumn is one column of the tables for people.
type backtestColumn struct {
	title string
	cell  func(f backtest.Figures) string
}

var backtestColumns = []backtestColumn{
	{"REPLICA-H", func(f backtest.Figures) string { return number(f.ReplicaHours) }},
	{"GPU-H", func(f backtest.Figures) string { return number(f.GPUHours) }},
	{"$", func(f backtest.Figures) string { return number(f.USD) }},
	{"/OPTIMUM", func(f backtest.Figures) string { return number(f.Cost) }},
	{"MISSES", func(f backtest.Figures) string { return percent(f.Misses) }},
	{"COLD-STARTS", func(f backtest.Figures) string { return whole(f.ColdStarts) }},
	{"FLAPS", func(f backtest.Figures) string { return whole(f.Flaps) }},
}

func backtestTable(r backtest.Report) table.Writer {
	t := table.NewWriter()
	header := table.Row{"NAMESPACE", "MODEL", "POLICY"}
	for _, c := range backtestColumns {
		header = append(header, c.title)
	}
	t.AppendHeader(header)
	for _, m := range r.Models {
		if len(m.Policies) == 0 {
			t.AppendRow(table.Row{clean(m.Namespace), clean(m.Name), "no usable history"})
		}
		for _, p := range m.Policies {
			row := table.Row{clean(m.Namespace), clean(m.Name), p.Name}
			for _, c := range backtestColumns {
				row = append(row, barred(c.cell, p))
			}
			t.AppendRow(row)
		}
	}
	return t
}

// barred is a figure with its error bar: what it is at the low and at the high end of the capacity interval,
// where that makes a difference.
func barred(cell func(backtest.Figures) string, p backtest.PolicyRow) string {
	middle := cell(p.Figures)
	if p.Low == nil || p.High == nil {
		return middle
	}
	low, high := cell(*p.Low), cell(*p.High)
	if low == middle && high == middle {
		return middle
	}
	return fmt.Sprintf("%s (%s..%s)", middle, low, high)
}

// forecastTable says how well the peak of demand within the lead was foreseen; nil if that is nowhere known.
func forecastTable(r backtest.Report) table.Writer {
	t := table.NewWriter()
	t.AppendHeader(table.Row{
		"NAMESPACE", "MODEL", "FORECAST", "AHEAD", "ERROR", "LOSS-90", "LOSS-99", "UNDER-90", "UNDER-99", "WINDOWS",
	})
	for _, m := range r.Models {
		for _, f := range m.Forecasts {
			loss90, under90 := f.Card.At(0.9)
			loss99, under99 := f.Card.At(0.99)
			t.AppendRow(table.Row{
				clean(m.Namespace), clean(m.Name), f.Name, spanOf(f.Card.Horizon.Seconds()), percent(&f.Card.MAE), percent(&loss90),
				percent(&loss99), percent(&under90), percent(&under99), f.Card.Origins,
			})
		}
	}
	if t.Length() == 0 {
		return nil
	}
	return t
}

func writeBacktestTable(w io.Writer, r backtest.Report) error {
	if err := writePlain(w, backtestTable(r)); err != nil {
		return err
	}
	t := forecastTable(r)
	if t == nil {
		return nil
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return writePlain(w, t)
}

func writePlain(w io.Writer, t table.Writer) error {
	t.SetStyle(table.StyleDefault)
	style := t.Style()
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	for line := range strings.Lines(t.Render() + "\n") {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

func writeBacktestMarkdown(w io.Writer, r backtest.Report) error {
	_, err := fmt.Fprintln(w, backtestTable(r).RenderMarkdown())
	if t := forecastTable(r); t != nil && err == nil {
		_, err = fmt.Fprintf(w, "\n%s\n", t.RenderMarkdown())
	}
	return err
}

// writeBacktestCSV prints one line per model, policy and capacity. An empty field is unknown.
func writeBacktestCSV(w io.Writer, r backtest.Report) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{ // the writer keeps the first error for the end
		"namespace", "model", "policy", "setting", "capacity", "requests_per_second_per_replica",
		"replica_hours", "gpu_hours", "usd", "misses", "unmet", "cold_starts", "flaps", "peak_replicas", "cost_over_optimum",
	})
	for _, m := range r.Models {
		for _, p := range m.Policies {
			for _, at := range []struct {
				name     string
				capacity float64
				figures  *backtest.Figures
			}{{"middle", m.Capacity.Middle, &p.Figures}, {"low", m.Capacity.Low, p.Low}, {"high", m.Capacity.High, p.High}} {
				if f := at.figures; f != nil {
					_ = out.Write([]string{
						m.Namespace, m.Name, p.Name, p.Setting, at.name, exact(&at.capacity), exact(f.ReplicaHours), exact(f.GPUHours),
						exact(f.USD), exact(f.Misses), exact(f.Unmet), count(f.ColdStarts), count(f.Flaps), count(f.Peak), exact(f.Cost),
					})
				}
			}
		}
	}
	out.Flush()
	return out.Error()
}

func exact(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'g', -1, 64)
}

func count(v *int) string {
	if v == nil {
		return ""
	}
	return strconv.Itoa(*v)
}

// writeBacktestNotes says what the figures rest on.
func writeBacktestNotes(w io.Writer, r backtest.Report) {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	say("\nNotes:\n")
	for _, n := range r.Notes {
		say("  - %s\n", clean(n))
	}
	for _, m := range r.Models {
		for _, n := range m.Notes {
			say("  - %s/%s: %s\n", clean(m.Namespace), clean(m.Name), clean(n))
		}
	}
	if len(r.Faults) > 0 {
		say("\nFaults:\n")
	}
	for _, f := range r.Faults {
		say("  - %s: %s\n", clean(f.Code), clean(f.Text))
	}
}
