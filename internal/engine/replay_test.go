package engine

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var errDown = errors.New("connection refused")

func TestReplayIsTheSameAsLivingThroughIt(t *testing.T) {
	const lived = 14 * time.Hour // a forecaster begins anew within
	veteran, newcomer := engineOn(newWorld(2)), engineOn(newWorld(2))
	for at := noon.Add(15 * time.Second); !at.After(noon.Add(lived)); at = at.Add(15 * time.Second) {
		tick(t, veteran, at)
	}
	newcomer.opts.Chunk = 37 * time.Minute // chunk borders must not show
	if err := newcomer.Replay(t.Context(), noon, noon.Add(lived)); err != nil {
		t.Fatal(err)
	}
	compare(t, veteran, newcomer)
	next := noon.Add(lived + 15*time.Second) // what was learned last shows one tick later
	tick(t, veteran, next)
	tick(t, newcomer, next)
	compare(t, veteran, newcomer)
}

func TestAnOutageLeavesNoTraceOnceItsDataCanBeHad(t *testing.T) {
	steady, unlucky := newWorld(3), newWorld(3)
	a, b := engineOn(steady), engineOn(unlucky)
	for i := 1; i <= 80; i++ {
		at := noon.Add(time.Duration(i) * 15 * time.Second)
		tick(t, a, at)
		unlucky.onLoad = nil
		if i >= 30 && i < 50 {
			unlucky.onLoad = func(context.Context, time.Time, time.Time) error { return errDown }
		}
		if err := b.Tick(t.Context(), at); (err != nil) != (unlucky.onLoad != nil) {
			t.Fatalf("tick %d: %v", i, err)
		}
	}
	compare(t, a, b)
	if got := b.Stats(); got.Blind != 20 || got.Ticks != 80 {
		t.Errorf("want 20 blind ticks and 80 folded ones, got %+v", got)
	}
}

func TestReplayGoesOnAfterABadChunkAndStopsAtADeadSource(t *testing.T) {
	for name, tc := range map[string]struct {
		broken func(from time.Time) bool
		loads  int
		ticks  uint64
	}{
		"one chunk is refused and stays a gap": {
			func(from time.Time) bool { return from.Equal(noon.Add(time.Hour)) }, 4, 3 * 240,
		},
		"nothing answers": {func(time.Time) bool { return true }, maxFailedChunks, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(1)
			w.onLoad = func(_ context.Context, from, _ time.Time) error {
				if tc.broken(from) {
					return errDown
				}
				return nil
			}
			e := engineOn(w)
			err := e.Replay(t.Context(), noon, noon.Add(4*time.Hour))
			if !errors.Is(err, errDown) {
				t.Errorf("want the load's error, got %v", err)
			}
			if len(w.loads) != tc.loads || e.Stats().Ticks != tc.ticks {
				t.Errorf("want %d loads and %d ticks, got %d and %d", tc.loads, tc.ticks, len(w.loads), e.Stats().Ticks)
			}
		})
	}
}

func TestReplayLoadsInBoundedChunksAndReportsProgress(t *testing.T) {
	w := newWorld(1)
	e := engineOn(w)
	e.opts.Chunk = 25 * time.Minute
	var done []time.Duration
	e.opts.Progress = func(d, _ time.Duration) { done = append(done, d) }
	if err := e.Replay(t.Context(), noon, noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	want := []time.Duration{25 * time.Minute, 50 * time.Minute, time.Hour}
	if diff := cmp.Diff(want, done); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
	for i, l := range w.loads {
		if l[1].Sub(l[0]) > e.opts.Chunk {
			t.Errorf("load %d spans %s", i, l[1].Sub(l[0]))
		}
	}
}

func TestReplayStopsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w := newWorld(1)
	w.onLoad = func(context.Context, time.Time, time.Time) error { cancel(); return nil }
	if err := engineOn(w).Replay(ctx, noon, noon.Add(4*time.Hour)); !errors.Is(err, context.Canceled) {
		t.Errorf("want canceled, got %v", err)
	}
	if len(w.loads) != 1 {
		t.Errorf("want one load, got %d", len(w.loads))
	}
}

func TestAlign(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"a moment on the grid stays":      {"2026-09-01T12:00:15Z", "2026-09-01T12:00:15Z"},
		"a moment between goes down":      {"2026-09-01T12:00:29.999Z", "2026-09-01T12:00:15Z"},
		"zones do not matter":             {"2026-09-01T14:00:16+02:00", "2026-09-01T12:00:15Z"},
		"before 1970 down is still down":  {"1969-12-31T23:59:59Z", "1969-12-31T23:59:45Z"},
		"the grid starts at the epoch":    {"1970-01-01T00:00:14Z", "1970-01-01T00:00:00Z"},
		"a nanosecond before is the last": {"2026-09-01T12:00:14.999999999Z", "2026-09-01T12:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			in, err := time.Parse(time.RFC3339Nano, tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if got := Align(in, 15*time.Second).Format(time.RFC3339); got != tc.want {
				t.Errorf("want %s, got %s", tc.want, got)
			}
		})
	}
}

func compare(t *testing.T, a, b *Engine) {
	t.Helper()
	if diff := cmp.Diff(asJSON(t, a.Board().Load()), asJSON(t, b.Board().Load())); diff != "" {
		t.Errorf("snapshots differ (-veteran +newcomer):\n%s", diff)
	}
}

func TestLearningMomentByMomentIsReplaying(t *testing.T) {
	lived, replayed := engineOn(newWorld(2)), engineOn(newWorld(2))
	for at := noon.Add(15 * time.Second); !at.After(noon.Add(3 * time.Hour)); at = at.Add(15 * time.Second) {
		if err := lived.Learn(t.Context(), at); err != nil {
			t.Fatal(err)
		}
	}
	if lived.Board().Load() != nil {
		t.Error("learning published a decision")
	}
	if err := replayed.Replay(t.Context(), noon, noon.Add(3*time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, e := range []*Engine{lived, replayed} {
		if err := e.Tick(t.Context(), noon.Add(3*time.Hour+15*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	compareLearned(t, lived, replayed)
}

// compareLearned leaves out the plan: who only learned has no decision before to keep.
func compareLearned(t *testing.T, a, b *Engine) {
	t.Helper()
	for i, m := range a.Board().Load().Models {
		if diff := cmp.Diff(asJSON(t, m.Learned), asJSON(t, b.Board().Load().Models[i].Learned)); diff != "" {
			t.Errorf("model %d: %s", i, diff)
		}
	}
}
