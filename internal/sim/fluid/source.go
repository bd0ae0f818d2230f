package fluid

import (
	"context"
	"fmt"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// window is the engine's Source on virtual time: it answers for the moment that is being shown. Its slices are
// used again at the next moment, which is sound because one tick reads one moment.
type window struct {
	model policy.Model
	r     Replica
	unit  float64 // requests of the product per request of the world
	names []string
	in    [1]policy.Input
	pods  []policy.Pod
	rows  [1]policy.Supply
}

func newWindow(m policy.Model, r Replica, unit float64) *window {
	return &window{model: m, r: r, unit: unit}
}

// Load implements engine.Source: the moment is already there.
func (w *window) Load(context.Context, time.Time, time.Time) error { return nil }

// At implements engine.Source.
func (w *window) At(time.Time) []policy.Input { return w.in[:] }

// show makes an observation the present.
func (w *window) show(o *Observation) {
	e, age := o.Engines, Tick
	in := policy.Input{Model: w.model.ID, Now: o.Now}
	if o.Known {
		in.Signals.Arrivals = policy.Seen(o.Rate*w.unit, o.RateAge)
		in.Signals.ArrivalSource = policy.FromGateway
		in.Signals.GatewayQueue = policy.Seen(0, age)
		in.Signals.TTFTP95 = policy.Seen(e.TTFT, age)
	}
	in.Signals.Pods = w.podsOf(o)
	w.rows[0] = policy.Supply{
		Variant: w.model.Variants[0].Name, Known: true, Spec: o.Spec, Ready: o.Ready,
		Starting: len(o.Warming), Ages: o.Warming, WarmUps: o.WarmUps,
	}
	if o.Ready == 0 { // the gateway holds what no pod can
		in.Signals.GatewayQueue = policy.Seen(e.Pending*w.unit, age)
	}
	in.Supply = w.rows[:]
	w.in[0] = in
}

// podsOf gives each serving replica its share of what the vessel holds.
func (w *window) podsOf(o *Observation) []policy.Pod {
	e := o.Engines
	share := w.unit / float64(max(e.Pods, 1))
	old := policy.Pod{
		Variant: w.model.Variants[0].Name,
		Pending: policy.Seen(e.Pending*share, Tick), Running: policy.Seen(e.Running*share, Tick), KV: policy.Seen(e.KV, Tick),
		Completions:  policy.Seen(e.Completions*share, Tick),
		PromptTokens: policy.Seen(e.Completions*share*w.r.Prompt, Tick),
		OutputTokens: policy.Seen(e.Completions*share*w.r.Output, Tick),
	}
	zero := policy.Seen(0, Tick)
	young := policy.Pod{
		Variant: old.Variant, Pending: zero, Running: zero, KV: zero,
		Completions: zero, PromptTokens: zero, OutputTokens: zero,
	}
	w.pods = w.pods[:0]
	for i := range o.Ready {
		if i == len(w.names) {
			w.names = append(w.names, fmt.Sprintf("main-%05d", i)) // sorts by number
		}
		p := old
		if i >= e.Pods {
			p = young
		}
		p.Name = w.names[i]
		w.pods = append(w.pods, p)
	}
	return w.pods
}
