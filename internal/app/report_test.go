package app

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/engine"
	"github.com/forewarm/forewarm/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// still is a Source that gives the same inputs at any moment.
type still func(at time.Time) []policy.Input

func (still) Load(context.Context, time.Time, time.Time) error { return nil }
func (s still) At(at time.Time) []policy.Input                 { return s(at) }

func registry(t *testing.T) *config.Registry {
	t.Helper()
	cfg, err := config.Parse([]byte(`
apiVersion: forewarm.dev/v1alpha1
kind: Config
sources: [{name: default, url: "http://p:9090"}]
models:
- name: llama
  namespace: llm
  engine: vllm
  modelName: meta/llama
  slo: {ttftP95: 2s}
  variants:
  - {name: main, target: {name: llama}, replicas: {min: 1, max: 8}, gpus: {perReplica: 4}, price: {usdPerGPUHour: 2.5}}
`), Catalog())
	if err != nil {
		t.Fatal(err)
	}
	return config.NewRegistry(cfg)
}

// reportAfter ticks for a while over the same input and reports.
func reportAfter(t *testing.T, change func(*policy.Input)) Report {
	t.Helper()
	reg := registry(t)
	opts := engine.DefaultOptions()
	opts.Models = reg.Models()
	e := engine.New(opts, still(func(at time.Time) []policy.Input {
		in := policy.Input{
			Model: opts.Models[0].ID, Now: at,
			Supply: []policy.Supply{{Variant: "main", Known: true, Spec: 3, Ready: 2, Starting: 1}},
			Signals: policy.Signals{
				Arrivals: policy.Seen(4, 5*time.Second), ArrivalSource: policy.FromCompletions,
				TTFTP95: policy.Seen(0.5, 5*time.Second),
				Pods: []policy.Pod{{
					Name: "llama-0", Variant: "main", Pending: policy.Seen(2, 0), Running: policy.Seen(8, 0), KV: policy.Seen(0.25, 0),
					Completions: policy.Seen(4, 0), PromptTokens: policy.Seen(2000, 0), OutputTokens: policy.Seen(800, 0),
				}, {Name: "llama-1", Variant: "main", Pending: policy.Reading{Age: time.Minute}}},
			},
		}
		if change != nil {
			change(&in)
		}
		return []policy.Input{in}
	}))
	if err := e.Replay(t.Context(), noon.Add(-30*time.Minute), noon); err != nil {
		t.Fatal(err)
	}
	return reportOf(e.Board().Load(), reg)
}

func TestAReportSaysWhatIsKnown(t *testing.T) {
	r := reportAfter(t, func(in *policy.Input) { in.Signals.Pods = in.Signals.Pods[:1] })
	m := r.Models[0]
	got := []any{
		m.Engine, m.ModelName, *m.Work.Requests, math.Round(*m.Work.OutputTokens), *m.Pending, *m.Running, *m.KV, m.Variants[0].State,
		*m.Variants[0].Now, *m.Variants[0].Ready, *m.Variants[0].GPUHours.Now, *m.Variants[0].USD.Now, m.Variants[0].Target.Kind,
	}
	want := []any{"vllm", "meta/llama", 4.0, 800.0, 2.0, 8.0, 0.25, StateOK, 3, 2, 288.0, 720.0, "Deployment"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if m.Forecast == nil || m.Forecast.Peak < 4 || len(m.Forecast.Rows) == 0 || len(m.Steps) == 0 || m.Variants[0].Why == "" {
		t.Errorf("want forecast, steps and a reason, got %+v", m)
	}
}

func TestWhatIsUnknownIsNullAndNeverZero(t *testing.T) {
	r := reportAfter(t, func(in *policy.Input) {
		*in = policy.Input{
			Model: in.Model, Now: in.Now, Signals: policy.Signals{Partial: true},
			Faults: []policy.Fault{{Code: "pod-missing", Object: "llama-0", Text: "gone"}},
		}
	})
	b, err := json.Marshal(r.Models[0])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"forecast", "ttftP95Seconds", "pendingRequests", "runningRequests", "kvUtilization", "ageSeconds"} {
		if v, there := m[key]; !there || v != nil {
			t.Errorf("%s: want null, got %v", key, v)
		}
	}
	v := r.Models[0].Variants[0]
	if v.State != StateNoAnswer || v.Now != nil || v.Recommended != nil || v.GPUHours.Now != nil || v.USD.Recommended != nil {
		t.Errorf("want no answer and nothing known, got %+v", v)
	}
	if r.Answers() != 0 || r.FaultCount() != 1 || r.Totals.GPUHours.Now != nil {
		t.Errorf("want no answer, one fault, no totals, got %d, %d, %+v", r.Answers(), r.FaultCount(), r.Totals)
	}
}

func TestASilentPodIsShownAsStale(t *testing.T) {
	r := reportAfter(t, func(in *policy.Input) { in.Signals.Partial = true })
	states := map[string]string{}
	for _, s := range r.Models[0].Signals {
		if s.Name == "pending" {
			states[s.Pod] = s.State
		}
	}
	if diff := cmp.Diff(map[string]string{"llama-0": "fresh", "llama-1": "stale"}, states); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r.Models[0].Variants[0].State != StateHold {
		t.Errorf("want a held row, got %s", r.Models[0].Variants[0].State)
	}
}

func TestEveryStepOfTheDecisionIsListedOnce(t *testing.T) {
	r := reportAfter(t, func(in *policy.Input) { in.Signals.Partial = true })
	seen := map[StepReport]int{}
	for _, s := range r.Models[0].Steps {
		seen[s]++
		if seen[s] > 1 || !strings.HasSuffix(s.Text, ".") {
			t.Errorf("want every step once, as a sentence, got %+v", s)
		}
	}
}
