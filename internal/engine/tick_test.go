package engine

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/policy"
	"github.com/forewarm/forewarm/predictor"
)

func TestWhatAMomentTeachesTakesEffectAtTheNext(t *testing.T) {
	e := engineOn(newWorld(1))
	var seen []time.Time
	e.rules.propose = func(w *policy.Workspace, m *policy.Model, l *policy.Learned, in *policy.Input, f *predictor.Forecast) policy.Proposal {
		seen = append(seen, l.At)
		return w.Propose(m, l, in, f)
	}
	for i := range 3 {
		tick(t, e, noon.Add(time.Duration(i)*15*time.Second))
	}
	want := []time.Time{{}, noon, noon.Add(15 * time.Second)}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("what Propose had learned (-want +got):\n%s", diff)
	}
}

func TestOnlyWholeArrivalsBecomeHistory(t *testing.T) {
	for name, tc := range map[string]struct {
		arrivals policy.Reading
		partial  bool
		want     time.Time
	}{
		"whole":             {policy.Seen(3, 7*time.Second), false, noon.Add(-7 * time.Second)},
		"a proven zero":     {policy.Seen(0, 0), false, noon},
		"unknown":           {policy.Reading{}, false, time.Time{}},
		"a part is missing": {policy.Seen(3, 7*time.Second), true, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(1)
			w.input = func(m policy.Model, at time.Time) policy.Input {
				in := steady(m, at, 3, 2)
				in.Signals.Arrivals, in.Signals.Partial = tc.arrivals, tc.partial
				return in
			}
			e := engineOn(w)
			tick(t, e, noon)
			if got := e.states[w.models[0].ID].history.Seen(); !got.Equal(tc.want) {
				t.Errorf("want newest history at %s, got %s", tc.want, got)
			}
		})
	}
}

func TestAStormOfRetriesIsNoHistory(t *testing.T) {
	began, over := noon.Add(12*time.Hour), noon.Add(12*time.Hour+30*time.Minute)
	w := newWorld(1)
	w.input = func(m policy.Model, at time.Time) policy.Input {
		in := steady(m, at, 6, 2)
		in.Signals.ArrivalSource, in.Signals.Refused = policy.FromGateway, policy.Seen(0, 0)
		if !at.Before(began) && at.Before(over) {
			in.Signals.Arrivals, in.Signals.Refused = policy.Seen(40, 0), policy.Seen(34, 0)
		}
		return in
	}
	lived, replayed := engineOn(w), engineOn(w)
	for at := noon.Add(15 * time.Second); at.Before(over); at = at.Add(15 * time.Second) {
		v := tick(t, lived, at).Models[0]
		said := slices.ContainsFunc(v.Proposal.Steps, func(s policy.Step) bool { return s.Why == "retries" })
		rate := lived.states[w.models[0].ID].history.Rate()
		if storm := !at.Before(began); rate < 6 || rate > 6.5 || said != storm {
			t.Fatalf("%s: want 6 req/s learned and a storm said (%v), got %g and %v", at, storm, rate, said)
		}
	}
	if err := replayed.Replay(t.Context(), noon, over.Add(-15*time.Second)); err != nil {
		t.Fatal(err)
	}
	compare(t, lived, replayed)
}

