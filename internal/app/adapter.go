package app

import (
	"strings"

	"github.com/forewarm/forewarm/adapter"
	"github.com/forewarm/forewarm/internal/signals"
)

// AdapterOptions are the settings of the metrics API server.
type AdapterOptions = adapter.Options

// DefaultAdapterOptions suit a Deployment in the cluster, with the names that the
// engines themselves use.
func DefaultAdapterOptions() AdapterOptions {
	o := adapter.DefaultOptions()
	o.Names, o.RateWindow = EngineNames(), signals.DefaultOptions().RateWindow
	return o
}

// Adapter is the custom metrics API, and the external one where asked for, as an
// output.
func Adapter(o AdapterOptions) NewOutput {
	return func(v View) (Output, error) {
		return adapter.New(o, adapter.View{Snapshot: v.Snapshot, HoldFor: v.HoldFor, MaxAge: v.MaxAge, Now: v.Now})
	}
}

// publishedAs are the metrics that signals are published as. Prompt tokens are not
// among them: ours are the uncached ones, which is not what an engine's own name
// says.
var publishedAs = map[signals.Signal]string{
	signals.Pending:      "inference_pending_requests",
	signals.Running:      "inference_running_requests",
	signals.KV:           "inference_kv_utilization",
	signals.Completions:  "inference_requests_per_second",
	signals.OutputTokens: "inference_output_tokens_per_second",
	signals.TTFT:         "inference_ttft_p95_seconds",
	signals.ITL:          "inference_itl_p95_seconds",
}

// EngineNames are the engines' own spellings, from the tables of presets: a gauge
// under its name, a counter with _per_second for _total, a histogram with _p95; each
// also with _ for a colon. A row that is a part of something (a label value, a
// quotient, another unit) is not what its name says, and has none.
func EngineNames() adapter.Names {
	out := adapter.Names{}
	for _, p := range signals.Presets() {
		if p.Gateway {
			continue
		}
		names := map[string]string{}
		for sig, ours := range publishedAs {
			for _, row := range p.Signals[sig] {
				if row.Over != nil || len(row.Match) > 0 || row.Scale != 0 || len(row.Plus) > 0 && row.Kind == signals.Histogram {
					continue
				}
				name := spelled(row)
				names[name], names[strings.ReplaceAll(name, ":", "_")] = ours, ours
			}
		}
		out[p.Name] = names
	}
	return out
}

func spelled(m signals.Metric) string {
	switch m.Kind {
	case signals.Counter:
		return strings.TrimSuffix(m.Name, "_total") + "_per_second"
	case signals.Histogram:
		return m.Name + "_p95"
	case signals.Gauge:
	}
	return m.Name
}

// Served says what of our metrics a name stands for, and whether it can be asked of
// pods; empty if nobody serves it.
func Served(name string) (ours string, ofPods bool) {
	ours, _, _ = served.Canonical(name)
	return ours, adapter.PodMetric(ours)
}

var served = EngineNames()
