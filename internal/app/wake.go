package app

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/forewarm/forewarm/internal/signals"
	"github.com/forewarm/forewarm/policy"
)

// knockEvery is how often the gateways of sleeping models are read directly.
const knockEvery = time.Second

// doors are the gateways that may be read directly.
func (a *App) doors() []signals.Door {
	var out []signals.Door
	for _, e := range a.reg.Entries {
		if e.Gateway != nil && e.Gateway.Scrape != "" {
			out = append(out, signals.Door{URL: e.Gateway.Scrape, Binding: BindingOf(e)})
		}
	}
	return out
}

// wake wakes models at zero as soon as a gateway shows work, until ctx ends.
func (a *App) wake(ctx context.Context) {
	t := time.NewTicker(knockEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			a.knock(ctx, a.opts.Now())
		}
	}
}

// knock reads the doors once, and decides anew for whom there is work.
func (a *App) knock(ctx context.Context, now time.Time) {
	s := a.engine.Board().Load()
	if s == nil {
		return
	}
	rung := a.bell.Ring(ctx, now, func(id policy.ModelID) bool { return asleep(s.Plan, id) })
	rung = slices.DeleteFunc(rung, func(id policy.ModelID) bool { return wanted(s.Plan, id) })
	if len(rung) > 0 && a.engine.Reconsider(rung) {
		a.opts.Log.Info("work at a gateway; waking", zap.Stringers("models", rung))
	}
}

// asleep says that a model has no replica, for all that is known.
func asleep(p policy.Plan, id policy.ModelID) bool {
	return !slices.ContainsFunc(p.Decisions, func(d policy.Decision) bool {
		return d.ID.Model == id && d.NowKnown && d.Now > 0
	})
}

// wanted says that some replica is wanted already.
func wanted(p policy.Plan, id policy.ModelID) bool {
	return slices.ContainsFunc(p.Decisions, func(d policy.Decision) bool { return d.ID.Model == id && d.Replicas > 0 })
}
