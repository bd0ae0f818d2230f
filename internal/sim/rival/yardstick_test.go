package rival

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/forewarm/forewarm/internal/sim/fluid"
)

// TestYardstick prints the yardstick over the development traces. It takes minutes, so it runs only when asked:
//
//	FOREWARM_YARDSTICK=all go test ./internal/sim/rival -run Yardstick -v
//
// Narrower, for a look: FOREWARM_YARDSTICK=hpa,moving-max (policies), FOREWARM_ONLY=crane_00 (traces),
// FOREWARM_WARMUP=5m, FOREWARM_FLEET=20, FOREWARM_BURNIN=24h, FOREWARM_THIN=2 (every second headroom). Other
// switches: FOREWARM_SIGHT=scraped, FOREWARM_WORKERS=1, FOREWARM_CELLS=1 (print each cell).
func TestYardstick(t *testing.T) {
	only := os.Getenv("FOREWARM_YARDSTICK")
	if only == "" {
		t.Skip("FOREWARM_YARDSTICK is not set")
	}
	y := fluid.DefaultYardstick()
	y.Traces, y.Versus = yardstickLoads(t), "moving-max"
	if n, err := strconv.Atoi(os.Getenv("FOREWARM_WORKERS")); err == nil {
		y.Workers = n
	}
	if d, err := time.ParseDuration(os.Getenv("FOREWARM_BURNIN")); err == nil {
		y.BurnIn = d
	}
	if os.Getenv("FOREWARM_SIGHT") == "scraped" {
		y.World.Sight = fluid.Scraped()
	}
	for _, p := range append(Table(), fluid.Products()...) {
		if only == "all" || slices.Contains(strings.Split(only, ","), p.Name) {
			y.Policies = append(y.Policies, thin(p))
		}
	}
	if n, err := strconv.ParseFloat(os.Getenv("FOREWARM_FLEET"), 64); err == nil {
		y.Fleets = []float64{n}
	}
	if d, err := time.ParseDuration(os.Getenv("FOREWARM_WARMUP")); err == nil {
		y.WarmUps = []time.Duration{d}
	}
	y.Progress = func(done, total int) { t.Logf("%d of %d cells", done, total) }
	table, err := y.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + render(table))
}

// thin keeps every FOREWARM_THIN-th headroom, for a first look.
func thin(p fluid.Policy) fluid.Policy {
	n, err := strconv.Atoi(os.Getenv("FOREWARM_THIN"))
	if err != nil || len(p.Grid) == 1 {
		return p
	}
	var grid []float64
	for i := 1; i < len(p.Grid); i += max(n, 1) {
		grid = append(grid, p.Grid[i])
	}
	p.Grid = grid
	return p
}

func render(table fluid.Table) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "policy\t@\tJ\tLOO\tcost\tV1%\tV2%\tstarts/d\tflaps/d\tV1@1.2\tV1@1.3\t1% costs")
	for _, weight := range table.Weights[1:] {
		fmt.Fprintf(w, "\tJ%g", weight)
	}
	for _, c := range table.Rows[0].Classes[1:] {
		fmt.Fprintf(w, "\t%s J\tV1@1.2\t@1.3\t1%%", c.Class)
	}
	fmt.Fprintf(w, "\tvs %s\n", table.Versus)
	for _, r := range table.Rows {
		a := r.Classes[0]
		fmt.Fprintf(w, "%s\t%.3g\t%.3f\t%.3f\t%.3f\t%.2f\t%.2f\t%.0f\t%.0f\t%s\t%s\t%s", r.Policy, r.Headroom, a.J, r.LeftOut,
			a.Score.Cost, 100*a.Score.V1, 100*a.Score.V2, a.Score.Starts, a.Score.Flaps,
			percent(a.V1AtCost[0]), percent(a.V1AtCost[1]), plain(a.CostAtV1[0]))
		for _, v := range r.Weighted[1:] {
			fmt.Fprintf(w, "\t%.3f", v.J)
		}
		for _, c := range r.Classes[1:] {
			fmt.Fprintf(w, "\t%.3f\t%s\t%s\t%s", c.J, percent(c.V1AtCost[0]), percent(c.V1AtCost[1]), plain(c.CostAtV1[0]))
		}
		fmt.Fprintf(w, "\t%+.3f [%+.3f, %+.3f]\n", r.Against.Mean, r.Against.Low, r.Against.High)
	}
	_ = w.Flush() // into memory
	if os.Getenv("FOREWARM_CELLS") != "" {
		for _, r := range table.Rows {
			fmt.Fprintf(&b, "%s:", r.Policy)
			for i, c := range table.Cells {
				fmt.Fprintf(&b, " %s/%s/%g %.3f+%.2f%%", c.Trace, c.WarmUp, c.Fleet, r.Cells[i].Cost, 100*r.Cells[i].V1)
			}
			fmt.Fprintln(&b)
		}
	}
	return b.String()
}

func percent(e fluid.Estimate) string {
	if !e.Known {
		return "-"
	}
	return fmt.Sprintf("%.2f", 100*e.Value)
}

func plain(e fluid.Estimate) string {
	if !e.Known {
		return "never"
	}
	return fmt.Sprintf("%.2f", e.Value)
}
