package engine

import (
	"time"

	"github.com/forewarm/forewarm/policy"
)

// Graft takes over what another engine learned of some models: one that replayed
// their past while this one ticked. It must have folded as far as this one; else
// nothing is taken, and the moment to replay up to is returned. Models that are gone
// meanwhile are left out. The other engine must not be used any more.
func (e *Engine) Graft(from *Engine, ids []policy.ModelID) (upTo time.Time, done bool) {
	e.ticking.Lock()
	defer e.ticking.Unlock()
	from.ticking.Lock()
	defer from.ticking.Unlock()
	if from.at.Before(e.at) {
		return e.at, false
	}
	e.seats = nil
	for _, id := range ids {
		have, there := e.states[id]
		if s := from.states[id]; s != nil && there {
			s.wanted = have.wanted
			e.states[id] = s
		}
	}
	return e.at, true
}

// Folded is the newest moment folded; zero = none.
func (e *Engine) Folded() time.Time {
	e.ticking.Lock()
	defer e.ticking.Unlock()
	return e.at
}
