package engine

import (
	"sync/atomic"

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
