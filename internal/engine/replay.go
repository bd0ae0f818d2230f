package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// maxFailedChunks ends a replay: a source that failed twice in a row is down.
const maxFailedChunks = 2

// Replay folds the aligned moments in (from, to] from stored data, oldest first,
// in loads of Chunk, through the same functions as Tick. A chunk that cannot be
// loaded stays a gap and is part of the returned error; what could be had is
// folded all the same. Decisions are only made over the last DecideFor: earlier
// ones could matter only to a model held for longer than that, whose decision has
// expired. The result is published as the decided chunks are done.
func (e *Engine) Replay(ctx context.Context, from, to time.Time) error {
	e.ticking.Lock()
	defer e.ticking.Unlock()
	e.untold = true
	defer func() { e.untold = false }()
	from, to = Align(from, e.opts.Interval), Align(to, e.opts.Interval)
	if !e.at.IsZero() && from.Before(e.at) {
		from = e.at // never fold a moment twice
	}
	e.adopt(to)
	learnUntil := to.Add(-e.opts.DecideFor)
	chunk, total := Up(e.opts.Chunk, e.opts.Interval), to.Sub(from)
	var errs []error
	for failed := 0; from.Before(to) && failed < maxFailedChunks; {
		end := earlier(from.Add(chunk), to)
		if err := e.replayChunk(ctx, from, end, learnUntil); err != nil {
			errs = append(errs, err)
			failed++
		} else {
			failed = 0
		}
		if ctx.Err() != nil {
			break
		}
		from = end
		if e.opts.Progress != nil {
			e.opts.Progress(total-to.Sub(from), total)
		}
	}
	return errors.Join(errs...)
}

// Learn folds the aligned moment of now and decides nothing, as Replay does with the distant part of a past. It
// is for sources on virtual time, whose past is lived through moment by moment.
func (e *Engine) Learn(ctx context.Context, now time.Time) error {
	e.ticking.Lock()
	defer e.ticking.Unlock()
	now = Align(now, e.opts.Interval)
	if !e.at.IsZero() && !now.After(e.at) {
		return nil // never fold a moment twice
	}
	e.adopt(now)
	return e.replayChunk(ctx, e.loadFrom(now), now, now)
}

// SetChunk changes how much Replay loads at a time.
func (e *Engine) SetChunk(d time.Duration) {
	e.ticking.Lock()
	defer e.ticking.Unlock()
	e.opts.Chunk = d
}

func (e *Engine) replayChunk(ctx context.Context, from, to, learnUntil time.Time) error {
	if err := e.load(ctx, 10*e.opts.LoadTimeout, from, to); err != nil {
		return fmt.Errorf("load history from %s to %s: %w", from.Format(time.RFC3339), to.Format(time.RFC3339), err)
	}
	snapshot, err := e.foldTo(ctx, from, to, learnUntil)
	if err != nil {
		return err
	}
	if snapshot != nil {
		e.tried = to
		e.board.publish(snapshot)
	}
	return nil
}

// Align is the newest multiple of interval since the Unix epoch that is not
// after t, in UTC.
func Align(t time.Time, interval time.Duration) time.Time {
	n := t.UnixNano()
	r := n % int64(interval)
	if r < 0 {
		r += int64(interval)
	}
	return time.Unix(0, n-r).UTC()
}

// Up rounds a span up to a multiple of interval, at least one.
func Up(span, interval time.Duration) time.Duration {
	return max((span+interval-1)/interval, 1) * interval
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
