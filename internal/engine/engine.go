package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/forewarm/forewarm/policy"
	"github.com/forewarm/forewarm/predictor"
)

// Forecaster turns a history into a forecast for ascending horizons. It may keep
// what it has worked out, as long as the answer depends on its arguments alone.
type Forecaster interface {
	Forecast(h *predictor.History, at time.Time, horizons []time.Duration) predictor.Forecast
}

// Options are the engine's settings. See DefaultOptions.
type Options struct {
	Interval     time.Duration // between ticks; every moment is a multiple of it
	Lag          time.Duration // how far model time trails the wall clock: ingestion delay
	Models       []policy.Model
	Budgets      []policy.Budget
	HoldFor      time.Duration // how long a held decision may be served; see Expired
	LoadTimeout  time.Duration // one tick's Load may take this long; a replayed chunk ten times that; negative = any time
	Chunk        time.Duration // Replay loads this much at a time
	DecideFor    time.Duration // Replay decides over its last so much; before, it only learns
	CatchUp      time.Duration // missed moments up to this far back are folded later
	KeepHistory  time.Duration // demand history per model
	ForgetAfter  time.Duration // state of a removed model is kept this long
	RefreshEvery time.Duration // a forecast is made anew this often, staggered by model
	Forecaster   Forecaster    // of all models; nil = each has a predictor.Forecaster of its own
	// Beside adds to the input of a tick, blind or not, what is known beside the
	// Source. It is a pure read; what it says of the past it says of no other time. May be nil.
	Beside   func(policy.Input) policy.Input
	Progress func(done, total time.Duration) // called by Replay after each chunk; may be nil
	// Fleeting snapshots are overwritten by the next ticks: for simulators, which read each before they ask for the
	// next.
	Fleeting bool
	Log      *zap.Logger
}

// DefaultOptions suit a 15 s scrape.
func DefaultOptions() Options {
	return Options{
		Interval:     15 * time.Second,
		Lag:          5 * time.Second,
		HoldFor:      10 * time.Minute,
		LoadTimeout:  30 * time.Second,
		Chunk:        time.Hour,
		DecideFor:    time.Hour,
		CatchUp:      30 * time.Minute,
		KeepHistory:  14 * 24 * time.Hour,
		ForgetAfter:  time.Hour,
		RefreshEvery: time.Minute,
		Log:          zap.NewNop(),
	}
}

// withDefaults fills what the caller left at zero; a zero Lag is meant.
func (o Options) withDefaults() Options {
	d := DefaultOptions()
	for _, p := range []struct{ have, want *time.Duration }{
		{&o.Interval, &d.Interval},
		{&o.HoldFor, &d.HoldFor},
		{&o.Chunk, &d.Chunk},
		{&o.DecideFor, &d.DecideFor},
		{&o.CatchUp, &d.CatchUp},
		{&o.KeepHistory, &d.KeepHistory},
		{&o.ForgetAfter, &d.ForgetAfter},
		{&o.RefreshEvery, &d.RefreshEvery},
	} {
		if *p.have <= 0 {
			*p.have = *p.want
		}
	}
	if o.LoadTimeout == 0 {
		o.LoadTimeout = d.LoadTimeout
	}
	if o.Log == nil {
		o.Log = d.Log
	}
	return o
}

// rules is the pure core; tests replace parts of it.
type rules struct {
	observe  func(*policy.Workspace, *policy.Model, *policy.Learned, *policy.Input) policy.Learned
	horizons func(*policy.Workspace, *policy.Model, *policy.Learned, *policy.Input) []time.Duration
	propose  func(*policy.Workspace, *policy.Model, *policy.Learned, *policy.Input, *predictor.Forecast) policy.Proposal
	allocate func(*policy.Workspace, []policy.Budget, *policy.Plan, []policy.Proposal) policy.Plan
}

// Engine owns the fold. One tick runs at a time; SetModels and Stats may be
// called from anywhere.
type Engine struct {
	opts   Options
	source Source
	rules  rules
	board  Board
	counts counters

	pending struct { // what SetModels asked for, adopted by the next tick
		sync.Mutex
		set     bool
		models  []policy.Model
		budgets []policy.Budget
	}

	ticking sync.Mutex // held for a whole tick; guards all below
	models  []policy.Model
	budgets []policy.Budget
	scratch predictor.Workspace // of the forecasters, which work one after another
	press   press
	states  map[policy.ModelID]*state
	seats   []*state // of models, in their order; nil = to be looked up
	plan    policy.Plan
	untold  bool      // a replay decides, for nobody
	at      time.Time // newest moment folded
	tried   time.Time // newest moment attempted
}

