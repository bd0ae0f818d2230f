package policy

import (
	"slices"
	"time"
)

// staying is what a replica that is already there is worth more than one that would
// have to be started, in units of Layer.Value: moving a GPU between models costs a
// warm-up, so it moves only for a clear gain, and small changes of what a layer is
// worth do not flip the plan.
const staying = 0.1

// Allocate grants what models want, within shared GPU budgets: floors first,
// then by priority, then by the worth of each layer, replicas that are already
// there before new ones, then by ID so that ties never flip. prev supplies the last
// decision where a variant's replicas are unknown.
// A variant that no budget covers gets what it wants.
func Allocate(budgets []Budget, prev Plan, ps []Proposal) Plan {
	var w Workspace
	return w.Allocate(budgets, &prev, ps)
}

// Allocate is Allocate with the workspace's memory.
func (w *Workspace) Allocate(budgets []Budget, prev *Plan, ps []Proposal) Plan {
	if !ordered(len(ps), func(i int) int { return ps[i-1].Model.Compare(ps[i].Model) }) {
		ps = slices.Clone(ps)
		slices.SortStableFunc(ps, func(a, b Proposal) int { return a.Model.Compare(b.Model) })
	}
	w.granted = grant(budgets, ps, w.granted[:0])
	w.left = append(w.left[:0], budgets...)
	unused(w.left, ps, w.granted)
	plan := Plan{Decisions: w.decisions.take(len(w.granted))}
	k := 0
	for i := range ps {
		p := &ps[i]
		if p.At.After(plan.At) {
			plan.At = p.At
		}
		for j := range p.Variants {
			v, n := &p.Variants[j], w.granted[k]
			d := &plan.Decisions[k]
			w.decide(d, p, v, n, n+room(w.left, v, v.Max-n), prev.last(k, v.ID), prev.Untold)
			take(w.left, v, d.Replicas-n)
			k++
		}
	}
	ds := plan.Decisions
	if !ordered(len(ds), func(i int) int { return ds[i-1].ID.Compare(ds[i].ID) }) {
		slices.SortStableFunc(ds, func(a, b Decision) int { return a.ID.Compare(b.ID) })
	}
	return plan
}

// ordered says whether n things ascend; compare says how each, but the first, compares with the one before it.
func ordered(n int, compare func(i int) int) bool {
	for i := 1; i < n; i++ {
		if compare(i) > 0 {
			return false
		}
	}
	return true
}

// last is the decision of one variant, to be read; the zero decision, which is not known, if there is none. It is
// looked for first where it stands if the plans are of the same variants.
func (p *Plan) last(likely int, id VariantID) *Decision {
	if likely < len(p.Decisions) && p.Decisions[likely].ID == id {
		return &p.Decisions[likely]
	}
	if i, ok := p.index(id); ok {
		return &p.Decisions[i]
	}
	return &noDecision
}

var noDecision Decision // never written to

// claim is one layer of one proposal waiting for GPUs.
type claim struct {
	at       int // place of its variant among all variants
	proposal int
	variant  int
	seq      int // place of its layer in the proposal
	priority int
	value    float64 // of the layer, with staying
	floor    bool
}

// grant hands out layers and returns replicas per variant, in the proposals' order.
// Only the budgets that cannot carry all that is wanted of them matter.
func grant(budgets []Budget, ps []Proposal, granted []int) []int {
	for i := range ps {
		for j := range ps[i].Variants {
			granted = append(granted, ps[i].Variants[j].Want)
		}
	}
	if tight := binding(budgets, ps); len(tight) > 0 {
		ration(tight, ps, granted)
	}
	return granted
}

// binding are the budgets that cannot carry all that is wanted of them.
func binding(budgets []Budget, ps []Proposal) []Budget {
	var out []Budget
	for _, b := range budgets {
		wanted := 0
		for i := range ps {
			for j := range ps[i].Variants {
				if v := &ps[i].Variants[j]; b.covers(v) {
					wanted += v.Want * v.GPUs
				}
			}
		}
		if wanted > b.Limit {
			out = append(out, b)
		}
	}
	return out
}

// ration shares binding budgets, layer by layer. A variant whose layer was refused
// gets none of its later ones: they are worth less.
func ration(budgets []Budget, ps []Proposal, granted []int) {
	left := slices.Clone(budgets)
	queue := claims(budgets, ps)
	denied := make([]bool, len(granted))
	for _, c := range queue {
		granted[c.at] = 0
	}
	for _, c := range queue {
		v := &ps[c.proposal].Variants[c.variant]
		if denied[c.at] || room(left, v, 1) == 0 {
			denied[c.at] = true
			continue
		}
		take(left, v, 1)
		granted[c.at]++
	}
}

