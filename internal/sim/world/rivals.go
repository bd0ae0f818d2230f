package world

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/internal/sim/fluid"
	"github.com/forewarm/forewarm/internal/sim/rival"
	"github.com/forewarm/forewarm/policy"
)

// noBurst are the rivals that this profile cannot tell from others, or that would know it beforehand: fixed fleets
// are here as static-N, and a quarter of an hour has no clock to follow.
var noBurst = []string{"static-peak", "always", "keda-queue-cron", "keda-kv-cron"}

// rivals are those of the fluid world, as published, told what a replica carries here: its knee.
func (b Burst) rivals() ([]func(*World) Policy, error) {
	course, err := b.course()
	if err != nil {
		return nil, err
	}
	var out []func(*World) Policy
	for _, r := range rival.Table() {
		if !slices.Contains(noBurst, r.Name) {
			on := r.On(course)
			out = append(out, func(*World) Policy {
				return &borrowed{name: r.Name, most: b.most(), by: on(r.Default)}
			})
		}
	}
	return out, nil
}

// course is the profile as the fluid world has it: what rivals are told of the replica and the warm-up.
func (b Burst) course() (*fluid.Course, error) {
	knee, err := sim.Knee(b.Fleet, b.Prompt, b.Output)
	if err != nil {
		return nil, fmt.Errorf("burst: %w", err)
	}
	w := fluid.DefaultWorld()
	w.Replica.Rate, w.Replica.Prompt, w.Replica.Output = knee, b.Prompt.Mean, b.Output.Mean
	w.WarmUp, w.Min, w.Max, w.Begin = fluid.WarmUp{Median: b.Fleet.WarmUp.Mean}, 1, b.most(), b.Fleet.Start
	l := fluid.Load{Name: "burst", Step: SyncPeriod}
	for range int(b.Prelude / l.Step) {
		l.Rate = append(l.Rate, 0)
	}
	for _, rate := range b.Rates {
		for range int(b.Stage / l.Step) {
			l.Rate = append(l.Rate, rate)
		}
	}
	c, err := fluid.NewCourse(l, w)
	if err != nil {
		return nil, fmt.Errorf("burst: %w", err)
	}
	return c, nil
}

// borrowed is a policy of the fluid world at request level. It sees what the scrapes say, at each sync of the HPA.
type borrowed struct {
	name    string
	most    int
	by      fluid.Scaler
	seen    fluid.Observation
	arrived uint64 // requests, up to the sync before
}

// Name implements Policy.
func (r *borrowed) Name() string { return r.name }

// Sync implements Policy.
func (r *borrowed) Sync(_ context.Context, now time.Time, w *World) ([]int, error) {
	o := &r.seen
	if o.Now.IsZero() {
		o.Pools = make([]fluid.View, 1)
	} else {
		o.Tick++
	}
	o.Now = now
	r.demand(w)
	in := w.At(now)[0]
	a := in.Signals.Arrivals
	o.Rate, o.RateAge, o.Known = a.Value, a.Age, a.Known
	o.Engines, o.Blind = enginesOf(in.Signals), in.Signals.Partial
	s := in.Supply[0]
	o.Spec, o.Ready, o.Warming, o.WarmUps = w.fleet.Desired(), s.Ready, s.Ages, s.WarmUps
	o.Pools[0] = fluid.View{
		Pool: fluid.Pool{Name: s.Variant, Speed: 1, GPUs: 1, Min: 1, Max: r.most}, Spec: o.Spec, Ready: o.Ready,
		Serving: o.Ready, Reporting: o.Engines.Pods, Warming: o.Warming, WarmUps: o.WarmUps,
	}
	return []int{min(max(r.by.Decide(o), 1), r.most)}, nil
}

// demand is what a system with a metrics pipe of its own knows: the requests since the last look.
func (r *borrowed) demand(w *World) {
	n := w.fleet.Totals().Arrivals
	r.seen.Recent = float64(n-r.arrived) / SyncPeriod.Seconds()
	r.arrived = n
}

// enginesOf sums up what the pods say. What the gateway holds waits as well: see HPA.
func enginesOf(s policy.Signals) (e fluid.Engines) {
	for _, p := range s.Pods {
		if !p.Running.Known || !p.Pending.Known {
			continue
		}
		e.Pods++
		e.Completions += p.Completions.Value
		e.Running += p.Running.Value
		e.Pending += p.Pending.Value
		e.KV += p.KV.Value
	}
	e.KV /= float64(max(e.Pods, 1))
	e.Pending += s.GatewayQueue.Value
	e.TTFT = s.TTFTP95.Value
	return e
}