func TestABlindTickHoldsAndShowsItsAge(t *testing.T) {
	w := newWorld(2)
	w.input = func(m policy.Model, at time.Time) policy.Input { return steady(m, at, 6, 7) }
	e := engineOn(w)
	good := tick(t, e, noon)
	w.onLoad = func(context.Context, time.Time, time.Time) error { return errDown }
	later := noon.Add(2 * time.Minute)
	if err := e.Tick(t.Context(), later); !errors.Is(err, errDown) {
		t.Fatalf("want the load's error, got %v", err)
	}
	blind := e.Board().Load()
	if !blind.At.Equal(later) || !blind.Plan.At.Equal(later) {
		t.Errorf("want a snapshot of %s, got %s and plan of %s", later, blind.At, blind.Plan.At)
	}
	for i, d := range blind.Plan.Decisions {
		was := good.Plan.Decisions[i]
		if !d.Known || !d.Hold || d.Replicas != was.Replicas || !d.Good.Equal(was.Good) {
			t.Errorf("want %d replicas held since %s, got %+v", was.Replicas, was.Good, d)
		}
	}
	in := blind.Models[0].Input
	if in.Signals.Arrivals.Known || in.Signals.Arrivals.Age != 5*time.Second+2*time.Minute {
		t.Errorf("want arrivals unknown with their age, got %+v", in.Signals.Arrivals)
	}
	if in.Supply[0].Known || !in.Signals.Partial || in.Faults[0].Code != FaultLoad {
		t.Errorf("want unknown supply, partial signals and a fault, got %+v", in)
	}
}

