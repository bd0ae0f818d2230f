package engine

import (
	"fmt"
	"hash/fnv"
	"math"
	"runtime/debug"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/forewarm/forewarm/policy"
	"github.com/forewarm/forewarm/predictor"
)

// state is what the fold carries from moment to moment for one model.
type state struct {
	learned    policy.Learned
	spare      []policy.VariantLearned // memory for the next ones of fleeting snapshots
	history    *predictor.History
	forecaster Forecaster
	forecast   predictor.Forecast
	made       time.Time    // when the forecast was made; zero = never
	closed     bool         // history has had a new bucket since
	input      policy.Input // newest input seen, for the ages of a blind tick
	wanted     time.Time    // newest tick at which the model was configured
	variants   []string     // whom learned.Variants are of; nil = not known yet
}

// fit puts what was learned of variants where a new configuration has them: they go by name. What is new has learned
// nothing.
func (s *state) fit(variants []policy.Variant) {
	names := make([]string, len(variants))
	for i := range variants {
		names[i] = variants[i].Name
	}
	if s.variants != nil && !slices.Equal(s.variants, names) {
		fitted := make([]policy.VariantLearned, len(names))
		for i, name := range names {
			if j := slices.Index(s.variants, name); j >= 0 && j < len(s.learned.Variants) {
				fitted[i] = s.learned.Variants[j]
			}
		}
		s.learned.Variants, s.spare = fitted, nil
	}
	s.variants = names
}

func (e *Engine) stateOf(id policy.ModelID) *state {
	s := e.states[id]
	if s == nil {
		phase := stagger(id, math.MaxInt64)
		s = &state{
			history:    predictor.NewHistoryAt(predictor.DefaultStep, e.opts.KeepHistory, phase),
			forecaster: e.opts.Forecaster,
		}
		if s.forecaster == nil {
			s.forecaster = predictor.NewForecaster(&e.scratch, phase)
		}
		e.states[id] = s
	}
	return s
}

// stagger spreads the models' refreshes and trainings over a period by their name,
// so that every replica of Forewarm does the same for a model at the same moment.
func stagger(id policy.ModelID, period time.Duration) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id.String()))
	return time.Duration(h.Sum64() % uint64(period))
}

// due says whether the forecast has to be made anew: when a bucket of history has
// closed, and once per period of model time whatever is heard. Before the first one
// has closed it costs nothing and is made at every tick, or it would depend on when
// this process first saw the model.
func (s *state) due(at time.Time, period time.Duration) bool {
	young := s.history.Len() <= 1 || s.made.IsZero() || !s.forecast.Known()
	return young || s.closed || at.Before(s.made) || at.Sub(s.made) >= period
}

// fold advances every model and the plan by one moment.
func (e *Engine) fold(at time.Time) *policy.Snapshot {
	inputs := e.inputs(at)
	out, desk := e.press.next(at, len(e.models), e.opts.Fleeting)
	for i := range e.models {
		v := &out.Models[i]
		v.Model = e.models[i]
		inputs.of(&v.Model, at, &v.Input)
		e.step(desk, v, e.seats[i], at)
	}
	out.Before, e.plan = e.plan, e.allocate(desk, at, out.Models)
	e.at, out.Plan = at, e.plan
	return out
}

// learn advances what is learned by one moment and decides nothing: the distant
// part of a replay.
func (e *Engine) learn(at time.Time) {
	inputs := e.inputs(at)
	var in policy.Input
	for i := range e.models {
		inputs.of(&e.models[i], at, &in)
		e.lesson(e.seats[i], &e.models[i], &in, at)
	}
	e.at = at
}

