package app

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/forewarm/forewarm/internal/engine"
	"github.com/forewarm/forewarm/internal/fleet"
	"github.com/forewarm/forewarm/internal/signals"
	"github.com/forewarm/forewarm/policy"
)

// feed is the engine's Source: signals from Prometheus, with replicas from the
// cluster's API where that is given. The API only knows the present, so the past
// is answered from Prometheus alone.
type feed struct {
	reader  *signals.Reader
	cluster Cluster // nil = no access
	now     func() time.Time
	log     *zap.Logger

	mu        sync.Mutex
	workloads []fleet.Workload

	head time.Time // the moment that the cluster was read for; zero = none
}

var (
	_ engine.Source    = (*feed)(nil)
	_ signals.Supplier = (*feed)(nil)
)

func newFeed(reader *signals.Reader, opts Options, workloads []fleet.Workload) *feed {
	f := &feed{reader: reader, cluster: opts.Cluster, now: opts.Now, log: opts.Log, workloads: workloads}
	if f.cluster != nil {
		reader.SetSupplier(f)
	}
	return f
}

// rebind takes effect at the next Load, never in the middle of a tick.
func (f *feed) rebind(b []signals.Binding, w []fleet.Workload) {
	f.reader.SetBindings(b)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.workloads = w
}

// present is how close to the wall clock a moment must be for the API to speak
// for it.
const present = time.Minute

// Load reads Prometheus, and the cluster if the span reaches the present.
func (f *feed) Load(ctx context.Context, from, to time.Time) error {
	f.head = time.Time{}
	if now := f.now(); f.cluster != nil && now.Sub(to).Abs() < present {
		f.mu.Lock()
		workloads := f.workloads
		f.mu.Unlock()
		if err := f.cluster.Load(ctx, to, workloads); err != nil {
			f.log.Warn("no replicas from the Kubernetes API", zap.Error(err))
		}
		f.head = to
	}
	return f.reader.Load(ctx, from, to)
}

// Supply is what the reader asks where kube-state-metrics is missing. What is
// known in part only is left to At, which adds the faults in any case.
func (f *feed) Supply(b signals.Binding, at time.Time) ([]policy.Supply, []string, []policy.Fault, bool) {
	if !at.Equal(f.head) {
		return nil, nil, nil, false
	}
	supply, expected, _, ok := f.cluster.Supply(b.Model, at)
	for _, s := range supply {
		ok = ok && s.Known
	}
	return supply, expected, nil, ok
}

// At is what Prometheus says, with the cluster's own count where it is known and
// the moment is the present.
func (f *feed) At(at time.Time) []policy.Input {
	inputs := f.reader.At(at)
	if f.head.IsZero() || !at.Equal(f.head) {
		return inputs
	}
	for i := range inputs {
		in := &inputs[i]
		supply, _, faults, ok := f.cluster.Supply(in.Model, at)
		if !ok {
			continue
		}
		in.Faults = append(in.Faults[:len(in.Faults):len(in.Faults)], faults...)
		in.Supply = overlay(in.Supply, supply)
	}
	return inputs
}

// overlay prefers the API's count of a variant, and keeps what only Prometheus
// saw of its warm-ups.
func overlay(below, above []policy.Supply) []policy.Supply {
	out := append([]policy.Supply(nil), below...)
	for i := range out {
		for _, s := range above {
			if s.Variant != out[i].Variant || !s.Known {
				continue
			}
			if len(s.WarmUps) == 0 {
				s.WarmUps = out[i].WarmUps
			}
			out[i] = s
		}
	}
	return out
}

// workloads are the scale targets of every registered model.
func (a *App) workloads() []fleet.Workload {
	var out []fleet.Workload
	for _, e := range a.reg.Entries {
		w := fleet.Workload{Model: e.Model.ID}
		for i, t := range e.Targets {
			w.Targets = append(w.Targets, fleet.Target{
				Variant: e.Model.Variants[i].Name, APIVersion: t.APIVersion, Kind: t.Kind, Name: t.Name,
			})
		}
		out = append(out, w)
	}
	return out
}
