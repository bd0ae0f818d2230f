package engine

import (
	"time"

	"github.com/forewarm/forewarm/policy"
)

// press is where snapshots are made. If they are fleeting, two take turns in the same memory: the newest, and the one
// before it, whose plan and learned state the newest is made from.
type press struct {
	desks     [2]policy.Workspace
	snapshots [2]policy.Snapshot
	turn      int
	proposals []policy.Proposal
}

// next is an empty snapshot, and the workspace to make it with.
func (p *press) next(at time.Time, models int, fleeting bool) (*policy.Snapshot, *policy.Workspace) {
	if !fleeting {
		return &policy.Snapshot{At: at, Models: make([]policy.ModelView, models)}, &p.desks[0]
	}
	p.turn = 1 - p.turn
	desk, out := &p.desks[p.turn], &p.snapshots[p.turn]
	desk.Reclaim()
	if len(out.Models) != models {
		out.Models = make([]policy.ModelView, models)
	}
	out.At = at
	return out, desk
}

// inputs are what a source knew at a moment, read along models in the order of their IDs.
type inputs struct {
	all  []policy.Input
	next int
}

// of writes the input of the next model, completed.
func (s *inputs) of(m *policy.Model, at time.Time, out *policy.Input) {
	for s.next < len(s.all) && s.all[s.next].Model.Compare(m.ID) < 0 {
		s.next++
	}
	if s.next < len(s.all) && s.all[s.next].Model == m.ID {
		*out = s.all[s.next]
	} else {
		*out = unseen(m, at)
	}
	complete(m, out)
}
