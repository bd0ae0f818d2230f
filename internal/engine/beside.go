package engine

import (
	"slices"

	"github.com/forewarm/forewarm/policy"
)

// beside completes an input by what is known beside the source.
func (e *Engine) beside(in policy.Input) policy.Input {
	if e.opts.Beside == nil {
		return in
	}
	return e.opts.Beside(in)
}

// Reconsider decides anew for some models between two ticks, on what Beside knows
// now, and publishes that; it says whether it did. It learns nothing, and it waits
// for nothing, not even for a tick whose load hangs. If a tick publishes meanwhile,
// that stands: it knew the same.
func (e *Engine) Reconsider(ids []policy.ModelID) (published bool) {
	defer func() {
		if r := recover(); r != nil {
			e.caught("reconsider", r)
			published = false
		}
	}()
	old := e.board.Load()
	if old == nil {
		return false
	}
	e.pending.Lock()
	budgets := e.pending.budgets
	e.pending.Unlock()
	out := &policy.Snapshot{At: old.At, Models: slices.Clone(old.Models)}
	proposals := make([]policy.Proposal, len(out.Models))
	var desk policy.Workspace // a tick may be at work at the engine's
	for i := range out.Models {
		v := &out.Models[i]
		if slices.Contains(ids, v.Model.ID) {
			v.Input = e.beside(v.Input)
			v.Proposal = e.rules.propose(&desk, &v.Model, &v.Learned, &v.Input, &v.Forecast)
		}
		proposals[i] = v.Proposal
	}
	out.Before, out.Plan = old.Plan, e.rules.allocate(&desk, budgets, &old.Plan, proposals)
	return e.board.replace(old, out)
}
