package app

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/engine"
	"github.com/forewarm/forewarm/internal/signals"
	"github.com/forewarm/forewarm/policy"
)

// Recommend opens, replays, ticks once and reports, as of a moment.
func Recommend(ctx context.Context, opts Options, at time.Time) (Report, error) {
	a, err := Open(ctx, opts, at)
	if err != nil {
		return Report{}, err
	}
	defer a.Close()
	return a.Recommend(ctx, at)
}

// Recommend replays the history up to a moment and reports. A failed load is a
// fault of the report, not an error: what is held is still shown.
func (a *App) Recommend(ctx context.Context, at time.Time) (Report, error) {
	if err := a.Replay(ctx, at); err != nil && ctx.Err() == nil {
		a.opts.Log.Warn("history is not complete", zap.Error(err))
		a.faults = append(a.faults, policy.Fault{
			Code: "history-incomplete",
			Text: "part of the history could not be read, so the forecast rests on less: " + err.Error(),
		})
	}
	return a.Tick(ctx, at)
}

const (
	// cautious is how much is replayed where a source could not be measured.
	cautious = 2 * time.Hour
	// settle is replayed in any case: what a moment teaches takes effect at the
	// next, so a single moment would know no tokens per request.
	settle = 2 * time.Minute
	// reachParts is the resolution with which Reach finds the beginning: one part
	// more is replayed, or a young fleet would have no past at all.
	reachParts = 200
	// mostMore bounds that part: of a span of years it would be weeks without data.
	mostMore = time.Hour
)

// Replay folds the history up to at: as much as was asked for, the sources have,
// and the budget allows.
func (a *App) Replay(ctx context.Context, at time.Time) error {
	texts, err := a.replay(ctx, a.engine, a.reader, at)
	a.assumed = append(a.assumed, texts...)
	return err
}

// replay folds the history that a reader can reach into an engine, and says what
// limited it.
func (a *App) replay(ctx context.Context, e *engine.Engine, r *signals.Reader, at time.Time) ([]string, error) {
	span := a.reg.History
	if a.opts.History != nil {
		span = *a.opts.History
	}
	span = max(span, settle)
	at = engine.Align(at, e.Interval())
	reach, err := r.Reach(ctx, at.Add(-span), at, a.opts.Budget, engine.SystemClock{}.Now)
	if err != nil {
		if len(a.clients) == 1 {
			return nil, err // the tick that follows tells the rest
		}
		reach = signals.Reach{From: at.Add(-min(span, cautious)), Chunk: time.Hour}
	}
	if at.Sub(reach.From) < span {
		more := min(max(span/reachParts, settle), mostMore)
		reach.From = at.Add(-min(at.Sub(reach.From)+more, span))
	}
	e.SetChunk(reach.Chunk)
	return reach.Texts, errors.Join(err, e.Replay(ctx, reach.From, at))
}

// Tick advances to a moment and reports.
func (a *App) Tick(ctx context.Context, at time.Time) (Report, error) {
	err := a.engine.Tick(ctx, at)
	if ctx.Err() != nil {
		return Report{}, err
	}
	if err != nil {
		a.opts.Log.Warn("nothing could be loaded; decisions are held", zap.Error(err))
	}
	return a.Report(), nil
}

// Report renders the newest snapshot, as filtered by the options.
func (a *App) Report() Report {
	s := a.engine.Board().Load()
	if s == nil {
		s = &policy.Snapshot{}
	}
	shown := *s
	shown.Models = slices.DeleteFunc(slices.Clone(s.Models), func(v policy.ModelView) bool { return !a.shows(v.Model.ID) })
	r := reportOf(&shown, a.reg)
	a.addRefused(&r)
	for _, c := range a.clients {
		r.Sources = append(r.Sources, SourceRef{Name: c.Name(), URL: c.URL()})
	}
	r.Assumptions = append(r.Assumptions, a.assumed...)
	r.Faults = append(append(r.Faults, faultReports(a.wiring)...), faultReports(append(a.scaled.fault(), a.faults...))...)
	return r
}

// addRefused adds the rows of models that are seen and not watched.
func (a *App) addRefused(r *Report) {
	for _, one := range a.refused {
		if a.wants(one.id(), one.model.ModelName) {
			r.Models = append(r.Models, one.report())
			r.Totals.Variants += len(one.model.Variants)
		}
	}
	slices.SortStableFunc(r.Models, func(x, y ModelReport) int {
		return cmp.Or(strings.Compare(x.Namespace, y.Namespace), strings.Compare(x.Name, y.Name))
	})
}

// shows says whether the options want to see a model.
func (a *App) shows(id policy.ModelID) bool {
	e, _ := a.reg.Find(id)
	return a.wants(id, e.ModelName)
}

func (a *App) wants(id policy.ModelID, modelName string) bool {
	if len(a.opts.Namespaces) > 0 && !slices.Contains(a.opts.Namespaces, id.Namespace) {
		return false
	}
	return len(a.opts.Models) == 0 || slices.ContainsFunc(a.opts.Models, func(want string) bool {
		return want == id.Name || want == id.String() || (want == modelName && want != "")
	})
}

// Run ticks until the context ends and calls show after each tick that was
// published. Every refresh it looks for new models, and reload, which may be
// nil, is asked for a new version of the file.
func (a *App) Run(
	ctx context.Context, clock engine.Clock, reload func(time.Time) (*config.Config, bool), show func(Report),
) error {
	ctx, cancel := context.WithCancel(ctx)
	var knocking sync.WaitGroup
	var first sync.Once
	defer a.tasks.Wait()
	defer knocking.Wait()
	defer cancel()
	next := engine.Align(clock.Now(), refreshEvery).Add(refreshEvery)
	var last *policy.Snapshot
	for {
		if len(a.doors()) > 0 {
			first.Do(func() { knocking.Go(func() { a.wake(ctx) }) })
		}
		if s := a.engine.Board().Load(); s != nil && s != last {
			last = s
			show(a.Report())
		}
		if err := a.engine.Next(ctx, clock); err != nil {
			return nil // the end of the context is the orderly end
		}
		now := clock.Now()
		if reload != nil {
			if cfg, changed := reload(now); changed {
				a.log("reload the configuration", a.Reload(ctx, cfg, now))
			}
		}
		if a.scaled.changed() {
			a.log("take over the ScaledObjects", a.Reload(ctx, a.cfg, now))
		}
		if !now.Before(next) {
			next = engine.Align(now, refreshEvery).Add(refreshEvery)
			a.log("look for models", a.Refresh(ctx, now))
		}
	}
}

// refreshEvery is how often new models are looked for.
const refreshEvery = 5 * time.Minute

func (a *App) log(what string, err error) {
	if err != nil {
		a.opts.Log.Warn(what, zap.Error(err))
	}
}
