package main

import (
	"fmt"
	"io"
	"slices"
)

// The goals of docs/benchmarks.md.
const (
	mostCPU = 1.5 // of the floor's, per request
	mostP99 = 1.3 // of the floor's
	leastBy = 130 // times prometheus-adapter's requests per second
	leastAt = 1000
)

// row is what of a cell is compared.
type row struct {
	cpu, p99, rate float64
}

func (c *cell) row() row {
	n := float64(len(c.took))
	return row{cpu: (c.to.server - c.from.server) / n, p99: c.at(.99), rate: n / c.span.Seconds()}
}

// place is what two adapters are compared at.
type place struct {
	path          string
	pods, clients int
}

func (p place) String() string {
	return fmt.Sprintf("%s, %d pods, %d clients", p.path, p.pods, p.clients)
}

// compare writes Forewarm's figures as multiples of the others', row by row, and what that is of the goals.
func compare(w io.Writer, places []place, of map[string]map[place]row) {
	ours, least, theirs := of["forewarm"], of["floor"], of["prometheus-adapter"]
	if ours == nil || least == nil {
		return
	}
	fmt.Fprint(w, "\n| row | CPU per request / floor | p99 / floor | requests/s / prometheus-adapter |\n|---|---|---|---|\n")
	var cpus, tails []float64
	slow, rows := 0, 0
	for _, p := range places {
		cpu, tail := ours[p].cpu/least[p].cpu, ours[p].p99/least[p].p99
		cpus, tails = append(cpus, cpu), append(tails, tail)
		faster := "-"
		if at, ok := theirs[p]; ok {
			by := ours[p].rate / at.rate
			faster = fmt.Sprintf("%.0f", by)
			if p.pods == leastAt {
				rows++
				if by < leastBy {
					slow++
				}
			}
		}
		fmt.Fprintf(w, "| %s | %.2f | %.2f | %s |\n", p, cpu, tail, faster)
	}
	verdict(w, fmt.Sprintf("CPU per request at most %g x the floor's", mostCPU), cpus, mostCPU)
	verdict(w, fmt.Sprintf("p99 at most %g x the floor's", mostP99), tails, mostP99)
	if rows > 0 {
		fmt.Fprintf(w, "at least %d x prometheus-adapter's requests/s at %d pods: missed in %d of %d rows\n", leastBy, leastAt,
			slow, rows)
	}
}

func verdict(w io.Writer, goal string, ratios []float64, most float64) {
	missed := 0
	for _, r := range ratios {
		if r > most {
			missed++
		}
	}
	slices.Sort(ratios)
	fmt.Fprintf(w, "\n%s: missed in %d of %d rows, median %.2f x, worst %.2f x\n", goal, missed, len(ratios),
		ratios[len(ratios)/2], ratios[len(ratios)-1])
}
