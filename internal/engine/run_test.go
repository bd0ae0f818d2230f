package engine

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// offsetClock is the system clock, which somebody may set.
type offsetClock struct {
	SystemClock
	by atomic.Int64 // nanoseconds
}

func (c *offsetClock) Now() time.Time { return c.SystemClock.Now().Add(time.Duration(c.by.Load())) }

// running starts Run in the bubble and returns what stops it and waits.
func running(t *testing.T, e *Engine, clock Clock) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); e.Run(ctx, clock) }()
	return func() { cancel(); <-done }
}

// wait lets virtual time pass.
func wait(t *testing.T, d time.Duration) {
	t.Helper()
	if err := (SystemClock{}).Sleep(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

func TestRunTicksOnTheGridBehindTheWallClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1)
		e := engineOn(w)
		wait(t, 7*time.Second) // the bubble starts on the grid; we do not
		stop := running(t, e, SystemClock{})
		defer stop()
		wait(t, time.Minute)
		start := Align(SystemClock{}.Now(), time.Minute).Add(-time.Minute)
		var got []time.Duration
		for _, l := range w.loads {
			got = append(got, l[1].Sub(start))
		}
		// At :07 the newest moment older than 5 s is :00; then one every 15 s.
		want := []time.Duration{0, 15 * time.Second, 30 * time.Second, 45 * time.Second, time.Minute}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("moments (-want +got):\n%s", diff)
		}
	})
}

func TestASlowSourceSkipsMomentsAndNeverPilesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1)
		busy, worst := 0, 0
		w.onLoad = func(ctx context.Context, _, _ time.Time) error {
			busy++
			worst = max(worst, busy)
			defer func() { busy-- }()
			return SystemClock{}.Sleep(ctx, 25*time.Second)
		}
		e := engineOn(w)
		stop := running(t, e, SystemClock{})
		wait(t, 10*time.Minute+10*time.Second)
		s := e.Stats()
		stop()
		if worst != 1 {
			t.Errorf("want one load at a time, got %d", worst)
		}
		if s.Skipped < 10 || s.LastLoad != 25*time.Second {
			t.Errorf("want skipped moments counted, got %+v", s)
		}
		if missed := 40 - int(s.Ticks); missed > 3 {
			t.Errorf("want skipped moments folded by the next tick, %d of 40 are missing", missed)
		}
	})
}

func TestAHungSourceIsLeftAfterTheTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1)
		w.onLoad = func(ctx context.Context, _, _ time.Time) error { <-ctx.Done(); return ctx.Err() }
		e := engineOn(w)
		stop := running(t, e, SystemClock{})
		wait(t, 2*time.Minute)
		stop()
		if s := e.Stats(); s.Blind < 3 || e.Board().Load() == nil {
			t.Errorf("want blind ticks published, got %+v", s)
		}
	})
}

func TestTheClockMayJump(t *testing.T) {
	for name, by := range map[string]time.Duration{
		"ahead, as after a suspended laptop": 5 * time.Hour,
		"back, as after a bad time server":   -5 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(1)
				e := engineOn(w)
				clock := &offsetClock{}
				stop := running(t, e, clock)
				wait(t, time.Minute)
				clock.by.Store(int64(by))
				wait(t, time.Minute)
				stop()
				want := Align(clock.Now().Add(-e.opts.Lag), e.opts.Interval)
				if got := e.Board().Load().At; !got.Equal(want) {
					t.Errorf("want the newest snapshot at %s, got %s", want, got)
				}
				if n := e.Stats().Ticks; n > 160 {
					t.Errorf("want a bounded catch-up, got %d ticks", n)
				}
			})
		})
	}
}

func TestRunStopsInTheMiddleOfALoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1)
		w.onLoad = func(ctx context.Context, _, _ time.Time) error { <-ctx.Done(); return ctx.Err() }
		e := engineOn(w)
		stop := running(t, e, SystemClock{})
		wait(t, time.Second)
		stop()
		if e.Board().Load() != nil {
			t.Error("a tick cut short by the shutdown was published")
		}
	})
}
