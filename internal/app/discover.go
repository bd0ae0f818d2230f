package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/fleet"
	"github.com/forewarm/forewarm/internal/signals"
	"github.com/forewarm/forewarm/policy"
)

const (
	// leastMax and maxFactor bound what a found variant may grow to, because no
	// maximum can be seen in metrics.
	leastMax  = 8
	maxFactor = 2
)

// discover looks for models on every source. One source that fails is a fault
// while another answers. A model that was found once stays: its silence must be seen,
// and its assumed maximum must not grow with it.
func (a *App) discover(ctx context.Context, at time.Time) ([]config.Model, error) {
	var errs []error
	for _, c := range a.clients {
		d, err := signals.Discover(ctx, c, at, a.discoverOptions(c.Name()))
		a.assumed = append(a.assumed, d.Assumed...)
		a.faults = append(a.faults, d.Faults...)
		if err != nil {
			errs = append(errs, err)
			a.faults = append(a.faults, policy.Fault{Code: "discovery", Object: c.Name(), Text: err.Error()})
			continue
		}
		for _, f := range d.Found {
			a.remember(ctx, f, c.Name())
		}
	}
	if len(a.models) == 0 {
		return nil, nothingFound(errs)
	}
	a.assumed = append(a.assumed, fmt.Sprintf("No models are configured: each is promised a p95 TTFT of %s for %g %% of "+
		"requests, and a variant may grow to %d times the replicas it was found with, at least to %d; give --config to say "+
		"otherwise.",
		config.Duration(config.DefaultTTFTP95), 100*config.DefaultAttainment, maxFactor, leastMax))
	a.forgetNameless()
	out := make([]config.Model, 0, len(a.models))
	for _, f := range a.models {
		out = append(out, f.model)
	}
	slices.SortFunc(out, func(x, y config.Model) int {
		return strings.Compare(x.Namespace+"/"+x.Name, y.Namespace+"/"+y.Name)
	})
	return out, nil
}

// shaped is a found model with what the API tells of pods and nodes that metrics
// did not. A LeaderWorkerSet's replica is several pods, which it cannot tell.
func (a *App) shaped(ctx context.Context, f signals.Found) signals.Found {
	f.Variants = slices.Clone(f.Variants)
	for i := range f.Variants {
		v := &f.Variants[i]
		if a.opts.Cluster == nil || v.Product != "" || (v.Kind != "Deployment" && v.Kind != "StatefulSet") {
			continue
		}
		target := fleet.Target{Variant: v.Name, APIVersion: v.APIVersion, Kind: v.Kind, Name: v.Target}
		s, err := a.opts.Cluster.Shape(ctx, f.ID.Namespace, target)
		a.log("look at the pods of "+v.Target, err)
		if s.GPUs == 0 {
			continue
		}
		v.GPUs, v.Product = s.GPUs, s.Product
		if s.CapacityType != "" {
			v.CapacityType = s.CapacityType
		}
		f.Assumed = append(slices.Clone(f.Assumed), fmt.Sprintf("The API shows %d GPUs per replica of %s, used instead of "+
			"what metrics tell.", v.GPUs, v.Name))
	}
	return f
}

// nothingFound is ErrNoModel only if every source answered.
func nothingFound(errs []error) error {
	for _, err := range errs {
		var none *signals.NotFoundError
		if !errors.As(err, &none) {
			return errors.Join(errs...)
		}
	}
	return errors.Join(append([]error{ErrNoModel}, errs...)...)
}

func (a *App) discoverOptions(source string) signals.DiscoverOptions {
	opt := signals.DefaultDiscoverOptions()
	for _, s := range a.cfg.Sources {
		if s.Name == source {
			opt.Labels = signals.Labels(s.Labels)
		}
	}
	if len(a.cfg.Budgets) == 0 { // a shared budget needs all that share it
		opt.Namespaces = a.opts.Namespaces
	}
	return opt
}

// modelOf is the configuration that a found model would have had.
func modelOf(f signals.Found, source string) config.Model {
	promise := config.Duration(config.DefaultTTFTP95)
	m := config.Model{
		Name: f.ID.Name, Namespace: f.ID.Namespace, Engine: f.Engine, ModelName: f.ModelName, Source: source,
		SLO: config.SLO{TTFTP95: &promise}, Labels: config.Labels(f.Labels), Matchers: f.Matchers,
		Assumed: slices.Clone(f.Assumed), Origin: config.FromDiscovery,
	}
	if f.Gateway != nil {
		m.Gateway = &config.Gateway{Preset: f.Gateway.Preset, Match: f.Gateway.Match}
	}
	for _, v := range f.Variants {
		m.Variants = append(m.Variants, variantOf(v))
	}
	if len(m.Variants) == 0 { // silent, and nothing else knows it: it must be seen all the same
		v := variantOf(signals.FoundVariant{Name: f.ID.Name, Target: f.ID.Name, Replicas: 1})
		m.Variants = append(m.Variants, v)
		m.Assumed = append(m.Assumed, placeholderText(f))
	}
	return m
}

func variantOf(v signals.FoundVariant) config.Variant {
	least, most := min(v.Replicas, 1), max(maxFactor*v.Replicas, leastMax)
	out := config.Variant{
		Name:     v.Name,
		Target:   config.Target{APIVersion: v.APIVersion, Kind: v.Kind, Name: v.Target},
		Replicas: config.Replicas{Min: &least, Max: &most},
		GPUs:     config.GPUs{Product: v.Product}, CapacityType: v.CapacityType,
	}
	if v.GPUs > 0 {
		out.GPUs.PerReplica = &v.GPUs
	}
	return out
}

// bindings say where the signals of every registered model are.
func (a *App) bindings() []signals.Binding {
	out := make([]signals.Binding, 0, len(a.reg.Entries))
	for _, e := range a.reg.Entries {
		if f, ok := a.models[e.Model.ID]; ok && e.Origin == config.FromDiscovery {
			out = append(out, f.Binding(e.Source))
			continue
		}
		out = append(out, BindingOf(e))
	}
	return out
}

// BindingOf says where the signals of a registered model are.
func BindingOf(e config.Entry) signals.Binding {
	b := signals.Binding{
		Model: e.Model.ID, Source: e.Source, Engine: e.Engine, ModelName: e.ModelName,
		Labels: signals.Labels(e.Labels), Matchers: e.Matchers,
	}
	if e.Gateway != nil {
		b.Gateway = &signals.GatewayBinding{Preset: e.Gateway.Preset, Match: e.Gateway.Match}
	}
	for i, t := range e.Targets {
		b.Variants = append(b.Variants, signals.VariantBinding{
			Name: e.Model.Variants[i].Name, APIVersion: t.APIVersion, Kind: t.Kind, Target: t.Name,
		})
	}
	return b
}
