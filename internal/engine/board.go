package engine

import (
	"sync/atomic"

	"github.com/forewarm/forewarm/policy"
)

// Board holds the newest snapshot. It is the only mutable state that outputs
// share with the engine; reading it changes nothing and never blocks.
type Board struct {
	current atomic.Pointer[posted]
}

// posted is a snapshot, and a channel that is closed when a newer one is there.
type posted struct {
	snapshot *policy.Snapshot
	newer    chan struct{}
}

// Load returns the newest snapshot, nil before the first tick. It is immutable:
// whoever reads it must not write to it.
func (b *Board) Load() *policy.Snapshot { return b.newest().snapshot }

// Watch returns the newest snapshot and a channel that is closed as soon as a
// newer one is there.
func (b *Board) Watch() (*policy.Snapshot, <-chan struct{}) {
	p := b.newest()
	return p.snapshot, p.newer
}

// newest is never nil, so that the first snapshot can be waited for as well.
func (b *Board) newest() *posted {
	for {
		if p := b.current.Load(); p != nil {
			return p
		}
		b.current.CompareAndSwap(nil, &posted{newer: make(chan struct{})})
	}
}

func (b *Board) publish(s *policy.Snapshot) {
	old := b.current.Swap(&posted{snapshot: s, newer: make(chan struct{})})
	if old != nil {
		close(old.newer)
	}
}

// replace publishes only if nothing newer than old was published meanwhile.
func (b *Board) replace(old, s *policy.Snapshot) bool {
	p := b.newest()
	if p.snapshot != old || !b.current.CompareAndSwap(p, &posted{snapshot: s, newer: make(chan struct{})}) {
		return false
	}
	close(p.newer)
	return true
}
