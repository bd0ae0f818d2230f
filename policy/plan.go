package policy

import (
	"sort"
	"time"

	"github.com/forewarm/forewarm/predictor"
)

// RuleID names the rule that made a step, in pipeline order.
type RuleID string

// WhyCode names a sentence; Args fill it. See Sentence.
type WhyCode string

// Step is one thing a rule said on the way to a decision: data, rendered as a
// sentence only when somebody reads it. Variant is empty for a step that
// concerns the whole model; From and To are replicas.
type Step struct {
	Rule    RuleID     `json:"rule"`
	Variant VariantID  `json:"variant"`
	From    float64    `json:"from"`
	To      float64    `json:"to"`
	Why     WhyCode    `json:"why"`
	Args    [4]float64 `json:"args"`
}

// Layer is one more replica of one variant and what it is worth. N counts from
// 1 within the variant. Value is the share of time-windows that would miss the
// SLO without it, 0..1; Floor layers (the configured minimum) come first.
type Layer struct {
	Variant int     `json:"variant"` // index into Proposal.Variants
	N       int     `json:"n"`
	Value   float64 `json:"value"`
	Floor   bool    `json:"floor"`
}

// VariantProposal is what a model wants of one variant before budgets.
type VariantProposal struct {
	ID       VariantID  `json:"id"`
	Now      int        `json:"now"` // replicas asked for in the cluster
	NowKnown bool       `json:"nowKnown"`
	Ready    int        `json:"ready"`
	Want     int        `json:"want"`
	Min      int        `json:"min"`
	Max      int        `json:"max"`
	GPUs     int        `json:"gpusPerReplica"`
	Product  string     `json:"product,omitempty"`
	Price    USDPerHour `json:"usdPerGPUHour"`
	Guessed  bool       `json:"guessed,omitempty"` // replicas are unknown and nothing seen asks for any
}

// Proposal is what one model wants. A held proposal wants what it has.
type Proposal struct {
	Model    ModelID           `json:"model"`
	At       time.Time         `json:"at"`
	Priority int               `json:"priority"`
	Variants []VariantProposal `json:"variants"`
	Layers   []Layer           `json:"layers"` // in the order they should be granted
	Active   bool              `json:"active"` // work, a backlog, a forecast need, or a load in progress
	Hold     bool              `json:"hold"`   // inputs do not allow a decision: keep what is there
	Steps    []Step            `json:"steps"`
}

// Decision is what one variant gets.
type Decision struct {
	ID       VariantID `json:"id"`
	Known    bool      `json:"known"`    // false: there is no answer, not even a held one
	Replicas int       `json:"replicas"` // meaningful only if Known
	Now      int       `json:"now"`      // replicas asked for in the cluster; meaningful only if NowKnown
	NowKnown bool      `json:"nowKnown"`
	Ready    int       `json:"ready"`
	Active   bool      `json:"active"`
	Hold     bool      `json:"hold"`
	Raised   time.Time `json:"raised"` // newest moment at which Replicas rose
	Good     time.Time `json:"good"`   // newest moment at which inputs allowed a decision
	Steps    []Step    `json:"steps"`  // the model's steps, then the budget's and the limits', in order
}

// Expired says whether a decision may no longer be served at a moment: it never
// had an answer, or its inputs last allowed one longer than ttl ago. An output
// then answers an error, on which HPA and KEDA hold. The decision itself keeps
// its count, so that people can still see what was held.
func (d Decision) Expired(at time.Time, ttl time.Duration) bool {
	return !d.Known || d.Good.IsZero() || at.Sub(d.Good) > ttl
}

// Wakes says that a variant seen at zero gets replicas. That can only raise, and rests on requests seen or on
// Idle.OnBlind, so it is good whatever its age.
func (d *Decision) Wakes() bool { return d.Known && d.Replicas > 0 && d.NowKnown && d.Now == 0 }

// Plan is what all variants get together, sorted by ID.
type Plan struct {
	At        time.Time  `json:"at"`
	Decisions []Decision `json:"decisions"`
	Untold    bool       `json:"-"` // made of the past, for nobody: nothing of it is on its way to the cluster
}

// Find returns the decision of one variant.
func (p Plan) Find(id VariantID) (Decision, bool) {
	i, ok := p.index(id)
	if !ok {
		return Decision{}, false
	}
	return p.Decisions[i], true
}

// index is where the decision of one variant stands.
func (p *Plan) index(id VariantID) (int, bool) {
	return sort.Find(len(p.Decisions), func(i int) int { return id.Compare(p.Decisions[i].ID) })
}

// ModelView is one model's part of a snapshot: from input to proposal.
type ModelView struct {
	Model    Model              `json:"model"`
	Input    Input              `json:"input"`
	Forecast predictor.Forecast `json:"forecast"`
	Learned  Learned            `json:"learned"`
	Proposal Proposal           `json:"proposal"`
}

// Snapshot is what the Board holds: one tick, whole and immutable. Every output
// of one request reads one Snapshot, so answers never disagree with each other.
type Snapshot struct {
	At     time.Time   `json:"at"`
	Plan   Plan        `json:"plan"`
	Before Plan        `json:"-"`      // the plan of the tick before, which Allocate had beside the proposals
	Models []ModelView `json:"models"` // sorted by ID
}