// step advances one model. What this moment teaches takes effect at the next:
// Propose sees what was learned before it. A panic costs this model this tick.
func (e *Engine) step(desk *policy.Workspace, v *policy.ModelView, s *state, at time.Time) {
	m := &v.Model
	v.Learned, v.Forecast = s.learned, s.forecast
	defer func() {
		if r := recover(); r != nil {
			e.caught(m.ID.String(), r)
			v.Input.Faults = append(v.Input.Faults[:len(v.Input.Faults):len(v.Input.Faults)], panicFault(m.ID, r))
			v.Proposal = faulted(m, &v.Input)
		}
	}()
	v.Input = e.beside(v.Input)
	e.observe(desk, s, m, &v.Input, at)
	if s.due(at, e.opts.RefreshEvery) {
		horizons := e.rules.horizons(desk, m, &v.Learned, &v.Input)
		made := s.forecaster.Forecast(s.history, at, horizons)
		s.forecast, s.made, s.closed = made.Raised(s.history, m.Events), at, false
	}
	v.Forecast = s.forecast.Shifted(s.history.Rate(), s.history.Top())
	v.Proposal = e.rules.propose(desk, m, &v.Learned, &v.Input, &v.Forecast)
}

// lesson is the part of step that learns.
func (e *Engine) lesson(s *state, m *policy.Model, in *policy.Input, at time.Time) {
	defer func() {
		if r := recover(); r != nil {
			e.caught(m.ID.String(), r)
		}
	}()
	e.observe(&e.press.desks[0], s, m, in, at)
}

// observe learns from a moment. A model is watched from the first moment at which
// anything of it was known: a replay that begins before the model did must not
// pass for experience with it.
func (e *Engine) observe(desk *policy.Workspace, s *state, m *policy.Model, in *policy.Input, at time.Time) {
	if s.input.Now.IsZero() && !anything(in) {
		return
	}
	s.input = *in
	first := policy.FirstAttempts(&s.learned, in)
	before := s.learned.Variants
	if s.learned = e.rules.observe(desk, m, &s.learned, in); e.opts.Fleeting { // the desk's memory goes to the next moment
		s.learned.Variants = append(s.spare[:0], s.learned.Variants...)
		s.spare = before
	}
	if a := in.Signals.Arrivals; a.Known && !in.Signals.Partial {
		closed := s.history.Add(at.Add(-a.Age), first) // a gap stays a gap, never a zero
		s.closed = s.closed || closed
	}
}

// allocate shares the budgets. Should Allocate itself panic, the previous plan
// stands and shows its age.
func (e *Engine) allocate(desk *policy.Workspace, at time.Time, views []policy.ModelView) (plan policy.Plan) {
	defer func() {
		if r := recover(); r != nil {
			e.caught("allocate", r)
			plan = e.plan
			plan.At, plan.Decisions = at, slices.Clone(e.plan.Decisions)
		}
	}()
	e.press.proposals = e.press.proposals[:0]
	for i := range views {
		e.press.proposals = append(e.press.proposals, views[i].Proposal)
	}
	plan = e.rules.allocate(desk, e.budgets, &e.plan, e.press.proposals)
	plan.Untold = e.untold
	return plan
}

func (e *Engine) caught(what string, r any) {
	e.counts.update(func(s *Stats) { s.Panics++ })
	e.opts.Log.Error("recovered from a panic; decisions are held",
		zap.String("in", what), zap.String("panic", fmt.Sprint(r)), zap.ByteString("stack", debug.Stack()))
}

// inputs asks the source. Should it panic, nothing is known of any model.
func (e *Engine) inputs(at time.Time) (out inputs) {
	defer func() {
		if r := recover(); r != nil {
			e.caught("source", r)
			out = inputs{}
		}
	}()
	all := e.source.At(at)
	byModel := func(a, b policy.Input) int { return a.Model.Compare(b.Model) }
	if !slices.IsSortedFunc(all, byModel) {
		all = slices.Clone(all)
		slices.SortStableFunc(all, byModel)
	}
	return inputs{all: all}
}

// anything says whether an input holds any known value.
func anything(in *policy.Input) bool {
	s := &in.Signals
	if s.Arrivals.Known || s.GatewayQueue.Known || s.TTFTP95.Known {
		return true
	}
	for i := range s.Pods {
		if p := &s.Pods[i]; p.Pending.Known || p.Running.Known || p.KV.Known || p.Completions.Known {
			return true
		}
	}
	return slices.ContainsFunc(in.Supply, func(s policy.Supply) bool { return s.Known })
}