// New builds an engine that knows nothing yet. Replay gives it a past.
func New(opts Options, source Source) *Engine {
	e := &Engine{
		opts:   opts.withDefaults(),
		source: source,
		states: map[policy.ModelID]*state{},
		rules: rules{
			observe: (*policy.Workspace).Observe, horizons: (*policy.Workspace).Horizons,
			propose: (*policy.Workspace).Propose, allocate: (*policy.Workspace).Allocate,
		},
	}
	e.SetModels(opts.Models, opts.Budgets)
	return e
}

// Board is where the results are.
func (e *Engine) Board() *Board { return &e.board }

// Stats are the engine's own figures.
func (e *Engine) Stats() Stats { return e.counts.read() }

// Interval is the time between ticks.
func (e *Engine) Interval() time.Duration { return e.opts.Interval }

// HoldFor is how long a held decision may be served.
func (e *Engine) HoldFor() time.Duration { return e.opts.HoldFor }

// SetModels replaces models and budgets from the next tick on. What was learned
// stays with a model's ID; that of removed models is dropped after ForgetAfter.
func (e *Engine) SetModels(models []policy.Model, budgets []policy.Budget) {
	models = slices.Clone(models)
	slices.SortFunc(models, func(a, b policy.Model) int { return a.ID.Compare(b.ID) })
	e.pending.Lock()
	defer e.pending.Unlock()
	e.pending.set, e.pending.models, e.pending.budgets = true, models, slices.Clone(budgets)
}

// Tick folds everything up to the aligned moment of now and publishes the
// result. If the load fails it publishes held decisions and returns the error.
// A moment that was folded before is not folded again.
func (e *Engine) Tick(ctx context.Context, now time.Time) error {
	e.ticking.Lock()
	defer e.ticking.Unlock()
	now = Align(now, e.opts.Interval)
	e.tried = now
	if now.Equal(e.at) {
		return nil
	}
	if now.Before(e.at) {
		e.counts.update(func(s *Stats) { s.ClockSteps++ })
		e.at = time.Time{}
	}
	e.adopt(now)
	if err := e.load(ctx, e.opts.LoadTimeout, e.loadFrom(now), now); err != nil {
		if ctx.Err() == nil {
			e.counts.update(func(s *Stats) { s.Blind++ })
			e.board.publish(e.blind(now, err))
		}
		return fmt.Errorf("load signals up to %s: %w", now.Format(time.RFC3339), err)
	}
	told := now.Add(-e.opts.Interval) // of the moments missed nobody can be told any more: they teach, and decide nothing
	snapshot, err := e.foldTo(ctx, e.loadFrom(now), now, told)
	if err != nil {
		return err
	}
	e.board.publish(snapshot)
	return nil
}

// loadFrom is where the load for a moment has to begin: at the newest moment
// folded, at most CatchUp back.
func (e *Engine) loadFrom(now time.Time) time.Time {
	if e.at.IsZero() {
		return now.Add(-e.opts.Interval)
	}
	if floor := now.Add(-Up(e.opts.CatchUp, e.opts.Interval)); e.at.Before(floor) {
		return floor
	}
	return e.at
}

func (e *Engine) load(ctx context.Context, limit time.Duration, from, to time.Time) error {
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	began := startWatch()
	err := e.source.Load(ctx, from, to)
	e.counts.loaded(began.elapsed())
	return err
}

// foldTo folds the aligned moments in (from, to] and returns the last snapshot.
// Up to learnUntil it only learns.
func (e *Engine) foldTo(ctx context.Context, from, to, learnUntil time.Time) (*policy.Snapshot, error) {
	var last *policy.Snapshot
	for t := Align(from, e.opts.Interval).Add(e.opts.Interval); !t.After(to); t = t.Add(e.opts.Interval) {
		if err := ctx.Err(); err != nil {
			return last, fmt.Errorf("fold up to %s: %w", to.Format(time.RFC3339), err)
		}
		began := startWatch()
		if t.After(learnUntil) {
			last = e.fold(t)
		} else {
			e.learn(t)
		}
		e.counts.folded(began.elapsed(), t)
	}
	return last, nil
}

// adopt takes over what SetModels left, and drops the state of models that have
// been gone for long.
func (e *Engine) adopt(now time.Time) {
	e.pending.Lock()
	if e.pending.set {
		e.models, e.budgets, e.pending.set = e.pending.models, e.pending.budgets, false
		e.seats = nil
	}
	e.pending.Unlock()
	if e.seats == nil {
		e.seats = make([]*state, len(e.models))
		for i := range e.models {
			e.seats[i] = e.stateOf(e.models[i].ID)
			e.seats[i].fit(e.models[i].Variants)
		}
	}
	for _, s := range e.seats {
		s.wanted = now
	}
	if len(e.states) == len(e.seats) {
		return
	}
	for id, s := range e.states {
		if now.Sub(s.wanted) > e.opts.ForgetAfter {
			delete(e.states, id)
		}
	}
}
