package world

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// WriteBurst prints rows as a table.
func WriteBurst(to io.Writer, rows []BurstRow) error {
	var t strings.Builder
	fmt.Fprintf(&t, "No policy has a p99 TTFT below \"formula\" (a replica that never preempts), \"causal\" (this replica) and, if it\n"+
		"sees the burst through scrape, tick (Forewarm only) and sync, \"seen\". The policy \"eager\" asks for all it may have\n"+
		"as soon as Forewarm could see the burst. Clients wait for as long as it takes; in a second run they give up after\n"+
		"%v: errors, and the least of them. Published, llm-d's own autoscaler, at most 4 replicas, 2.43 on average: p99\n"+
		"262 s, 6,110 errors (llm-d autoscaling, pull request 1118).\n\n", Patience)
	fmt.Fprintf(&t, "%-8s  %-4s %7s  %-18s  %8s %8s | %7s %7s %7s %7s | %6s %6s | %6s %8s %9s\n", "gateway", "cap", "initial",
		"policy", "p50 TTFT", "p99 TTFT", "formula", "causal", "seen", "x eager", "errors", "least", "in 2 s", "replicas", "GPU-hours")
	for _, r := range rows {
		limit := "none"
		if r.Most > 0 {
			limit = fmt.Sprint(r.Most)
		}
		bound, causal, seen, least := "-", "-", "-", "-"
		if r.Bounded {
			whole := func(d time.Duration) string { return fmt.Sprintf("%.0fs", d.Seconds()) }
			bound, causal, seen = whole(r.Bound), whole(r.Causal), whole(r.Observable)
			least = fmt.Sprintf("%.0f", r.Unavoidable)
		}
		fmt.Fprintf(&t, "%-8s  %-4s %7d  %-18s  %7.1fs %7.1fs | %7s %7s %7s %7.2f | %6.0f %6s | %5.1f%% %8.2f %9.2f\n", r.Gateway,
			limit, r.Initial, r.Policy, r.Result.TTFT.P50.Seconds(), r.Result.TTFT.P99.Seconds(), bound, causal, seen,
			r.Result.TTFT.P99.Seconds()/max(r.Eager.Seconds(), 1), r.Errors, least, 100*r.Result.Attainment, r.MeanReplicas,
			r.Result.GPUSeconds/3600)
	}
	if _, err := io.WriteString(to, t.String()); err != nil {
		return fmt.Errorf("write the burst yardstick: %w", err)
	}
	return nil
}
