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
			out = append(out, func(*World) Policy { return borrow(r.Name, course, on(r.Default)) })
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
	decide  func(o *fluid.Observation, want []int)
	seen    fluid.Observation
	told    map[string]time.Time // warm-ups that it was told of
	arrived uint64               // requests, up to the sync before
}

func borrow(name string, c *fluid.Course, s fluid.Scaler) *borrowed {
	return &borrowed{
		name: name, decide: c.Leader(s), told: map[string]time.Time{}, seen: fluid.Observation{Tick: -1, Pools: c.Views()},
	}
}

// Name implements Policy.
func (r *borrowed) Name() string { return r.name }

// Sync implements Policy.
func (r *borrowed) Sync(_ context.Context, now time.Time, w *World) ([]int, error) {
	r.look(now, w)
	want := make([]int, len(r.seen.Pools))
	r.decide(&r.seen, want)
	return want, nil
}

// look makes what the scrapes say at a moment the observation.
func (r *borrowed) look(now time.Time, w *World) {
	o := &r.seen
	o.Tick++
	o.Now, o.AtFinish = now, !w.opts.Gateway
	r.demand(w)
	in := w.look(now, r.told)
	a := in.Signals.Arrivals
	o.Rate, o.RateAge, o.Known, o.Balance = a.Value, a.Age, a.Known, a.Value
	if o.AtFinish {
		finished := finishedBy(in.Signals.Pods)
		o.Rate, o.RateAge, o.Known = finished.Value, finished.Age, finished.Known
	}
	o.Engines, o.Blind = enginesOf(in.Signals), in.Signals.Partial
	for i := range o.Pools {
		v, s := &o.Pools[i], in.Supply[i]
		v.Spec, v.Ready, v.Serving, v.Reporting = w.fleet.DesiredOf(i), s.Ready, s.Ready, min(s.Ready, o.Engines.Pods)
		v.Warming, v.WarmUps, v.Homeless, v.Starved = s.Ages, s.WarmUps, s.Homeless, s.Starved
	}
}

// finishedBy is what the pods that answer say that they finished, in requests/s.
func finishedBy(pods []policy.Pod) (all policy.Reading) {
	for _, p := range pods {
		if p.Completions.Known {
			all = policy.Seen(all.Value+p.Completions.Value, max(all.Age, p.Completions.Age))
		}
	}
	return all
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
