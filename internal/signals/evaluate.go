package signals

import (
	"strconv"
	"strings"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// Evaluator turns the raw samples of a Window into what policy reads. It is pure:
// the same window and moment give the same answer. See NewEvaluator.
type Evaluator struct {
	Options Options
	// Custom are presets beyond the built-in ones, by name.
	Custom map[string]Preset
	// Head is the moment up to which the window was loaded; a sample stamped later
	// than that plus FutureSkew cannot be true. Zero = the moment asked for. When
	// replaying history it is the end of the history, not the moment replayed.
	Head time.Time

	index *seriesIndex // nil = every call scans
}

// NewEvaluator returns an evaluator that keeps an index of the windows it reads,
// so that many models cost one scan. Copies share it; not safe for concurrent use.
func NewEvaluator(opt Options) Evaluator {
	return Evaluator{Options: opt, index: newSeriesIndex()}
}

// Quantity is one signal of one pod or gateway with the reason for its value.
type Quantity struct {
	policy.Reading
	State   policy.State
	Series  string // the name that gave it, or was expected to
	Partial bool   // something of it is missing: a lower bound

	row   *Metric // the row that gave it
	short bool    // the series is there, but too young for a rate
}

// offered says whether the preset has the signal at all.
func (q Quantity) offered() bool { return q.State != "" }

// PodEvaluation is what one pod reports, signal by signal.
type PodEvaluation struct {
	Name    string
	Signals map[Signal]Quantity
}

// Evaluation is all that the samples of one model say at one moment.
type Evaluation struct {
	Signals policy.Signals
	Pods    []PodEvaluation     // sorted by name, as Signals.Pods
	Gateway map[Signal]Quantity // empty without a gateway
	Faults  []policy.Fault      // sorted by code and signal
}

// Signals evaluates one binding at a moment. TTFT and ITL are left unknown: they
// come from histograms through PromQL. Pods' Variant is left empty: the join to
// variants is the fleet's. expectedPods are the pods that should report; nil means
// not known, which differs from none.
func (e Evaluator) Signals(
	b Binding, w *Window, at time.Time, expectedPods []string,
) (policy.Signals, []policy.Fault) {
	out := e.Evaluate(b, w, at, expectedPods)
	return out.Signals, out.Faults
}

// Evaluate is Signals with the reason for each value.
func (e Evaluator) Evaluate(b Binding, w *Window, at time.Time, expectedPods []string) Evaluation {
	faults := newFaultSet()
	out := Evaluation{Gateway: map[Signal]Quantity{}}
	v, ok := e.engineView(b, w, at, faults)
	if !ok {
		out.Signals.Partial = true
		out.Faults = faults.list()
		return out
	}
	fleet := v.fleet(expectedPods)
	out.Pods = fleet.pods
	out.Signals.Pods = fleet.policyPods()
	out.Signals.Partial = fleet.partial
	arrivals := gatewayArrivals{}
	if b.Gateway != nil {
		out.Gateway, arrivals = v.gateway(*b.Gateway, fleet)
		out.Signals.GatewayQueue, out.Signals.Refused = out.Gateway[Queue].Reading, refusals(out.Gateway)
		out.Signals.Partial = out.Signals.Partial || arrivals.partial
	}
	v.settleArrivals(&out.Signals, fleet, arrivals)
	out.Faults = faults.list()
	return out
}

// engineView binds the engine's preset; false if there is none to read by.
func (e Evaluator) engineView(b Binding, w *Window, at time.Time, faults *faultSet) (*view, bool) {
	p, ok := e.lookup(b.Engine)
	switch {
	case !ok || p.Gateway:
		note := "known engines: " + strings.Join(Names(false), ", ")
		if near := Nearest(b.Engine, Names(false)); near != "" {
			note = "did you mean " + near + "?"
		}
		faults.add(FaultEngineUnknown, "", quoted(b.Engine), note)
		return nil, false
	case p.NeedsScope && len(b.Matchers) == 0:
		faults.add(FaultScopeMissing, "", p.Name, "")
		return nil, false
	}
	return &view{e: &e, b: b, p: p, w: w, at: at, opt: e.Options, faults: faults}, true
}

func (e Evaluator) lookup(name string) (Preset, bool) {
	if p, ok := e.Custom[name]; ok {
		return p, true
	}
	return Lookup(name)
}

// settleArrivals takes arrivals from the gateway if it counts them, else from the
// engines' completions and what is in flight.
func (v *view) settleArrivals(s *policy.Signals, f fleetView, g gatewayArrivals) {
	if g.reading.Known {
		s.Arrivals, s.ArrivalSource = g.reading, policy.FromGateway
		return
	}
	r, partial := v.completionArrivals(f)
	switch {
	case r.Known && r.Age > v.opt.MaxAge:
		s.Arrivals = policy.Reading{Age: r.Age} // what came then says nothing of now
		v.faults.add(FaultSeriesStale, Arrivals, v.b.Model.String(), "")
	case r.Known:
		s.Arrivals, s.ArrivalSource = r, policy.FromCompletions
		s.Partial = s.Partial || partial
		if partial {
			v.faults.add(FaultArrivalsPartial, Arrivals, v.b.Model.String(), "")
		}
	case len(f.pods) > 0 && len(v.p.Signals[Completions]) == 0 && v.b.Gateway == nil:
		v.faults.add(FaultArrivalsUnseen, Arrivals, v.b.Model.String(), v.p.Name+" counts no requests")
	}
}

func quoted(s string) string { return strconv.Quote(s) }
