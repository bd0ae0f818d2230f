package app

import (
	"context"
	"fmt"
	"slices"
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
	next      map[policy.ModelID]policy.Fault // for the next Load

	shared map[policy.ModelID]policy.Fault // models that may not be lowered, and why
	head   time.Time                       // the moment that the cluster was read for; zero = none
}

var (
	_ engine.Source    = (*feed)(nil)
	_ signals.Supplier = (*feed)(nil)
)

func newFeed(
	reader *signals.Reader, opts Options, workloads []fleet.Workload, shared map[policy.ModelID]policy.Fault,
) *feed {
	f := &feed{reader: reader, cluster: opts.Cluster, now: opts.Now, log: opts.Log, workloads: workloads, next: shared}
	if f.cluster != nil {
		reader.SetSupplier(f)
	}
	return f
}

// rebind takes effect at the next Load, never in the middle of a tick.
func (f *feed) rebind(b []signals.Binding, w []fleet.Workload, shared map[policy.ModelID]policy.Fault) {
	f.reader.SetBindings(b)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.workloads, f.next = w, shared
}

// present is how close to the wall clock a moment must be for the API to speak
// for it.
const present = time.Minute

// Load reads Prometheus, and the cluster if the span reaches the present.
func (f *feed) Load(ctx context.Context, from, to time.Time) error {
	f.head = time.Time{}
	f.mu.Lock()
	workloads := f.workloads
	f.shared = f.next
	f.mu.Unlock()
	if now := f.now(); f.cluster != nil && now.Sub(to).Abs() < present {
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
	present := !f.head.IsZero() && at.Equal(f.head)
	for i := range inputs {
		in := &inputs[i]
		if fault, ok := f.shared[in.Model]; ok {
			withhold(in, fault)
		}
		if present {
			f.counted(in, at)
		}
	}
	return inputs
}

// counted takes the API's count of replicas. Where it was to tell and did not, the
// pods seen are shown, and nothing is lowered on them.
func (f *feed) counted(in *policy.Input, at time.Time) {
	supply, _, faults, ok := f.cluster.Supply(in.Model, at)
	known := map[string]bool{}
	if ok {
		in.Faults = append(in.Faults[:len(in.Faults):len(in.Faults)], faults...)
		in.Supply = overlay(in.Supply, supply)
		for _, s := range supply {
			known[s.Variant] = s.Known
		}
	}
	if !slices.ContainsFunc(in.Faults, func(f policy.Fault) bool { return f.Code == signals.FaultSupplyAssumed }) {
		return
	}
	for _, s := range in.Supply {
		if s.Known && !known[s.Variant] {
			withhold(in, policy.Fault{
				Code: faultAPISilent, Signal: "supply", Object: s.Variant,
				Text: fmt.Sprintf("the API did not answer; the %d pods seen are assumed, so nothing is released", s.Spec),
			})
		}
	}
}

// beside adds the cluster's own count where a blind tick has none, so that a model
// at zero is known to be there while Prometheus is gone.
func (f *feed) beside(in policy.Input) policy.Input {
	if f.cluster == nil {
		return in
	}
	supply, _, _, ok := f.cluster.Supply(in.Model, in.Now)
	if !ok {
		return in
	}
	in.Supply = slices.Clone(in.Supply)
	for i, have := range in.Supply {
		for _, s := range supply {
			if !have.Known && s.Known && s.Variant == have.Variant {
				in.Supply[i] = s
			}
		}
	}
	return in
}

// faultAPISilent says that the Kubernetes API was to tell replicas and did not.
const faultAPISilent = "api-silent"

// withhold lets an input raise and not lower.
func withhold(in *policy.Input, why policy.Fault) {
	in.Signals.Partial = true
	in.Faults = append(in.Faults[:len(in.Faults):len(in.Faults)], why)
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
			if len(s.WarmUps)+len(s.NewNodes) == 0 {
				s.WarmUps, s.NewNodes = out[i].WarmUps, out[i].NewNodes
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
