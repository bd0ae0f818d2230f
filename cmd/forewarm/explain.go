package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/forewarm/forewarm/internal/app"
)

// writeExplanation prints how one model's recommendation came about, in the
// order of the decision: signals, forecast, rules, result.
func writeExplanation(w io.Writer, r app.Report, m app.ModelReport) error {
	var b strings.Builder
	explainHead(&b, r, m)
	explainSignals(&b, m)
	explainForecast(&b, m)
	b.WriteString("\nRULES\n")
	for i, s := range m.Steps {
		fmt.Fprintf(&b, "  %2d. %-10s  %s\n", i+1, clean(s.Rule), clean(s.Text))
	}
	b.WriteString("\nRESULT\n")
	for _, v := range m.Variants {
		fmt.Fprintf(&b, "  %s: %s now, %s recommended. %s\n", clean(v.Name), whole(v.Now), recommended(v), clean(v.Why))
	}
	explainNotes(&b, "ASSUMED", append(append([]string{}, r.Assumptions...), m.Assumptions...))
	explainNotes(&b, "FAULTS", faultLines(append(append([]app.Fault{}, r.Faults...), m.Faults...)))
	_, err := io.WriteString(w, b.String())
	return err
}

func explainHead(b *strings.Builder, r app.Report, m app.ModelReport) {
	fmt.Fprintf(b, "%s/%s as of %s\n", clean(m.Namespace), clean(m.Name), r.At.Format(time.RFC3339))
	fmt.Fprintf(b, "  engine %s, model %s, source %s; promised: p95 TTFT %s",
		orUnknown(m.Engine), orUnknown(m.ModelName), orUnknown(m.Source), spanOf(m.SLO.TTFTP95))
	if m.SLO.ITLP95 != nil {
		fmt.Fprintf(b, ", p95 ITL %s", spanOf(*m.SLO.ITLP95))
	}
	fmt.Fprintf(b, " for %s%% of requests\n", figure(100*m.SLO.Attainment))
	for _, v := range m.Variants {
		fmt.Fprintf(b, "  %s: %s %s, %s each, %s, warm-up %s\n", clean(v.Name), orUnknown(v.Target.Kind),
			orUnknown(v.Target.Name), counted(v.GPUs, "GPU"), v.CapacityType, spanOf(v.WarmUp))
	}
}

func explainSignals(b *strings.Builder, m app.ModelReport) {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"signal", "pod", "value", "unit", "age", "state"})
	for _, s := range m.Signals {
		state := s.State
		if s.Name == "arrivals" && m.ArrivalSource != "" {
			state += ", from " + m.ArrivalSource
		}
		t.AppendRow(table.Row{s.Name, clean(s.Pod), number(s.Value), s.Unit, span(s.Age), state})
	}
	b.WriteString("\nSIGNALS\n")
	writeIndented(b, t)
	if m.Partial {
		b.WriteString("  Something expected is missing: see the faults.\n")
	}
}

func explainForecast(b *strings.Builder, m app.ModelReport) {
	b.WriteString("\nFORECAST\n")
	f := m.Forecast
	if f == nil {
		b.WriteString("  none: demand is unknown, or was for the last five minutes\n")
		return
	}
	fmt.Fprintf(b, "  made at %s from a level of %s req/s; spread measured on %d past errors\n",
		f.At.Format(time.RFC3339), figure(f.Level), f.Evidence)
	t := table.NewWriter()
	header := table.Row{"highest req/s within"}
	for _, q := range f.Quantiles {
		header = append(header, "p"+figure(100*q))
	}
	t.AppendHeader(header)
	for _, h := range f.Rows {
		row := table.Row{spanOf(h.Horizon)}
		for _, v := range h.Max {
			row = append(row, figure(v))
		}
		t.AppendRow(row)
	}
	writeIndented(b, t)
}

func writeIndented(b *strings.Builder, t table.Writer) {
	t.SetStyle(table.StyleDefault)
	style := t.Style()
	style.Options = table.OptionsNoBordersAndSeparators
	style.Format.Header = 0
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	for _, line := range strings.Split(t.Render(), "\n") {
		b.WriteString("  " + strings.TrimRight(line, " ") + "\n")
	}
}

func explainNotes(b *strings.Builder, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	b.WriteString("\n" + title + "\n")
	for _, l := range lines {
		b.WriteString("  - " + clean(l) + "\n")
	}
}

func orUnknown(s string) string {
	if s == "" {
		return unknown
	}
	return clean(s)
}

// faultLines say what is wrong, and end with the code that alerts and scripts use.
func faultLines(fs []app.Fault) []string {
	var out []string
	for _, f := range fs {
		line := f.Text
		if f.Object != "" && !strings.Contains(f.Text, f.Object) {
			line = f.Object + ": " + line
		}
		out = append(out, line+" ["+f.Code+"]")
	}
	return out
}

// writeNotes prints what the table rests on: assumptions, faults and totals.
func writeNotes(w io.Writer, r app.Report) {
	var b strings.Builder
	if t := r.Totals; t.WithGPUHours > 0 {
		fmt.Fprintf(&b, "\nTotal: %s GPU-hours per day", change(t.GPUHours, ""))
		if t.WithUSD > 0 {
			fmt.Fprintf(&b, ", %s per day", change(t.USD, "$"))
		}
		fmt.Fprintf(&b, " (%d of %d variants", t.WithGPUHours, t.Variants)
		if t.WithUSD != t.WithGPUHours {
			fmt.Fprintf(&b, "; a price is known for %d", t.WithUSD)
		}
		b.WriteString(").\n")
	}
	assumed, faults := append([]string{}, r.Assumptions...), faultLines(r.Faults)
	for _, m := range r.Models {
		prefix := m.Namespace + "/" + m.Name + ": "
		for _, a := range m.Assumptions {
			assumed = append(assumed, prefix+a)
		}
		for _, f := range faultLines(m.Faults) {
			faults = append(faults, prefix+f)
		}
	}
	explainNotes(&b, "Assumed:", assumed)
	explainNotes(&b, "Faults:", faults)
	_, _ = io.WriteString(w, b.String())
}