// A tick came late, or a replay came by: at a moment of which nobody was told a queue stood, which is gone. That would have
// asked for more, but it asked nobody, so nothing waits for it.
func TestNothingWaitsForWhatNobodyWasTold(t *testing.T) {
	missed := noon.Add(45 * time.Second)
	w := newWorld(1)
	w.input = func(m policy.Model, at time.Time) policy.Input {
		in := steady(m, at, 4, 4)
		if at.Equal(missed) {
			for i := range in.Signals.Pods {
				in.Signals.Pods[i].Pending = policy.Seen(5000, 0)
			}
		}
		return in
	}
	punctual, late := engineOn(w), engineOn(w)
	for _, at := range []time.Duration{15, 30, 45, 60} {
		tick(t, punctual, noon.Add(at*time.Second))
	}
	for _, at := range []time.Duration{15, 30, 60} {
		tick(t, late, noon.Add(at*time.Second))
	}
	if n := punctual.Board().Load().Plan.Decisions[0].Replicas; n <= 4 {
		t.Fatalf("want a queue to raise the count, and the raise to be waited for, got %d", n)
	}
	if d := late.Board().Load().Plan.Decisions[0]; d.Replicas != 4 || late.Stats().Ticks != 4 {
		t.Errorf("want four replicas after four moments, got %d after %d", d.Replicas, late.Stats().Ticks)
	}
	replayed := engineOn(w)
	if err := replayed.Replay(t.Context(), noon, noon.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if d := replayed.Board().Load().Plan.Decisions[0]; d.Replicas != 4 {
		t.Errorf("want four replicas after a replay, got %d", d.Replicas)
	}
	if d := tick(t, replayed, noon.Add(75*time.Second)).Plan.Decisions[0]; d.Replicas != 4 {
		t.Errorf("want four replicas at the first tick after it, got %d", d.Replicas)
	}
}

func TestBlindFromTheStartHasNoAnswer(t *testing.T) {
	w := newWorld(1)
	w.onLoad = func(context.Context, time.Time, time.Time) error { return errDown }
	e := engineOn(w)
	if err := e.Tick(t.Context(), noon); err == nil {
		t.Fatal("want an error")
	}
	if d := e.Board().Load().Plan.Decisions[0]; d.Known {
		t.Errorf("want no answer, got %+v", d)
	}
}

func TestAModelTheSourceDoesNotKnowIsShownAsSuch(t *testing.T) {
	w := newWorld(1)
	e := engineOn(w)
	e.SetModels(append(w.models, model("ghost")), nil)
	s := tick(t, e, noon)
	codes := map[string][]string{}
	for _, v := range s.Models {
		for _, f := range v.Input.Faults {
			codes[v.Model.ID.Name] = append(codes[v.Model.ID.Name], f.Code)
		}
	}
	if diff := cmp.Diff(map[string][]string{"ghost": {FaultInput}}, codes); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestAPanicCostsOneModelOneTick(t *testing.T) {
	w := newWorld(3)
	w.input = func(m policy.Model, at time.Time) policy.Input { return steady(m, at, 2, 5) }
	e := engineOn(w)
	e.rules.propose = func(w *policy.Workspace, m *policy.Model, l *policy.Learned, in *policy.Input, f *predictor.Forecast) policy.Proposal {
		if m.ID.Name == "m0001" {
			panic("index out of range")
		}
		return w.Propose(m, l, in, f)
	}
	s := tick(t, e, noon)
	for _, d := range s.Plan.Decisions {
		sick := d.ID.Model.Name == "m0001"
		if d.Hold != sick || !d.Known || (sick && d.Replicas != 5) {
			t.Errorf("want only m0001 held, at its 5 replicas, got %+v", d)
		}
	}
	if f := s.Models[1].Input.Faults; len(f) != 1 || f[0].Code != FaultPanic {
		t.Errorf("want a fault, got %+v", f)
	}
	if n := e.Stats().Panics; n != 1 {
		t.Errorf("want 1 panic counted, got %d", n)
	}
}

func TestAPanicInAllocateKeepsThePlan(t *testing.T) {
	e := engineOn(newWorld(2))
	before := tick(t, e, noon).Plan
	e.rules.allocate = func(*policy.Workspace, []policy.Budget, *policy.Plan, []policy.Proposal) policy.Plan { panic("boom") }
	after := tick(t, e, noon.Add(15*time.Second)).Plan
	if diff := cmp.Diff(before.Decisions, after.Decisions); diff != "" {
		t.Errorf("decisions changed (-before +after):\n%s", diff)
	}
	if e.Stats().Panics != 1 {
		t.Errorf("want 1 panic counted, got %d", e.Stats().Panics)
	}
}

func TestAPanicOfTheSourceLeavesEveryModelUnseen(t *testing.T) {
	w := newWorld(1)
	w.input = func(policy.Model, time.Time) policy.Input { panic("nil map") }
	e := engineOn(w)
	s := tick(t, e, noon)
	if s.Plan.Decisions[0].Known || s.Models[0].Input.Faults[0].Code != FaultInput || e.Stats().Panics != 1 {
		t.Errorf("want no answer and a fault, got %+v", s.Plan.Decisions[0])
	}
}

func TestAModelIsWatchedFromWhenItWasFirstSeen(t *testing.T) {
	w := newWorld(1)
	born := noon.Add(5 * time.Minute)
	w.input = func(m policy.Model, at time.Time) policy.Input {
		if at.Before(born) {
			return policy.Input{Model: m.ID, Now: at, Signals: policy.Signals{Partial: true}}
		}
		return steady(m, at, 2, 3)
	}
	e := engineOn(w)
	if err := e.Replay(t.Context(), noon, noon.Add(10*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if since := e.states[w.models[0].ID].learned.Since; !since.Equal(born) {
		t.Errorf("want watched since %s, got %s", born, since)
	}
}

func TestReloadKeepsWhatWasLearnedByName(t *testing.T) {
	w := newWorld(2)
	e := engineOn(w)
	at := noon
	for range 40 {
		at = at.Add(15 * time.Second)
		tick(t, e, at)
	}
	since := e.states[w.models[1].ID].learned.Since
	changed := w.models[1]
	changed.Priority = 7
	e.SetModels([]policy.Model{changed}, nil)
	at = at.Add(15 * time.Second)
	s := tick(t, e, at)
	if len(s.Models) != 1 || s.Models[0].Model.Priority != 7 || !s.Models[0].Learned.Since.Equal(since) {
		t.Errorf("want only %s, changed and remembered since %s, got %+v", changed.ID, since, s.Models)
	}
	if e.states[w.models[0].ID] == nil {
		t.Error("a removed model was forgotten at once")
	}
	for end := at.Add(e.opts.ForgetAfter); !at.After(end); {
		at = at.Add(15 * time.Second)
		tick(t, e, at)
	}
	if e.states[w.models[0].ID] != nil {
		t.Error("a removed model was never forgotten")
	}
}

func TestTheSameMomentIsFoldedOnce(t *testing.T) {
	e := engineOn(newWorld(1))
	first := tick(t, e, noon)
	if again := tick(t, e, noon.Add(14*time.Second)); again != first || e.Stats().Ticks != 1 {
		t.Errorf("want one fold, got %d", e.Stats().Ticks)
	}
}

func TestAPublishedSnapshotNeverChanges(t *testing.T) {
	e := engineOn(newWorld(3))
	s := tick(t, e, noon)
	before := asJSON(t, s)
	for i := range 50 {
		tick(t, e, noon.Add(time.Duration(i+1)*15*time.Second))
	}
	if diff := cmp.Diff(before, asJSON(t, s)); diff != "" {
		t.Errorf("the snapshot of noon changed:\n%s", diff)
	}
}

// counting is a forecaster that records when it was asked.
type counting struct{ at []time.Time }

func (c *counting) Forecast(h *predictor.History, at time.Time, hs []time.Duration) predictor.Forecast {
	c.at = append(c.at, at)
	return predictor.LastValue{}.Forecast(h, at, hs)
}

func TestForecastsAreMadeOncePerMinuteAtTheModelsOwnPhase(t *testing.T) {
	phases := map[time.Duration]bool{}
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		w := newWorld(0)
		w.models = []policy.Model{model(name)}
		w.input = func(m policy.Model, at time.Time) policy.Input { return steady(m, at, 3, 2) }
		e := engineOn(w)
		c := &counting{}
		e.opts.Forecaster = c
		for i := range 21 {
			tick(t, e, noon.Add(time.Duration(i)*15*time.Second))
		}
		if n := len(c.at); n < 5+1 || n > 5+4 {
			t.Fatalf("%s: want 5 refreshes in 5 minutes, and one per tick until the first bucket closes, got %d", name, n)
		}
		made := c.at[len(c.at)-5:]
		for i := 1; i < len(made); i++ {
			if made[i].Sub(made[i-1]) != time.Minute {
				t.Errorf("%s: refreshes %s apart", name, made[i].Sub(made[i-1]))
			}
		}
		phases[made[0].Sub(noon)] = true
	}
	if len(phases) < 2 {
		t.Errorf("all models refresh at the same phase: %v", phases)
	}
}

// A model is half a minute old. What is guessed of it does not depend on who looked first.
func TestAYoungModelIsGuessedAlikeByAll(t *testing.T) {
	w := newWorld(0)
	w.models = []policy.Model{model("a")}
	w.input = func(m policy.Model, at time.Time) policy.Input {
		return steady(m, at, 2+at.Sub(noon).Seconds()/5, 2) // a rise
	}
	early, late := engineOn(w), engineOn(w)
	tick(t, early, noon)
	now := noon.Add(15 * time.Second)
	tick(t, early, now)
	late.opts.DecideFor = 15 * time.Second
	if err := late.Replay(t.Context(), noon.Add(-15*time.Second), now); err != nil {
		t.Fatal(err)
	}
	a, b := early.Board().Load().Models[0].Forecast, late.Board().Load().Models[0].Forecast
	if a.Residuals() != 0 || asJSON(t, a) != asJSON(t, b) {
		t.Errorf("want one guess, got\n%s\nand\n%s", asJSON(t, a), asJSON(t, b))
	}
}

func TestModelsAreSortedWhateverOrderTheyCameIn(t *testing.T) {
	w := newWorld(3)
	e := engineOn(w)
	reversed := slices.Clone(w.models)
	slices.Reverse(reversed)
	e.SetModels(reversed, nil)
	s := tick(t, e, noon)
	for i, v := range s.Models {
		if v.Model.ID != w.models[i].ID {
			t.Errorf("place %d: want %s, got %s", i, w.models[i].ID, v.Model.ID)
		}
	}
}
