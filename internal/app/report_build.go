package app

import (
	"math"
	"time"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/engine"
	"github.com/forewarm/forewarm/policy"
)

// reportQuantile is the quantile shown as the forecast; the one that the
// look-ahead rule orders for.
const reportQuantile = 0.95

// reportOf renders a snapshot. The registry gives what the policy has no use
// for: engine, target, assumptions.
func reportOf(s *policy.Snapshot, reg *config.Registry) Report {
	r := Report{
		APIVersion: ReportVersion, Kind: ReportKind, At: s.At,
		Sources: []SourceRef{}, Models: []ModelReport{}, Assumptions: []string{}, Faults: []Fault{},
	}
	for _, v := range s.Models {
		e, _ := reg.Find(v.Model.ID)
		r.Models = append(r.Models, modelReport(v, s.Plan, e))
	}
	r.Totals = totalsOf(r.Models)
	return r
}

func modelReport(v policy.ModelView, plan policy.Plan, c config.Entry) ModelReport {
	s := v.Input.Signals
	m := ModelReport{
		Namespace: v.Model.ID.Namespace, Name: v.Model.ID.Name,
		Engine: c.Engine, ModelName: c.ModelName, Source: c.Source,
		SLO: SLOReport{
			TTFTP95: v.Model.SLO.TTFTP95.Seconds(), ITLP95: positive(v.Model.SLO.ITLP95.Seconds()),
			Attainment: v.Model.SLO.Attainment,
		},
		Work: workReport(v), ArrivalSource: string(s.ArrivalSource), Forecast: forecastReport(v),
		Signals: signalReports(s), TTFTP95: known(s.TTFTP95), ITLP95: known(s.ITLP95),
		Pending: pendingOf(s), Partial: s.Partial, AgeSeconds: ageOf(s.Arrivals),
		Active: v.Proposal.Active, Hold: v.Proposal.Hold,
		Variants: []VariantReport{}, Steps: []StepReport{},
		Assumptions: assumptions(v, c), Faults: faultReports(realFaults(v.Input.Faults)),
	}
	m.Running, _ = sumOf(s.Pods, func(p policy.Pod) policy.Reading { return p.Running })
	if kv, n := sumOf(s.Pods, func(p policy.Pod) policy.Reading { return p.KV }); kv != nil {
		m.KV = ref(*kv / float64(n))
	}
	for _, st := range v.Proposal.Steps {
		m.Steps = append(m.Steps, stepReport(st))
	}
	for i := range v.Model.Variants {
		d, _ := plan.Find(policy.VariantID{Model: v.Model.ID, Variant: v.Model.Variants[i].Name})
		m.Variants = append(m.Variants, variantReport(v, i, d, c))
		m.Steps = append(m.Steps, allocated(v, d)...)
	}
	return m
}

// allocated are the steps that Allocate added to the model's own.
func allocated(v policy.ModelView, d policy.Decision) []StepReport {
	own := 0
	for _, s := range v.Proposal.Steps {
		if s.Variant == d.ID || s.Variant.Variant == "" {
			own++
		}
	}
	var out []StepReport
	for i := own; i < len(d.Steps); i++ {
		out = append(out, stepReport(d.Steps[i]))
	}
	return out
}

func variantReport(v policy.ModelView, i int, d policy.Decision, c config.Entry) VariantReport {
	pv := v.Model.Variants[i]
	out := VariantReport{
		Name: pv.Name, Why: reasonOf(d), GPUs: pv.GPUs, Product: pv.Product,
		CapacityType: string(pv.CapacityType), Capacity: capacityReport(v, i),
		WarmUp: policy.WarmUp(v.Model, v.Learned, v.Input, i).Seconds(),
	}
	if i < len(c.Targets) {
		out.Target = TargetRef{APIVersion: c.Targets[i].APIVersion, Kind: c.Targets[i].Kind, Name: c.Targets[i].Name}
	}
	if s := v.Input.Supply[i]; s.Known {
		out.Now, out.Ready, out.Starting = ref(s.Spec), ref(s.Ready), ref(s.Starting)
		out.Starved = ref(policy.Starved(v.Learned, v.Input, i))
	}
	out.State = stateOf(d, out.Starved)
	if d.Known {
		out.Recommended = ref(d.Replicas)
	}
	if !d.Good.IsZero() {
		out.Good = ref(d.Good)
	}
	perReplica := float64(pv.GPUs) * 24
	out.GPUHours = perDay(out.Now, out.Recommended, perReplica)
	if pv.PricePerGPU > 0 {
		out.USD = perDay(out.Now, out.Recommended, perReplica*float64(pv.PricePerGPU))
	}
	return out
}

