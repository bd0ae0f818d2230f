package fluid

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// window is the engine's Source on virtual time: it answers for the moment that is being shown. Its slices are
// used again at the next moment, which is sound because one tick reads one moment.
type window struct {
	model policy.Model
	r     Replica
	unit  float64    // requests of the product per request of the world
	names [][]string // per pool
	order []int      // of the pools by name, as pods are sorted
	in    [1]policy.Input
	pods  []policy.Pod
	rows  []policy.Supply
}

func newWindow(m policy.Model, r Replica, unit float64) *window {
	w := &window{model: m, r: r, unit: unit, names: make([][]string, len(m.Variants))}
	for i := range m.Variants {
		w.order = append(w.order, i)
	}
	slices.SortFunc(w.order, func(a, b int) int { return strings.Compare(m.Variants[a].Name, m.Variants[b].Name) })
	return w
}

// Load implements engine.Source: the moment is already there.
func (w *window) Load(context.Context, time.Time, time.Time) error { return nil }

// At implements engine.Source.
func (w *window) At(time.Time) []policy.Input { return w.in[:] }

// show makes an observation the present. What is unknown is shown as unknown, and as partial.
func (w *window) show(o *Observation) {
	e, age := o.Engines, o.EnginesAge
	in := policy.Input{Model: w.model.ID, Now: o.Now}
	in.Signals.Partial = o.Blind
	if o.Known {
		if o.AtFinish {
			in.Signals.Arrivals, in.Signals.ArrivalSource = policy.Seen(o.Balance*w.unit, o.RateAge), policy.FromCompletions
		} else {
			in.Signals.Arrivals, in.Signals.ArrivalSource = policy.Seen(o.Rate*w.unit, o.RateAge), policy.FromGateway
			in.Signals.GatewayQueue = policy.Seen(0, age)
		}
		in.Signals.TTFTP95 = policy.Seen(e.TTFT, age)
	}
	in.Signals.Pods = w.podsOf(o)
	w.rows = w.rows[:0]
	for i := range o.Pools {
		v := &o.Pools[i]
		w.rows = append(w.rows, policy.Supply{
			Variant: v.Name, Known: true, Spec: v.Spec, Ready: v.Ready, Starting: len(v.Warming), Ages: v.Warming,
			WarmUps: v.WarmUps, Homeless: v.Homeless, Starved: v.Starved,
		})
	}
	if o.Known && !o.AtFinish && len(in.Signals.Pods) == 0 { // the gateway holds what no pod can
		in.Signals.GatewayQueue = policy.Seen(e.Pending*w.unit, age)
	}
	in.Supply = w.rows
	w.in[0] = in
}

// podsOf gives each serving replica its share of what the vessel held when it was measured, by its speed among those
// that served then, however many there are now. Those that have become ready since report zeros; when nothing is known
// of the engines, their pods are there and say nothing.
func (w *window) podsOf(o *Observation) []policy.Pod {
	w.pods = w.pods[:0]
	for _, p := range w.order {
		v := &o.Pools[p]
		old, young := w.podOf(o, v, w.unit*v.Speed/max(o.Engines.Alike, v.Speed))
		for i := range v.Serving {
			pod := &old
			if i >= v.Reporting {
				pod = &young
			}
			pod.Name = w.name(p, i)
			w.pods = append(w.pods, *pod)
		}
	}
	return w.pods
}

// podOf is a pod that reports a share of what the vessel holds, and one that reports zeros.
func (w *window) podOf(o *Observation, v *View, share float64) (old, young policy.Pod) {
	old.Variant, young.Variant = v.Name, v.Name
	if o.Blind {
		return old, young
	}
	e, seen := o.Engines, func(x float64) policy.Reading { return policy.Seen(x, o.EnginesAge) }
	old = policy.Pod{
		Variant: v.Name, Pending: seen(e.Pending * share), Running: seen(e.Running * share), KV: seen(e.KV),
		Completions: seen(e.Completions * share), PromptTokens: seen(e.Completions * share * w.r.Prompt),
		OutputTokens: seen(e.Completions * share * w.r.Output),
	}
	zero := seen(0)
	young = policy.Pod{
		Variant: v.Name, Pending: zero, Running: zero, KV: zero,
		Completions: zero, PromptTokens: zero, OutputTokens: zero,
	}
	return old, young
}

// name is that of a pool's replica; within a pool names sort by number.
func (w *window) name(pool, i int) string {
	for i >= len(w.names[pool]) {
		w.names[pool] = append(w.names[pool], fmt.Sprintf("%s-%05d", w.model.Variants[pool].Name, len(w.names[pool])))
	}
	return w.names[pool][i]
}
