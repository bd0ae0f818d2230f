package engine

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// Run ticks until the context ends. Each tick stands for the newest aligned
// moment of the wall clock minus Lag. A tick that overruns is followed by the
// newest moment, never by a queue of late ones; what was skipped is counted and
// folded by the next tick. A clock that jumps ahead or back is followed at once.
func (e *Engine) Run(ctx context.Context, clock Clock) {
	for {
		if e.Next(ctx, clock) != nil {
			return
		}
	}
}

// Next is one turn of Run: it waits for the next moment and ticks. A tick
// without data is logged and is no error; the end of the context is.
func (e *Engine) Next(ctx context.Context, clock Clock) error {
	if err := clock.Sleep(ctx, e.untilNext(clock.Now())); err != nil {
		return err
	}
	now := Align(clock.Now().Add(-e.opts.Lag), e.opts.Interval)
	if now.Equal(e.attempted()) {
		return nil // the clock went back while we slept
	}
	e.countSkipped(now)
	if err := e.Tick(ctx, now); err != nil && ctx.Err() == nil {
		e.opts.Log.Warn("tick without data; decisions are held", zap.Error(err))
	}
	return ctx.Err()
}

// untilNext is how long to wait for the next moment; zero if one is due. A
// moment slightly older than the last one is clock jitter, a much older one
// means that the clock was set back.
func (e *Engine) untilNext(wall time.Time) time.Duration {
	last := e.attempted()
	due := Align(wall.Add(-e.opts.Lag), e.opts.Interval)
	if last.IsZero() || due.After(last) || due.Before(last.Add(-2*e.opts.Interval)) {
		return 0
	}
	return last.Add(e.opts.Interval + e.opts.Lag).Sub(wall)
}

func (e *Engine) countSkipped(now time.Time) {
	last := e.attempted()
	if last.IsZero() || !now.After(last) {
		return
	}
	skipped := uint64(now.Sub(last)/e.opts.Interval) - 1
	e.counts.update(func(s *Stats) { s.Skipped += skipped })
}

func (e *Engine) attempted() time.Time {
	e.ticking.Lock()
	defer e.ticking.Unlock()
	return e.tried
}