func stateOf(d policy.Decision, starved *int) VariantState {
	switch {
	case !d.Known:
		return StateNoAnswer
	case d.Hold:
		return StateHold
	case starved != nil && *starved > 0:
		return StateStarved
	}
	return StateOK
}

// reasonOf is the sentence that says most about a decision.
func reasonOf(d policy.Decision) string {
	if s, ok := policy.Reason(d); ok {
		return sentence(causeOf(d, s))
	}
	if !d.Known {
		return "There is no data to decide on."
	}
	return "The present replicas fit the work and the forecast."
}

// causeOf is the backlog behind a step that grows: the step itself only says how
// much has to be carried. The second argument of a backlog is what will still
// wait when help is warm.
func causeOf(d policy.Decision, reason policy.Step) policy.Step {
	if reason.Rule != policy.RuleGrow {
		return reason
	}
	for _, s := range d.Steps {
		if s.Rule == policy.RuleBacklog && s.Args[1] > 0 {
			return s
		}
	}
	return reason
}

// sentence renders a step; those of the engine are not the policy's to know.
func sentence(s policy.Step) string {
	if s.Why == engine.FaultPanic {
		return "A rule panicked, so the model keeps what it has; this is a defect of Forewarm."
	}
	return policy.Sentence(s)
}

func capacityReport(v policy.ModelView, i int) CapacityReport {
	c, source := policy.PlanCapacity(v.Model, v.Learned, i)
	return CapacityReport{
		Source: string(source), Requests: positive(c.Requests),
		PromptTokens: positive(c.PromptTokens), OutputTokens: positive(c.OutputTokens),
	}
}

func workReport(v policy.ModelView) WorkReport {
	a := v.Input.Signals.Arrivals
	if !a.Known {
		return WorkReport{}
	}
	out := WorkReport{Requests: ref(a.Value)}
	if per := policy.WorkPerRequest(v.Learned); per.OutputTokens > 0 {
		out.PromptTokens, out.OutputTokens = ref(a.Value*per.PromptTokens), ref(a.Value*per.OutputTokens)
	}
	return out
}

func forecastReport(v policy.ModelView) *ForecastReport {
	f := v.Forecast
	if !f.Known() {
		return nil
	}
	lead := policy.Lead(v.Model, v.Learned, v.Input)
	g := f.Grid()
	out := &ForecastReport{
		At: g.At, Horizon: lead.Seconds(), Level: g.Level, Peak: f.Max(lead, reportQuantile),
		Evidence: g.Residuals, Overshoot: g.Overshoot, Quantiles: g.Quantiles,
	}
	n := len(g.Quantiles)
	for i, h := range g.Horizons {
		out.Rows = append(out.Rows, ForecastRow{Horizon: h.Seconds(), Max: g.Values[i*n : (i+1)*n]})
	}
	return out
}

func totalsOf(models []ModelReport) Totals {
	var t Totals
	for _, m := range models {
		for _, v := range m.Variants {
			t.Variants++
			t.WithGPUHours += t.GPUHours.add(v.GPUHours)
			t.WithUSD += t.USD.add(v.USD)
		}
	}
	return t
}

// add sums a figure that is known on both sides and says whether it was.
func (n *NowAndRec) add(o NowAndRec) int {
	if o.Now == nil || o.Recommended == nil {
		return 0
	}
	if n.Now == nil {
		n.Now, n.Recommended = ref(0.0), ref(0.0)
	}
	*n.Now += *o.Now
	*n.Recommended += *o.Recommended
	return 1
}

func perDay(now, rec *int, each float64) NowAndRec {
	var out NowAndRec
	if now != nil {
		out.Now = ref(float64(*now) * each)
	}
	if rec != nil {
		out.Recommended = ref(float64(*rec) * each)
	}
	return out
}

func stepReport(s policy.Step) StepReport {
	return StepReport{
		Rule: string(s.Rule), Variant: s.Variant.Variant, From: s.From, To: s.To,
		Why: string(s.Why), Text: sentence(s),
	}
}

func faultReports(fs []policy.Fault) []Fault {
	out := []Fault{}
	for _, f := range fs {
		out = append(out, Fault(f))
	}
	return out
}

func ref[T any](v T) *T { return &v }

// positive is nil for what is not set.
func positive(v float64) *float64 {
	if v <= 0 || math.IsNaN(v) {
		return nil
	}
	return &v
}

func seconds(d time.Duration) *float64 { return ref(d.Seconds()) }
