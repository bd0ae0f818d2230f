package engine

import (
	"context"
	"time"
)

// Clock tells the time and waits. Run takes it as an argument, so that tests and
// the demo drive it.
type Clock interface {
	Now() time.Time
	// Sleep waits for d; it returns the context's error if that ends first.
	Sleep(ctx context.Context, d time.Duration) error
}

// SystemClock is the wall clock.
type SystemClock struct{}

// Now is the wall clock's time.
func (SystemClock) Now() time.Time { return time.Now() }

// Sleep waits for d or for the end of the context.
func (SystemClock) Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// stopwatch measures real time spent, whatever time the models live in.
type stopwatch struct{ began time.Time }

func startWatch() stopwatch { return stopwatch{time.Now()} }

func (w stopwatch) elapsed() time.Duration { return time.Since(w.began) }
