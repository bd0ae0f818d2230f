package world

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/forewarm/forewarm/internal/engine"
	"github.com/forewarm/forewarm/policy"
)

// Group is several worlds under one engine: models that share a GPU quota or a budget. It implements
// engine.Source. For one goroutine.
type Group struct {
	worlds []*World // sorted by model
}

// groupStep is how far one world may run ahead of another, so that GPUs given back by one are soon there
// for the other.
const groupStep = time.Second

// NewGroup joins worlds that began at the same moment.
func NewGroup(worlds ...*World) (*Group, error) {
	g := &Group{worlds: slices.Clone(worlds)}
	if len(worlds) == 0 {
		return nil, fmt.Errorf("group: want at least one world, got none")
	}
	slices.SortFunc(g.worlds, func(a, b *World) int { return a.model.ID.Compare(b.model.ID) })
	for i, w := range g.worlds {
		if !w.now.Equal(g.worlds[0].now) {
			return nil, fmt.Errorf("group: want worlds at the same moment, got %s and %s", g.worlds[0].now, w.now)
		}
		if i > 0 && w.model.ID == g.worlds[i-1].model.ID {
			return nil, fmt.Errorf("group: want models that differ, got %s twice", w.model.ID)
		}
	}
	return g, nil
}

// Models are the models of all worlds, sorted.
func (g *Group) Models() []policy.Model {
	var out []policy.Model
	for _, w := range g.worlds {
		out = append(out, w.model)
	}
	return out
}

// Load implements engine.Source: it lets time pass everywhere, step by step.
func (g *Group) Load(ctx context.Context, _, to time.Time) error {
	for at := g.worlds[0].now; at.Before(to); {
		if at = at.Add(groupStep); at.After(to) {
			at = to
		}
		for _, w := range g.worlds {
			if err := w.Load(ctx, w.now, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// At implements engine.Source.
func (g *Group) At(at time.Time) []policy.Input {
	var out []policy.Input
	for _, w := range g.worlds {
		out = append(out, w.At(at)...)
	}
	return out
}

// Run lets one engine scale all worlds until a moment. Models of the options are replaced by the worlds'.
func (g *Group) Run(ctx context.Context, opts engine.Options, until time.Time) (*engine.Engine, error) {
	opts.Models = g.Models()
	e := engine.New(opts, g)
	for at := g.worlds[0].now.Truncate(SyncPeriod).Add(syncPhase); !at.After(until); at = at.Add(SyncPeriod) {
		if err := g.Load(ctx, at, at); err != nil {
			return e, err
		}
		for _, w := range g.worlds {
			f := &Forewarm{Engine: e, lag: opts.Lag, model: w.model}
			counts, err := f.Sync(ctx, at, w)
			if err != nil {
				return e, fmt.Errorf("%s at %s: %w", w.model.ID, at.Format(time.RFC3339), err)
			}
			w.scale(counts)
		}
	}
	return e, g.Load(ctx, until, until)
}
