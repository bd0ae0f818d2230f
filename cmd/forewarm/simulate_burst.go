package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/forewarm/forewarm/internal/report"
	"github.com/forewarm/forewarm/internal/sim/world"
	"github.com/forewarm/forewarm/internal/study"
)

// burstFlags are those that only the burst yardstick has.
type burstFlags struct {
	world.Beat
	phases int
}

const (
	leastBeat  = time.Second
	mostBeat   = time.Minute
	mostPhases = 15
)

func (f *simulateFlags) registerBurst(cmd *cobra.Command) {
	fl, d := cmd.Flags(), 15*time.Second
	fl.BoolVar(&f.burst, "burst", false, "the burst yardstick, request by request; of the other flags it takes --seed, --html, "+
		"the conditions and the next three")
	fl.DurationVar(&f.beat.Tick, "interval", d, "with --burst: between two of Forewarm's ticks, as in its configuration")
	fl.DurationVar(&f.beat.Scrape, "scrape-interval", d, "with --burst: between two scrapes of each target, for all policies")
	fl.IntVar(&f.beat.phases, "phases", 1, "with --burst: the mean over so many beginnings of the burst within the period of "+
		"scrapes, ticks and syncs, at most 15; above 1 uncapped and behind the gateway that holds requests only")
}

// checkBeat reports what is wrong with the flags that only --burst has.
func (f *simulateFlags) checkBeat() []error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, flag := range []string{"interval", "scrape-interval", "phases"} {
		if !f.burst && f.changed(flag) {
			bad("--%s: want it with --burst only", flag)
		}
	}
	whole := func(flag string, v time.Duration) {
		if v < leastBeat || v > mostBeat || v%time.Second != 0 {
			bad("--%s: want whole seconds, %s to %s, got %s", flag, leastBeat, mostBeat, v)
		}
	}
	whole("interval", f.beat.Tick)
	whole("scrape-interval", f.beat.Scrape)
	if n := f.beat.phases; n < 1 || n > mostPhases {
		bad("--phases: want 1 to %d, got %d", mostPhases, n)
	}
	return errs
}

// checkBurst reports what does not go with --burst, whose profile is fixed.
func (f *simulateFlags) checkBurst() []error {
	errs := f.checkBeat()
	for _, flag := range []string{
		"trace", "workload", "policy", "capacity", "warm-up", "fleet", "span", "burn-in", "sweep",
		"yardstick", "spot", "by-load",
	} {
		if f.burst && f.changed(flag) {
			errs = append(errs, fmt.Errorf("--burst and --%s: want one of them, the profile is fixed", flag))
		}
	}
	if f.burst && f.output != "table" {
		errs = append(errs, errors.New("--burst and --output: want one of them, there is only the table"))
	}
	return errs
}

func simulateBurst(ctx context.Context, s *streams, f *simulateFlags) error {
	rows, err := world.BurstYardstick(ctx, world.Yardstick{
		Rivals: true, Seed: f.Seed, Under: f.Under, Beat: f.beat.Beat, Phases: f.beat.phases,
	})
	if err != nil {
		return err
	}
	conditions := f.beat.line() + conditionsLine(study.ConditionsOf(f.Under))
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

// line says how often things are looked at, where that is not as usual.
func (f burstFlags) line() (said string) {
	if f.Tick != 15*time.Second || f.Scrape != 15*time.Second {
		said = fmt.Sprintf("A tick every %s, a scrape every %s.\n", f.Tick, f.Scrape)
	}
	if f.phases > 1 {
		said += fmt.Sprintf("Means over %d beginnings of the burst.\n", f.phases)
	}
	return said
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
				tenth(r.Bound.Seconds()), tenth(r.Causal.Seconds()), tenth(r.Observable.Seconds()), strconv.FormatFloat(r.Unavoidable, 'f', 0, 64),
			}
		}
		out = append(out, table.Row{
			r.Policy, r.Gateway, capOf(r), strconv.Itoa(r.Initial), tenth(r.Result.TTFT.P50.Seconds()), tenth(r.Result.TTFT.P99.Seconds()),
			bounds[0], bounds[1], bounds[2], strconv.FormatFloat(r.Errors, 'f', 0, 64), bounds[3], asPercent(r.Result.Attainment),
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
