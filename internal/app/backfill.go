package app

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/forewarm/forewarm/internal/engine"
	"github.com/forewarm/forewarm/internal/signals"
	"github.com/forewarm/forewarm/policy"
)

// mostCatchUps bounds how often a backfill runs after the ticks that passed
// meanwhile. Each time there is less to catch up with.
const mostCatchUps = 5

// backfill reads the past of models that came while running, in the background and
// in an engine of its own, so that no tick waits for it; until then they are decided
// on what was seen since. They then know what a restart would know.
func (a *App) backfill(ctx context.Context, ids []policy.ModelID, at time.Time) {
	if len(ids) == 0 {
		return
	}
	var bindings []signals.Binding
	for _, b := range a.bindings() {
		if slices.Contains(ids, b.Model) {
			bindings = append(bindings, b)
		}
	}
	eo, opt := a.engineOptions(), a.readerOptions()
	eo.Models = slices.DeleteFunc(eo.Models, func(m policy.Model) bool { return !slices.Contains(ids, m.ID) })
	eo.Budgets, eo.Progress, eo.Beside = nil, nil, nil
	reader := signals.NewReader(a.clients, bindings, opt)
	side := engine.New(eo, newFeed(reader, Options{Now: a.opts.Now, Log: a.opts.Log}, nil, nil))
	own := *a // the registry of now, whatever is reloaded meanwhile
	a.tasks.Go(func() {
		_, err := own.replay(ctx, side, reader, at)
		own.log("read the history of new models", err)
		for range mostCatchUps {
			behind, done := own.engine.Graft(side, ids)
			if done {
				own.opts.Log.Info("new models know their history", zap.Stringers("models", ids))
				return
			}
			if err := side.Replay(ctx, side.Folded(), behind); err != nil {
				own.log("read the history of new models up to now", err)
				return
			}
		}
	})
}
