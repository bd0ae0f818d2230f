package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/forewarm/forewarm/internal/report"
	"github.com/forewarm/forewarm/internal/sim/world"
	"github.com/forewarm/forewarm/internal/study"
)

func simulateBurst(ctx context.Context, s *streams, f *simulateFlags) error {
	rows, err := world.BurstYardstick(ctx, true, f.Seed, f.Under)
	if err != nil {
		return err
	}
	conditions := conditionsLine(study.ConditionsOf(f.Under))
	if conditions != "" {
		if _, err := fmt.Fprintln(s.out, conditions); err != nil {
			return err
		}
	}
	if err := world.WriteBurst(s.out, rows); err != nil {
		return err
	}
	about := fmt.Sprintf("15, 2, 10, 15, 5, 2 requests/s for 150 s each on replicas that start in 103 s, request by request. Below "+
		"the bounds no policy comes; eager asks for all it may have as soon as Forewarm could see the burst. Clients wait as long as it "+
		"takes; errors are of a second run, in which they give up after %s. %s", world.Patience, conditions)
	return f.sheet("Forewarm burst yardstick", about, burstColumns, burstCells(rows), burstBars(rows))
}

var burstColumns = []string{
	"policy", "gateway", "cap", "initial", "p50 TTFT s", "p99 TTFT s", "formula s", "causal s", "seen s", "errors", "least",
	"in 2 s %", "replicas", "GPU-hours",
}

func burstCells(rows []world.BurstRow) (out []table.Row) {
	tenth := func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
	for _, r := range rows {
		bounds := []string{unknown, unknown, unknown, unknown}
		if r.Bounded {
			bounds = []string{
				tenth(r.Bound.Seconds()), tenth(r.Causal.Seconds()), tenth(r.Observable.Seconds()), strconv.Itoa(r.Unavoidable),
			}
		}
		out = append(out, table.Row{
			r.Policy, r.Gateway, capOf(r), strconv.Itoa(r.Initial), tenth(r.Result.TTFT.P50.Seconds()), tenth(r.Result.TTFT.P99.Seconds()),
			bounds[0], bounds[1], bounds[2], strconv.FormatUint(r.Errors, 10), bounds[3], asPercent(r.Result.Attainment),
			tenth(r.MeanReplicas), tenth(r.Result.GPUSeconds / 3600),
		})
	}
	return out
}

func capOf(r world.BurstRow) string {
	if r.Most == 0 {
		return "none"
	}
	return strconv.Itoa(r.Most)
}

// burstBars are the p99 of each setting's policies.
func burstBars(rows []world.BurstRow) (out []report.Bars) {
	for _, r := range rows {
		title := fmt.Sprintf("Gateway %s, cap %s, from %d", r.Gateway, capOf(r), r.Initial)
		if len(out) == 0 || out[len(out)-1].Title != title {
			out = append(out, report.Bars{Title: title, Unit: "p99 time to first token, s"})
		}
		b := &out[len(out)-1]
		b.Names, b.Values = append(b.Names, r.Policy), append(b.Values, r.Result.TTFT.P99.Seconds())
	}
	return out
}

// sheet writes the page of a yardstick, if one is wanted.
func (f *simulateFlags) sheet(title, about string, columns []string, cells []table.Row, bars []report.Bars) error {
	if f.html == "" {
		return nil
	}
	page := report.Sheet{Title: title, About: about, Bars: bars}
	for _, c := range columns {
		page.Columns = append(page.Columns, strings.ReplaceAll(c, "_", " "))
	}
	for _, c := range cells {
		row := make([]string, len(c))
		for i, v := range c {
			row[i] = fmt.Sprint(v)
		}
		page.Rows = append(page.Rows, row)
	}
	return writePage(f.html, func(w io.Writer) error { return report.WriteSheet(w, page) })
}
