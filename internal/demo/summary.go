package demo

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// summarize writes what the live part came to, whoever came out better.
func summarize(out io.Writer, r Result) error {
	a, b := r.Forewarm, r.HPA
	f := scene{seed: r.Seed}.fleet()
	var s strings.Builder
	line := func(label, x, y, note string) {
		s.WriteString(strings.TrimRight(fmt.Sprintf("  %-26s%14s%14s   %s", label, x, y, note), " ") + "\n")
	}
	fmt.Fprintf(&s, "\nSummary of %s of virtual time, %s to %s, seed %d\n\n",
		period(r.To.Sub(r.From)), moment(r.From), moment(r.To), r.Seed)
	line("", "Forewarm", "plain HPA", "")
	line("requests", grouped(float64(a.Requests), 0), grouped(float64(b.Requests), 0), "the same in both")
	line("first token within "+promise.String(), share(a.InTime, a.Requests > 0), share(b.InTime, b.Requests > 0),
		fmt.Sprintf("promised: %.0f %%", 100*attainment))
	line("first token, p95", latency(a.P95), latency(b.P95), "")
	line("first token, p99", latency(a.P99), latency(b.P99), "")
	line("GPU-hours", grouped(a.GPUHours, 1), grouped(b.GPUHours, 1), "from order to end")
	line("cost", usd(a.USD), usd(b.USD), fmt.Sprintf("$%.2f each", f.GPUHourUSD))
	line("replicas started", fmt.Sprint(a.Starts), fmt.Sprint(b.Starts),
		fmt.Sprintf("%.0f s each", f.WarmUp.Mean.Seconds()))
	line("changes of the count", fmt.Sprint(a.Changes), fmt.Sprint(b.Changes), "")
	say := func(text string) { s.WriteString(strings.Join(wrap(text, 79), "\n") + "\n\n") }
	s.WriteString("\n")
	say(verdict(a, b))
	say("At the end Forewarm plans with this: " + strings.Join(r.Knows, " "))
	fmt.Fprintf(&s, "The same again: go run ./cmd/demo --seed %d --span %s --speed max\n",
		r.Seed, period(r.To.Sub(r.From)))
	if _, err := io.WriteString(out, s.String()); err != nil {
		return fmt.Errorf("write the summary: %w", err)
	}
	return nil
}

func latency(d time.Duration) string { return seconds(d.Seconds(), d > 0) }

const (
	sameShare = 0.0005 // shares closer than this are called equal: 0.05 points
	sameCost  = 0.01   // and costs closer than 1 %
)

// verdict says in one sentence what the numbers say, and who kept the promise.
func verdict(a, b Score) string {
	points, cost := a.InTime-b.InTime, 0.0
	if b.GPUHours > 0 {
		cost = a.GPUHours/b.GPUHours - 1
	}
	quality, thrift := sign(points, sameShare), -sign(cost, sameCost)
	who := "A trade"
	switch {
	case quality == 0 && thrift == 0:
		who = "No difference worth the name"
	case quality >= 0 && thrift >= 0:
		who = "Forewarm is better here"
	case quality <= 0 && thrift <= 0:
		who = "The plain HPA is better here"
	}
	served := map[int]string{0: "as many", 1: "%.2f points more", -1: "%.2f points fewer"}[quality]
	used := map[int]string{0: "as many", 1: "%.0f %% fewer", -1: "%.0f %% more"}[thrift]
	return fmt.Sprintf("%s: Forewarm had %s of the requests in time, with %s GPU-hours. %s",
		who, filled(served, points), filled(used, cost), kept(a, b))
}

// sign is 1 above, -1 below, and 0 within a band around zero.
func sign(v, band float64) int {
	switch {
	case v > band:
		return 1
	case v < -band:
		return -1
	}
	return 0
}

// filled puts a share in hundredths into a format that may ask for none.
func filled(format string, share float64) string {
	if !strings.Contains(format, "%") {
		return format
	}
	return fmt.Sprintf(format, 100*math.Abs(share))
}

// kept says who kept the promise.
func kept(a, b Score) string {
	x, y := a.InTime >= attainment, b.InTime >= attainment
	switch {
	case x && y:
		return "Both kept the promise."
	case x:
		return "Only Forewarm kept the promise."
	case y:
		return "Only the plain HPA kept the promise."
	}
	return "Neither kept the promise."
}
