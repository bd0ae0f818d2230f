package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/forewarm/forewarm/internal/app"
)

// minWhy is the narrowest WHY column before the table may overflow a terminal.
const minWhy = 28

// writeTable prints the table for people; width is that of the terminal, 0 if
// there is none, and then nothing is wrapped.
func writeTable(w io.Writer, r app.Report, wide, colours bool, width int) error {
	t := tableOf(r, wide, colours)
	t.SetStyle(table.StyleDefault)
	style := t.Style()
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	if width > 0 {
		whyWidth := max(width-restWidth(r, wide), minWhy)
		t.SetColumnConfigs([]table.ColumnConfig{{Name: "WHY", WidthMax: whyWidth, WidthMaxEnforcer: text.WrapSoft}})
	}
	for line := range strings.Lines(t.Render() + "\n") {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// writeMarkdown prints a table for a pull request or a page.
func writeMarkdown(w io.Writer, r app.Report) error {
	_, err := fmt.Fprintln(w, tableOf(r, false, false).RenderMarkdown())
	return err
}

func tableOf(r app.Report, wide, colours bool) table.Writer {
	t := table.NewWriter()
	var header table.Row
	for _, c := range columns {
		if wide || !c.wide {
			header = append(header, c.title)
		}
	}
	t.AppendHeader(header)
	for _, m := range r.Models {
		for _, v := range m.Variants {
			var row table.Row
			for _, c := range columns {
				if wide || !c.wide {
					row = append(row, paint(c.title, clean(c.cell(m, v, r.At)), v, colours))
				}
			}
			t.AppendRow(row)
		}
	}
	return t
}

// paint colours the recommendation: more, fewer, or nothing to go by.
func paint(title, cell string, v app.VariantReport, colours bool) string {
	if !colours || title != "REC" {
		return cell
	}
	switch {
	case v.Recommended == nil:
		return text.FgRed.Sprint(cell)
	case v.State == app.StateHold:
		return text.FgMagenta.Sprint(cell)
	case v.Now != nil && *v.Recommended > *v.Now:
		return text.FgYellow.Sprint(cell)
	case v.Now != nil && *v.Recommended < *v.Now:
		return text.FgGreen.Sprint(cell)
	}
	return cell
}

// restWidth is what all columns but WHY take.
func restWidth(r app.Report, wide bool) int {
	sum := 2
	for _, c := range columns {
		if (c.wide && !wide) || c.title == "WHY" {
			continue
		}
		widest := len(c.title)
		for _, m := range r.Models {
			for _, v := range m.Variants {
				widest = max(widest, text.StringWidthWithoutEscSequences(clean(c.cell(m, v, r.At))))
			}
		}
		sum += widest + 2
	}
	return sum
}

// csvHeader names the columns of csv output; documented in docs/output.md.
var csvHeader = []string{
	"namespace", "model", "variant", "state", "replicas_now", "replicas_recommended",
	"ready_replicas", "starting_replicas", "requests_per_second", "output_tokens_per_second",
	"forecast_p95_requests_per_second", "forecast_horizon_seconds", "pending_requests", "running_requests",
	"kv_utilization", "ttft_p95_seconds", "capacity_source", "gpu_hours_per_day_now",
	"gpu_hours_per_day_recommended", "usd_per_day_now", "usd_per_day_recommended", "why",
}

// writeCSV prints raw figures; unknown is an empty field.
func writeCSV(w io.Writer, r app.Report) error {
	out := csv.NewWriter(w)
	if err := out.Write(csvHeader); err != nil {
		return err
	}
	for _, m := range r.Models {
		var peak, horizon *float64
		if m.Forecast != nil {
			peak, horizon = &m.Forecast.Peak, &m.Forecast.Horizon
		}
		for _, v := range m.Variants {
			row := []string{
				clean(m.Namespace), clean(m.Name), clean(v.Name), string(v.State), rawInt(v.Now), rawInt(v.Recommended),
				rawInt(v.Ready), rawInt(v.Starting), raw(m.Work.Requests), raw(m.Work.OutputTokens),
				raw(peak), raw(horizon), raw(m.Pending), raw(m.Running),
				raw(m.KV), raw(m.TTFTP95), v.Capacity.Source, raw(v.GPUHours.Now),
				raw(v.GPUHours.Recommended), raw(v.USD.Now), raw(v.USD.Recommended), clean(v.Why),
			}
			if err := out.Write(row); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

func raw(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'f', -1, 64)
}

func rawInt(v *int) string {
	if v == nil {
		return ""
	}
	return strconv.Itoa(*v)
}
