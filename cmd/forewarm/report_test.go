package main

import (
	"time"

	"github.com/forewarm/forewarm/internal/app"
)

var noon = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

func ref[T any](v T) *T { return &v }

// fixed is a report with every kind of row: more, held, and no answer at all,
// the last one with a name that tries to command the terminal.
func fixed() app.Report {
	return app.Report{
		APIVersion: app.ReportVersion, Kind: app.ReportKind, At: noon,
		Sources: []app.SourceRef{{Name: "default", URL: "http://prometheus:9090"}},
		Models:  []app.ModelReport{growing(), held(), lost()},
		Totals: app.Totals{
			GPUHours: app.NowAndRec{Now: ref(480.0), Recommended: ref(672.0)},
			USD:      app.NowAndRec{Now: ref(979.2), Recommended: ref(1632.0)},
			Variants: 3, WithGPUHours: 2, WithUSD: 1,
		},
		Assumptions: []string{"kube-state-metrics is not scraped: replicas are the pods seen."},
		Faults:      []app.Fault{{Code: "source-unreachable", Object: "west", Text: "source west: refused; check the URL."}},
	}
}

func growing() app.ModelReport {
	return app.ModelReport{
		Namespace: "llm", Name: "llama-3-70b", Engine: "vllm", ModelName: "meta-llama/Meta-Llama-3-70B", Source: "default",
		SLO:  app.SLOReport{TTFTP95: 2, ITLP95: ref(0.1), Attainment: 0.99},
		Work: app.WorkReport{Requests: ref(12.4), PromptTokens: ref(6200.0), OutputTokens: ref(3720.0)},
		Forecast: &app.ForecastReport{
			At: noon, Horizon: 330, Level: 12.4, Peak: 15.82, Evidence: 1431, Overshoot: 0.41, Quantiles: []float64{0.5, 0.95},
			Rows: []app.ForecastRow{{Horizon: 60, Max: []float64{12.4, 14}}, {Horizon: 330, Max: []float64{13, 15.82}}},
		},
		Signals: []app.SignalReport{
			{Name: "arrivals", Value: ref(12.4), Unit: "req/s", Age: ref(8.0), State: "fresh"},
			{Name: "gatewayQueue", Unit: "requests", State: "unknown"},
			{Name: "kv", Pod: "llama-70b-7d-x1", Value: ref(0.71), Unit: "ratio", Age: ref(8.0), State: "fresh"},
			{Name: "kv", Pod: "llama-70b-7d-x2", Unit: "ratio", Age: ref(190.0), State: "stale"},
		},
		TTFTP95: ref(1.31), Pending: ref(3.0), Running: ref(88.0), KV: ref(0.71), AgeSeconds: ref(8.0),
		Active: true, ArrivalSource: "completions",
		Variants: []app.VariantReport{{
			Name: "on-demand", Target: app.TargetRef{APIVersion: "apps/v1", Kind: "Deployment", Name: "llama-70b"},
			State: app.StateOK, Now: ref(3), Recommended: ref(5), Ready: ref(3), Starting: ref(0), Starved: ref(0), Good: ref(noon),
			Why:  "To carry 15.82 req/s (4746 output tokens/s), on-demand goes from 3 to 5 replicas.",
			GPUs: 4, Product: "NVIDIA-A100-80GB", CapacityType: "on-demand", WarmUp: 240,
			Capacity: app.CapacityReport{Source: "learned", PromptTokens: ref(8000.0), OutputTokens: ref(1100.0)},
			GPUHours: app.NowAndRec{Now: ref(288.0), Recommended: ref(480.0)},
			USD:      app.NowAndRec{Now: ref(979.2), Recommended: ref(1632.0)},
		}},
		Steps: []app.StepReport{
			{
				Rule: "capacity", Variant: "on-demand", From: 3, To: 3, Why: "capacity-learned",
				Text: "One replica of on-demand carries 1100 output tokens/s, 8000 prompt tokens/s (as measured on this fleet).",
			},
			{
				Rule: "grow", Variant: "on-demand", From: 3, To: 5, Why: "grow",
				Text: "To carry 15.82 req/s (4746 output tokens/s), on-demand goes from 3 to 5 replicas.",
			},
		},
		Assumptions: []string{}, Faults: []app.Fault{},
	}
}

func held() app.ModelReport {
	return app.ModelReport{
		Namespace: "llm", Name: "qwen", Engine: "sglang", ModelName: "Qwen/Qwen3-32B", Source: "default",
		SLO: app.SLOReport{TTFTP95: 2, Attainment: 0.99}, Signals: []app.SignalReport{},
		Partial: true, Hold: true, Active: true, AgeSeconds: ref(200.0),
		Variants: []app.VariantReport{{
			Name: "qwen", Target: app.TargetRef{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "qwen"},
			State: app.StateHold, Now: ref(8), Recommended: ref(8), Ready: ref(7), Starting: ref(1), Starved: ref(0),
			Good: ref(noon.Add(-200 * time.Second)),
			Why:  "Part of the data is missing, so the count may rise but not fall.",
			GPUs: 1, CapacityType: "on-demand", WarmUp: 240,
			Capacity: app.CapacityReport{Source: "prior", Requests: ref(2.0)},
			GPUHours: app.NowAndRec{Now: ref(192.0), Recommended: ref(192.0)},
		}},
		Steps:       []app.StepReport{},
		Assumptions: []string{"one GPU per replica of qwen"},
		Faults: []app.Fault{{
			Code: "pod-missing", Signal: "pending", Object: "qwen-3",
			Text: "pod qwen-3 should be there and is not heard; check its scrape.",
		}},
	}
}

func lost() app.ModelReport {
	return app.ModelReport{
		Namespace: "odd", Name: "own\x1b]0;ed\x07", Engine: "vllm", ModelName: "a|b", Source: "west",
		SLO: app.SLOReport{TTFTP95: 2, Attainment: 0.99}, Signals: []app.SignalReport{}, Partial: true, Hold: true,
		Variants: []app.VariantReport{{
			Name: "main", State: app.StateNoAnswer, CapacityType: "spot", GPUs: 1, WarmUp: 240,
			Why:      "Neither the replicas in the cluster nor an earlier decision is known, so there is no answer.",
			Capacity: app.CapacityReport{Source: "prior"},
		}},
		Steps: []app.StepReport{}, Assumptions: []string{}, Faults: []app.Fault{},
	}
}
