package world

import (
	"context"
	"fmt"
	"time"

	"github.com/forewarm/forewarm/internal/engine"
	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/policy"
)

// Policy decides how many replicas there should be, each time a HorizontalPodAutoscaler looks.
type Policy interface {
	Name() string
	// Sync says how many replicas of each variant are wanted; a negative number leaves a variant as it is.
	Sync(ctx context.Context, now time.Time, w *World) ([]int, error)
}

// SyncPeriod is how often the HorizontalPodAutoscaler looks by default.
const SyncPeriod = 15 * time.Second

// syncPhase is when it does within the period: no multiple of anything else here.
const syncPhase = 7 * time.Second

// Run lets a policy scale a world until a moment.
func Run(ctx context.Context, w *World, p Policy, until time.Time) error {
	for at := w.Now().Truncate(SyncPeriod).Add(w.opts.SyncPhase); !at.After(until); at = at.Add(SyncPeriod) {
		if !at.After(w.Now()) {
			continue
		}
		if err := w.Load(ctx, w.Now(), at); err != nil {
			return err
		}
		counts, err := p.Sync(ctx, at, w)
		if err != nil {
			return fmt.Errorf("%s at %s: %w", p.Name(), at.Format(time.RFC3339), err)
		}
		w.scale(counts)
	}
	return w.Load(ctx, w.Now(), until)
}

func (w *World) scale(counts []int) {
	for i, n := range counts {
		if n >= 0 && n != w.fleet.DesiredOf(i) {
			w.fleet.ScaleVariant(i, n)
		}
	}
}

// Forewarm is the real engine as a Policy. Its tick for a moment runs Lag later, as in production, also between two
// looks of the HPA; the HPA reads the newest plan, and holds when that is too old, as an output would make it.
type Forewarm struct {
	Engine *engine.Engine
	lag    time.Duration
	model  policy.Model
}

// NewForewarm returns the engine over a world. Models of the options are replaced by the world's.
func NewForewarm(w *World, opts engine.Options) *Forewarm {
	opts.Models = []policy.Model{w.Model()}
	return &Forewarm{Engine: engine.New(opts, w), lag: opts.Lag, model: w.Model()}
}

// Name implements Policy.
func (f *Forewarm) Name() string { return "forewarm" }

// Sync implements Policy.
func (f *Forewarm) Sync(ctx context.Context, now time.Time, _ *World) ([]int, error) {
	every := f.Engine.Interval()
	moment := engine.Align(now.Add(-f.lag), every)
	from := engine.Align(moment.Add(-SyncPeriod), every).Add(every) // what is older, if no one ticked, teaches
	if done := f.Engine.Folded(); !done.Before(from) {
		from = done.Add(every)
	}
	for at := earlier(from, moment); !at.After(moment); at = at.Add(every) {
		if err := f.Engine.Tick(ctx, at); err != nil {
			return nil, fmt.Errorf("tick: %w", err)
		}
	}
	plan := f.Engine.Board().Load().Plan
	out := make([]int, len(f.model.Variants))
	for i, v := range f.model.Variants {
		out[i] = -1
		d, ok := plan.Find(policy.VariantID{Model: f.model.ID, Variant: v.Name})
		if ok && !d.Expired(now, f.Engine.HoldFor()) {
			out[i] = d.Replicas
		}
	}
	return out, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Metric is a number per pod that an HPA may follow.
type Metric struct {
	Name string
	Of   func(policy.Pod) policy.Reading
}

// Learn lets the engine see a moment without deciding.
func (f *Forewarm) Learn(ctx context.Context, now time.Time) error {
	return f.Engine.Learn(ctx, engine.Align(now.Add(-f.lag), f.Engine.Interval()))
}

// Queue is requests waiting in the engine.
func Queue() Metric {
	return Metric{"queue", func(p policy.Pod) policy.Reading { return p.Pending }}
}

// Concurrency is requests in the engine, running or waiting.
func Concurrency() Metric {
	return Metric{"concurrency", func(p policy.Pod) policy.Reading {
		if !p.Pending.Known || !p.Running.Known {
			return policy.Reading{}
		}
		return policy.Seen(p.Pending.Value+p.Running.Value, max(p.Pending.Age, p.Running.Age))
	}}
}

// HPA is the plain HorizontalPodAutoscaler on a metric of the first variant's pods, read as
// prometheus-adapter would: the newest scrape of each pod. What the gateway holds counts as well: an operator
// whose gateway holds requests has to add it, for flow control keeps the engines' own queues short, and a
// rule that sees only those may never move (on Slots: 27 minutes of p99 TTFT instead of 2).
type HPA struct {
	metric Metric
	rule   *sim.Reactive
}

// NewHPA returns the rule with the controller's defaults.
func NewHPA(m Metric, target float64, least, most int) *HPA {
	return &HPA{m, sim.NewReactive(target, least, most)}
}

// Name implements Policy.
func (h *HPA) Name() string { return fmt.Sprintf("hpa-%s-%g", h.metric.Name, h.rule.Target) }

// Sync implements Policy.
func (h *HPA) Sync(_ context.Context, now time.Time, w *World) ([]int, error) {
	v := &view{World: w, at: now, opt: w.opts.Signals}
	pods, total := 0, 0.0
	for _, p := range w.fleet.Pods() {
		t := w.tracks[p.Name()]
		if p.Variant() != 0 || p.State() != sim.Ready || t == nil {
			continue
		}
		if r := h.metric.Of(v.pod(t)); r.Known {
			pods, total = pods+1, total+r.Value
		}
	}
	if _, held := v.fromGateway(); w.opts.Gateway && held.Known {
		total += held.Value
	}
	return []int{h.rule.Sync(now, w.fleet.Desired(), pods, total)}, nil
}

// Static keeps a number of replicas of the first variant.
type Static int

// Name implements Policy.
func (s Static) Name() string { return fmt.Sprintf("static-%d", int(s)) }

// Sync implements Policy.
func (s Static) Sync(context.Context, time.Time, *World) ([]int, error) { return []int{int(s)}, nil }
