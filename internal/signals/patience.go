package signals

import (
	"context"
	"time"
)

// knockFor is how long a source that was silent is waited for before it is asked anything that costs it work.
const knockFor = 2 * time.Second

// Models of all sources are decided in one tick, which waits for its slowest source. So that a source without a word
// does not hold up the others' models time after time, a live tick waits for one source no longer than for one query of
// it, and once silent, a source must answer a knock before it is asked the rest again.

// patience bounds a live tick's load. The first load, and one of history, take as many queries as they need.
func (s *source) patience(ctx context.Context, from, to time.Time) (context.Context, context.CancelFunc) {
	if to.Sub(from) > liveSpan || len(s.covered) == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, s.client.opt.Timeout)
}

// knock asks a source that was silent for a constant; nil = it may be asked the rest.
func (s *source) knock(ctx context.Context, at time.Time) error {
	if !s.silent {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, min(knockFor, s.client.opt.Timeout))
	defer cancel()
	_, err := s.client.Query(ctx, "vector(1)", at)
	if kindOf(err) == TimedOut {
		return err
	}
	return nil // an error is a word as well: the questions themselves will get it
}

// silence says whether nothing at all was answered, and time was up.
func silence(errs []error) bool {
	timedOut := false
	for _, err := range errs {
		if err == nil {
			return false
		}
		timedOut = timedOut || kindOf(err) == TimedOut
	}
	return timedOut
}