// claims lists the layers that budgets cover in the order in which they are granted.
func claims(budgets []Budget, ps []Proposal) []claim {
	n := 0
	for i := range ps {
		n += len(ps[i].Layers)
	}
	out := make([]claim, 0, n)
	first := 0
	for k := range ps {
		p := &ps[k]
		for seq, l := range p.Layers {
			v := &p.Variants[l.Variant]
			if !anyCovers(budgets, v) {
				continue
			}
			c := claim{first + l.Variant, k, l.Variant, seq, p.Priority, l.Value, l.Floor}
			if v.NowKnown && l.N <= v.Now {
				c.value += staying
			}
			out = append(out, c)
		}
		first += len(p.Variants)
	}
	slices.SortFunc(out, func(a, b claim) int {
		switch {
		case a.floor != b.floor:
			return before(a.floor)
		case a.priority != b.priority:
			return before(a.priority > b.priority)
		case a.value != b.value:
			return before(a.value > b.value)
		case a.proposal != b.proposal:
			return a.proposal - b.proposal
		}
		return a.seq - b.seq
	})
	return out
}

// unused takes off the budgets what was granted of them.
func unused(left []Budget, ps []Proposal, granted []int) {
	if len(left) == 0 {
		return
	}
	at := 0
	for i := range ps {
		for j := range ps[i].Variants {
			take(left, &ps[i].Variants[j], granted[at])
			at++
		}
	}
}

// take uses up n replicas' GPUs of every budget that covers a variant.
func take(left []Budget, v *VariantProposal, n int) {
	for b := range left {
		if left[b].covers(v) {
			left[b].Limit -= n * v.GPUs
		}
	}
}

// room is how many of n more replicas of a variant the budgets can carry.
func room(left []Budget, v *VariantProposal, n int) int {
	for i := range left {
		if b := &left[i]; b.covers(v) {
			n = min(n, b.Limit/v.GPUs)
		}
	}
	return max(n, 0)
}

func before(first bool) int {
	if first {
		return -1
	}
	return 1
}

func anyCovers(budgets []Budget, v *VariantProposal) bool {
	for b := range budgets {
		if budgets[b].covers(v) {
			return true
		}
	}
	return false
}

func (b *Budget) covers(v *VariantProposal) bool {
	return v.GPUs > 0 && (b.Product == "" || b.Product == v.Product)
}

// decide turns a grant into a decision. Held or unknown inputs never lower: what
// is there and the last decision are kept where they are higher, up to the
// configured maximum, and where neither is known there is no answer. A raise that is
// on its way is kept up to upTo, which is what nobody else was granted.
func (w *Workspace) decide(d *Decision, p *Proposal, v *VariantProposal, granted, upTo int, last *Decision, untold bool) {
	*d = Decision{
		ID: v.ID, Known: true, Replicas: granted, Now: v.Now, NowKnown: v.NowKnown, Ready: v.Ready,
		Active: p.Active, Hold: p.Hold, Raised: last.Raised, Good: p.At, Steps: w.stepsOf(p, v.ID),
	}
	if granted < v.Want {
		d.step(RuleBudget, "budget", v.Want, granted, [4]float64{float64(v.GPUs), float64(p.Priority)})
	} else if asked := min(last.Replicas, v.Max, upTo); asked > granted && !untold && unseen(last, v, p.At) {
		d.step(RuleLimits, "keep-asked", d.Replicas, asked, [4]float64{p.At.Sub(last.Raised).Seconds()})
		d.Replicas = asked
	}
	if p.Hold {
		d.keep(last, p, v, upTo)
	}
	if d.Replicas > last.Replicas {
		d.Raised = p.At
	}
}

// unseen says that a raise may still be on its way to the cluster: it was asked
// for within controlDelay, and the cluster does not show it yet. Taking it back
// then would undo what nobody has seen the effect of.
func unseen(last *Decision, v *VariantProposal, at time.Time) bool {
	return last.Known && v.NowKnown && v.Now < last.Replicas &&
		!last.Raised.IsZero() && at.Sub(last.Raised) < controlDelay
}

// keep holds a decision whose inputs do not allow lowering. What is there stays, whatever
// a budget says; what was only asked for stays as far as nobody else was granted it.
func (d *Decision) keep(last *Decision, p *Proposal, v *VariantProposal, upTo int) {
	if v.NowKnown && d.Replicas < min(v.Now, v.Max) { // a budget takes nothing away in the dark
		d.step(RuleHold, "hold-granted", d.Replicas, min(v.Now, v.Max), [4]float64{})
		d.Replicas = min(v.Now, v.Max)
	}
	d.Good = last.Good
	asleep := v.Guessed && last.Replicas == 0
	keep := min(last.Replicas, v.Max)
	if v.NowKnown {
		keep = min(keep, max(v.Now, upTo))
	}
	switch {
	case last.Known && (asleep || keep > d.Replicas):
		d.step(RuleHold, "hold-last", d.Replicas, keep, [4]float64{age(p.At, last.Good)})
		d.Replicas = keep
	case !v.NowKnown && !last.Known:
		d.Known = false
		d.step(RuleHold, "no-answer", 0, 0, [4]float64{})
	}
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
func (w *Workspace) stepsOf(p *Proposal, id VariantID) []Step {
	if len(p.Variants) == 1 {
		return slices.Clip(p.Steps)
	}
	w.own = w.own[:0]
	for i := range p.Steps {
		if s := &p.Steps[i]; s.Variant.Variant == "" || s.Variant == id {
			w.own = append(w.own, *s)
		}
	}
	return w.steps.keep(w.own)
}
