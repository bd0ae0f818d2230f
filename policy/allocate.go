package policy

import (
	"sort"
	"time"
)

// Allocate grants what models want, within shared GPU budgets: floors first,
// then by priority, then by the worth of each layer, replicas that are already
// there before new ones, then by ID so that ties never flip. Proposals are sorted by
// model; prev supplies the last decision where a variant's replicas are unknown.
// A variant that no budget covers gets what it wants.
func Allocate(budgets []Budget, prev Plan, ps []Proposal) Plan {
	ps = append([]Proposal(nil), ps...)
	sort.SliceStable(ps, func(i, j int) bool { return ps[i].Model.Compare(ps[j].Model) < 0 })
	granted := grant(budgets, ps)
	plan := Plan{}
	for k, p := range ps {
		if p.At.After(plan.At) {
			plan.At = p.At
		}
		for i, v := range p.Variants {
			plan.Decisions = append(plan.Decisions, decide(p, v, granted[k][i], prev))
		}
	}
	sort.SliceStable(plan.Decisions, func(i, j int) bool {
		a, b := plan.Decisions[i].ID, plan.Decisions[j].ID
		if c := a.Model.Compare(b.Model); c != 0 {
			return c < 0
		}
		return a.Variant < b.Variant
	})
	return plan
}

// claim is one layer of one proposal waiting for GPUs.
type claim struct {
	proposal, variant, seq int
	layer                  Layer
	priority               int
	there                  bool
}

// grant hands out layers and returns replicas per proposal and variant.
func grant(budgets []Budget, ps []Proposal) [][]int {
	left := make([]int, len(budgets))
	for b := range budgets {
		left[b] = budgets[b].Limit
	}
	granted := make([][]int, len(ps))
	denied := make([][]bool, len(ps))
	for k, p := range ps {
		granted[k], denied[k] = make([]int, len(p.Variants)), make([]bool, len(p.Variants))
	}
	for _, c := range claims(ps) {
		v := ps[c.proposal].Variants[c.variant]
		if denied[c.proposal][c.variant] || !fits(budgets, left, v) {
			denied[c.proposal][c.variant] = true
			continue
		}
		for b := range budgets {
			if budgets[b].covers(v) {
				left[b] -= v.GPUs
			}
		}
		granted[c.proposal][c.variant]++
	}
	return granted
}

// claims lists all layers in the order in which they are granted.
func claims(ps []Proposal) []claim {
	var out []claim
	for k, p := range ps {
		for seq, l := range p.Layers {
			v := p.Variants[l.Variant]
			out = append(out, claim{k, l.Variant, seq, l, p.Priority, v.NowKnown && l.N <= v.Now})
		}
	}
	sort.SliceStable(out, func(i, j int) bool {
		a, b := out[i], out[j]
		switch {
		case a.layer.Floor != b.layer.Floor:
			return a.layer.Floor
		case a.priority != b.priority:
			return a.priority > b.priority
		case a.layer.Value != b.layer.Value:
			return a.layer.Value > b.layer.Value
		case a.there != b.there:
			return a.there
		case a.proposal != b.proposal:
			return a.proposal < b.proposal
		}
		return a.seq < b.seq
	})
	return out
}

func (b Budget) covers(v VariantProposal) bool {
	return v.GPUs > 0 && (b.Product == "" || b.Product == v.Product)
}

func fits(budgets []Budget, left []int, v VariantProposal) bool {
	for b := range budgets {
		if budgets[b].covers(v) && left[b] < v.GPUs {
			return false
		}
	}
	return true
}

// decide turns a grant into a decision. Held or unknown inputs never lower: what
// is there and the last decision are kept where they are higher, up to the
// configured maximum, and where neither is known there is no answer.
func decide(p Proposal, v VariantProposal, granted int, prev Plan) Decision {
	d := Decision{
		ID: v.ID, Known: true, Replicas: granted, Now: v.Now, NowKnown: v.NowKnown, Ready: v.Ready,
		Active: p.Active, Hold: p.Hold, Good: p.At, Steps: stepsOf(p, v.ID),
	}
	if granted < v.Want {
		d.step(RuleBudget, "budget", v.Want, granted, [4]float64{float64(v.GPUs), float64(p.Priority)})
	}
	if !p.Hold {
		return d
	}
	if v.NowKnown && d.Replicas < min(v.Now, v.Max) { // a budget takes nothing away in the dark
		d.step(RuleHold, "hold-granted", d.Replicas, min(v.Now, v.Max), [4]float64{})
		d.Replicas = min(v.Now, v.Max)
	}
	last, _ := prev.Find(v.ID) // the zero decision is not known
	d.Good = last.Good
	switch {
	case last.Known && min(last.Replicas, v.Max) > d.Replicas:
		keep := min(last.Replicas, v.Max)
		d.step(RuleHold, "hold-last", d.Replicas, keep, [4]float64{age(p.At, last.Good)})
		d.Replicas = keep
	case !v.NowKnown && !last.Known:
		d.Known = false
		d.step(RuleHold, "no-answer", 0, 0, [4]float64{})
	}
	return d
}

func (d *Decision) step(rule RuleID, why WhyCode, from, to int, args [4]float64) {
	d.Steps = append(d.Steps, Step{Rule: rule, Variant: d.ID, From: float64(from), To: float64(to), Why: why, Args: args})
}

// age is how long ago a moment was, in seconds; 0 if it never was.
func age(now, then time.Time) float64 {
	if then.IsZero() {
		return 0
	}
	return now.Sub(then).Seconds()
}

// stepsOf are the steps of one variant: the model's and its own.
func stepsOf(p Proposal, id VariantID) []Step {
	var out []Step
	for _, s := range p.Steps {
		if s.Variant == id || s.Variant.Variant == "" {
			out = append(out, s)
		}
	}
	return out
}
