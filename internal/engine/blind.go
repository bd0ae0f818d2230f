package engine

import (
	"fmt"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// Fault codes and rules that only the engine gives.
const (
	FaultLoad  = "source-unreachable" // nothing could be loaded
	FaultInput = "model-unseen"       // the source has no input for a configured model
	FaultPanic = "policy-panic"       // a rule panicked: our defect

	RuleEngine policy.RuleID = "engine"
)

// blind makes a snapshot without data: every model holds, ages grow, and the
// fold does not advance.
func (e *Engine) blind(at time.Time, cause error) *policy.Snapshot {
	out := &policy.Snapshot{At: at, Models: make([]policy.ModelView, len(e.models))}
	var desk policy.Workspace // what stands from the last moment is of the engine's
	for i := range e.models {
		out.Models[i] = e.blindView(&desk, e.seats[i], &e.models[i], at, cause)
	}
	out.Before, out.Plan = e.plan, e.allocate(&desk, at, out.Models)
	return out
}

func (e *Engine) blindView(desk *policy.Workspace, s *state, m *policy.Model, at time.Time, cause error) (v policy.ModelView) {
	in := aged(m, &s.input, at)
	complete(m, &in)
	in.Faults = append(in.Faults, []policy.Fault{{
		Code: FaultLoad,
		Text: fmt.Sprintf("no signals could be read (%v); decisions are held", cause),
	}}...)
	v = policy.ModelView{Model: *m, Input: in, Learned: s.learned, Forecast: s.forecast.Shifted(s.history.Rate(), s.history.Top())}
	defer func() {
		if r := recover(); r != nil {
			e.caught(m.ID.String(), r)
			v.Proposal = faulted(m, &in)
		}
	}()
	in = e.beside(in)
	v.Input = in
	v.Proposal = e.rules.propose(desk, m, &s.learned, &in, &v.Forecast)
	return v
}

// aged is the last input with every value gone unknown and every age grown.
func aged(m *policy.Model, last *policy.Input, at time.Time) policy.Input {
	if last.Now.IsZero() {
		return unknown(m, at)
	}
	by := max(at.Sub(last.Now), 0)
	old := func(r policy.Reading) policy.Reading { return policy.Reading{Age: r.Age + by} }
	in := unknown(m, at)
	was := last.Signals
	in.Signals.GatewayQueue, in.Signals.Arrivals = old(was.GatewayQueue), old(was.Arrivals)
	in.Signals.Refused = old(was.Refused)
	in.Signals.TTFTP95, in.Signals.ITLP95 = old(was.TTFTP95), old(was.ITLP95)
	for _, p := range was.Pods {
		in.Signals.Pods = append(in.Signals.Pods, policy.Pod{
			Name: p.Name, Variant: p.Variant,
			Pending: old(p.Pending), Running: old(p.Running), KV: old(p.KV), Completions: old(p.Completions),
			PromptTokens: old(p.PromptTokens), OutputTokens: old(p.OutputTokens),
			CachedTokens: old(p.CachedTokens),
		})
	}
	for _, s := range last.Supply {
		in.Supply = append(in.Supply, policy.Supply{Variant: s.Variant, Age: s.Age + by})
	}
	return in
}

func unknown(m *policy.Model, at time.Time) policy.Input {
	return policy.Input{Model: m.ID, Now: at, Signals: policy.Signals{Partial: true}}
}

// unseen is the input of a configured model that the source says nothing of.
func unseen(m *policy.Model, at time.Time) policy.Input {
	in := unknown(m, at)
	in.Faults = []policy.Fault{{
		Code: FaultInput, Object: m.ID.String(),
		Text: "the source has no input for this model; check its binding (engine, modelName, namespace)",
	}}
	return in
}

// complete gives the input exactly one Supply per variant, in the model's
// order; what is missing is unknown.
func complete(m *policy.Model, in *policy.Input) {
	if isComplete(m, in) {
		return
	}
	supply := make([]policy.Supply, len(m.Variants))
	for i := range m.Variants {
		name := m.Variants[i].Name
		supply[i] = policy.Supply{Variant: name}
		for _, s := range in.Supply {
			if s.Variant == name {
				supply[i] = s
				break
			}
		}
	}
	in.Supply = supply
}

func isComplete(m *policy.Model, in *policy.Input) bool {
	if len(in.Supply) != len(m.Variants) {
		return false
	}
	for i := range in.Supply {
		if in.Supply[i].Variant != m.Variants[i].Name {
			return false
		}
	}
	return true
}

func panicFault(id policy.ModelID, r any) policy.Fault {
	return policy.Fault{
		Code: FaultPanic, Object: id.String(),
		Text: fmt.Sprintf("a rule panicked (%v); the model holds: please report this with the log", r),
	}
}

// faulted holds a model whose policy panicked.
func faulted(m *policy.Model, in *policy.Input) policy.Proposal {
	p := policy.Proposal{Model: m.ID, At: in.Now, Priority: m.Priority, Hold: true, Active: true}
	for i, v := range m.Variants {
		s := in.Supply[i]
		vp := policy.VariantProposal{
			ID:  policy.VariantID{Model: m.ID, Variant: v.Name},
			Min: v.Min, Max: v.Max, GPUs: v.GPUs, Product: v.Product, Price: v.PricePerGPU,
		}
		if s.Known {
			vp.Now, vp.NowKnown, vp.Ready, vp.Want = s.Spec, true, s.Ready, s.Spec
		}
		p.Variants = append(p.Variants, vp)
		for n := 1; n <= vp.Want; n++ { // what is there is a floor: a defect of ours lowers nothing
			p.Layers = append(p.Layers, policy.Layer{Variant: i, N: n, Value: 1, Floor: true})
		}
	}
	p.Steps = []policy.Step{{Rule: RuleEngine, Why: FaultPanic}}
	return p
}
