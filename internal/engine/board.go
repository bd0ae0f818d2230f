package engine

import (
	"sync/atomic"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// Board holds the newest snapshot. It is the only mutable state that outputs
// share with the engine; reading it changes nothing and never blocks.
type Board struct {
	current atomic.Pointer[policy.Snapshot]
}

// Load returns the newest snapshot, nil before the first tick. It is immutable:
// whoever reads it must not write to it.
func (b *Board) Load() *policy.Snapshot { return b.current.Load() }

func (b *Board) publish(s *policy.Snapshot) { b.current.Store(s) }

// Expired says whether a decision may no longer be served at a moment: it never
// had an answer, or its inputs last allowed one longer than ttl ago. An output
// then answers an error, on which HPA and KEDA hold. The decision itself keeps
// its count, so that people can still see what was held.
func Expired(d policy.Decision, at time.Time, ttl time.Duration) bool {
	return !d.Known || d.Good.IsZero() || at.Sub(d.Good) > ttl
}
