package policy

import (
	"slices"
	"time"

	"github.com/forewarm/forewarm/predictor"
)

// The identity of a decision record.
const (
	RecordVersion = "forewarm.dev/v1alpha1"
	RecordKind    = "DecisionRecord"
)

// Record is one model's decision with everything that it was made from, so that
// it can be made again: what was known, learned and forecast, the last decision,
// and what the budgets left. What was decided follows.
type Record struct {
	APIVersion string             `json:"apiVersion"`
	Kind       string             `json:"kind"`
	At         time.Time          `json:"at"`
	Model      Model              `json:"model"`
	Learned    Learned            `json:"learned"`
	Input      Input              `json:"input"`
	Forecast   predictor.Forecast `json:"forecast"`
	Before     []Decision         `json:"before"`  // the last decisions, without their steps
	Granted    []int              `json:"granted"` // replicas that the budgets left, in the order of the variants
	UpTo       []int              `json:"upTo"`    // what they left for a raise that is on its way, likewise
	Proposal   Proposal           `json:"proposal"`
	Decisions  []Decision         `json:"decisions"` // in the order of the variants
}

// RecordOf is the record of one model of a snapshot; false if it is not there.
func RecordOf(s *Snapshot, id ModelID) (Record, bool) {
	i, ok := slices.BinarySearchFunc(s.Models, id, func(v ModelView, id ModelID) int { return v.Model.ID.Compare(id) })
	if !ok {
		return Record{}, false
	}
	v := s.Models[i]
	r := Record{
		APIVersion: RecordVersion, Kind: RecordKind, At: s.At, Model: v.Model, Learned: v.Learned, Input: v.Input,
		Forecast: v.Forecast, Proposal: v.Proposal,
	}
	for _, p := range v.Proposal.Variants {
		if last, ok := s.Before.Find(p.ID); ok {
			last.Steps = nil
			r.Before = append(r.Before, last)
		}
		d, _ := s.Plan.Find(p.ID)
		granted := stepTo(d, "budget", p.Want)
		r.Granted = append(r.Granted, granted)
		r.UpTo = append(r.UpTo, stepTo(d, "hold-last", stepTo(d, "keep-asked", granted)))
		r.Decisions = append(r.Decisions, d)
	}
	slices.SortFunc(r.Before, func(a, b Decision) int { return a.ID.Compare(b.ID) })
	return r, true
}

// stepTo is where a decision's own step led, otherwise what holds without it.
func stepTo(d Decision, why WhyCode, otherwise int) int {
	for _, s := range d.Steps {
		if s.Why == why && s.Variant == d.ID {
			return int(s.To)
		}
	}
	return otherwise
}

// Replay makes the decision again from what the record holds of its inputs.
func (r Record) Replay() Record {
	r.Proposal = Propose(r.Model, r.Learned, r.Input, r.Forecast)
	r.Decisions = nil
	var w Workspace
	before := Plan{Decisions: r.Before}
	for i := range r.Proposal.Variants {
		v := &r.Proposal.Variants[i]
		granted, upTo := v.Want, v.Max
		if i < len(r.Granted) {
			granted = min(granted, r.Granted[i])
		}
		if i < len(r.UpTo) {
			upTo = r.UpTo[i]
		}
		var d Decision
		w.decide(&d, &r.Proposal, v, granted, upTo, before.last(i, v.ID), false)
		r.Decisions = append(r.Decisions, d)
	}
	return r
}
