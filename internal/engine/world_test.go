package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/forewarm/forewarm/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// world is a Source whose answers are a function of time alone.
type world struct {
	models []policy.Model
	input  func(m policy.Model, at time.Time) policy.Input
	onLoad func(ctx context.Context, from, to time.Time) error
	loads  [][2]time.Time
}

func (w *world) Load(ctx context.Context, from, to time.Time) error {
	w.loads = append(w.loads, [2]time.Time{from, to})
	if w.onLoad != nil {
		return w.onLoad(ctx, from, to)
	}
	return nil
}

func (w *world) At(at time.Time) []policy.Input {
	out := make([]policy.Input, 0, len(w.models))
	for _, m := range w.models {
		out = append(out, w.input(m, at))
	}
	return out
}

// newWorld has n models with a day shape, a burst per hour and a silent spell
// of ten minutes every two hours.
func newWorld(n int) *world {
	w := &world{input: wave}
	for i := range n {
		w.models = append(w.models, model(fmt.Sprintf("m%04d", i)))
	}
	return w
}

func model(name string) policy.Model {
	return policy.Model{
		ID:   policy.ModelID{Namespace: "llm", Name: name},
		SLO:  policy.SLO{TTFTP95: 2 * time.Second, Attainment: 0.99},
		Idle: policy.Idle{OnBlind: policy.BlindHold},
		Variants: []policy.Variant{{
			Name: "main", Min: 1, Max: 20, GPUs: 1, CapacityType: policy.OnDemand, WarmUp: 3 * time.Minute,
		}},
	}
}

func wave(m policy.Model, at time.Time) policy.Input {
	minute := float64(at.Unix()) / 60
	rate := 4 + 3*math.Sin(minute/200) + float64(len(m.ID.Name)%3)
	if at.Minute() >= 20 && at.Minute() < 25 {
		rate *= 2
	}
	in := steady(m, at, rate, 4)
	if at.Hour()%2 == 0 && at.Minute() >= 40 && at.Minute() < 50 {
		in.Signals.Arrivals, in.Signals.Partial = policy.Reading{}, true
	}
	return in
}

// steady is an input with a known rate and known replicas, all ready.
func steady(m policy.Model, at time.Time, rate float64, replicas int) policy.Input {
	in := policy.Input{Model: m.ID, Now: at, Signals: policy.Signals{
		Arrivals: policy.Seen(rate, 5*time.Second), ArrivalSource: policy.FromCompletions,
		TTFTP95: policy.Seen(0.4, 5*time.Second),
	}}
	for i := range replicas {
		share := rate / float64(replicas)
		in.Signals.Pods = append(in.Signals.Pods, policy.Pod{
			Name: fmt.Sprintf("%s-%d", m.ID.Name, i), Variant: m.Variants[0].Name,
			Pending: policy.Seen(0, 5*time.Second), Running: policy.Seen(3*share, 5*time.Second),
			KV: policy.Seen(0.3, 5*time.Second), Completions: policy.Seen(share, 5*time.Second),
			PromptTokens: policy.Seen(900*share, 5*time.Second), OutputTokens: policy.Seen(300*share, 5*time.Second),
		})
	}
	for _, v := range m.Variants {
		in.Supply = append(in.Supply, policy.Supply{
			Variant: v.Name, Known: true, Age: 5 * time.Second,
			Spec: replicas, Ready: replicas,
		})
	}
	return in
}

func engineOn(w *world) *Engine {
	opts := DefaultOptions()
	opts.Models = w.models
	opts.KeepHistory = 24 * time.Hour
	return New(opts, w)
}

func tick(t *testing.T, e *Engine, at time.Time) *policy.Snapshot {
	t.Helper()
	if err := e.Tick(t.Context(), at); err != nil {
		t.Fatalf("tick at %s: %v", at, err)
	}
	return e.Board().Load()
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatalf("marshal: %v", err)
	}
	return string(b)
}
