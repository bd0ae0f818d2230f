package engine

import (
	"context"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// Source answers for any moment that it has loaded. All I/O is in Load; At is a
// pure read, so replaying history and living through it are the same.
// The simulator implements Source on virtual time.
type Source interface {
	// Load makes the moments in (from, to] answerable. It returns an error only
	// if nothing could be loaded; what is missing in part shows as Faults of At.
	Load(ctx context.Context, from, to time.Time) error
	// At says what was known at a moment: one Input per model, sorted by ID.
	At(at time.Time) []policy.Input
}
