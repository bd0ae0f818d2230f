package signals

import (
	"sort"
	"strings"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// targetLabels are labels of a scrape target; a gateway's match on them narrows
// also which targets must be up for a zero to be proven.
var targetLabels = map[string]bool{
	"job": true, "namespace": true, "pod": true, "service": true, "container": true, "endpoint": true, "cluster": true,
}

// gatewayArrivals is what a gateway says about arrivals.
type gatewayArrivals struct {
	reading policy.Reading
	partial bool // something the gateway should tell is missing
}

// gatewayView is a gateway's preset with the units that it is seen through: its
// scrape targets, also those that never had a request for the model.
type gatewayView struct {
	*view
	match map[string]string
	units []*unit
}

// gateway reads the demand source in front of the engines.
func (v *view) gateway(gb GatewayBinding, f fleetView) (map[Signal]Quantity, gatewayArrivals) {
	g, ok := v.gatewayView(gb)
	if !ok {
		return map[Signal]Quantity{}, gatewayArrivals{partial: true}
	}
	out := map[Signal]Quantity{}
	for _, sig := range []Signal{Arrivals, Queue, InFlight, Refused} {
		if len(g.p.Signals[sig]) > 0 {
			out[sig] = g.total(sig)
		}
	}
	arrivals := gatewayArrivals{}
	if q, offered := out[Arrivals]; offered {
		arrivals.reading, arrivals.partial = g.arrivals(q, f)
		arrivals.partial = arrivals.partial || q.Partial || !q.Known
	}
	if q, offered := out[Queue]; offered {
		q = held(q, f)
		out[Queue] = q
		// Without its queue a gateway that counts arrivals is still whole.
		lost := !q.Known && (q.State != policy.Absent || !arrivals.reading.Known)
		arrivals.partial = arrivals.partial || q.Partial || lost
	}
	g.report(out)
	return out, arrivals
}

// refusals are what a gateway answered by an error. Error counters and status codes
// appear with the first error: while the gateway counts arrivals, absent is none.
func refusals(gateway map[Signal]Quantity) policy.Reading {
	q, arrivals := gateway[Refused], gateway[Arrivals]
	if q.State == policy.Absent && !q.short && arrivals.State == policy.Fresh {
		return policy.Seen(0, arrivals.Age)
	}
	return q.Reading
}

// gatewayView binds the gateway's preset; false if there is none to read by.
func (v *view) gatewayView(gb GatewayBinding) (*gatewayView, bool) {
	p, ok := v.e.lookup(gb.Preset)
	if !ok || !p.Gateway {
		note := "known gateways: " + strings.Join(Names(true), ", ")
		if near := Nearest(gb.Preset, Names(true)); near != "" {
			note = "did you mean " + near + "?"
		}
		v.faults.add(FaultGatewayUnknown, "", quoted(gb.Preset), note)
		return nil, false
	}
	match := map[string]string{}
	for k, val := range gb.Match {
		match[k] = val
	}
	if len(match) == 0 && p.ModelLabel != "" && v.b.ModelName != "" {
		match[p.ModelLabel] = v.b.ModelName
	}
	if len(match) == 0 {
		v.faults.add(FaultGatewayUnscoped, "", p.Name, "")
		return nil, false
	}
	inner := *v
	inner.p = p
	g := &gatewayView{view: &inner, match: match}
	g.units = g.gatewayUnits()
	return g, true
}

// gatewayUnits are the gateway's targets, sorted, each with the model's series.
func (g *gatewayView) gatewayUnits() []*unit {
	var series []*Series
	for _, name := range g.p.rawNames() {
		for _, s := range g.narrowed(name) {
			if g.matches(s) {
				series = append(series, s)
			}
		}
	}
	units := g.collect(series, targetOf)
	for _, target := range g.targets() {
		if units[target] != nil {
			continue
		}
		state, _ := g.upState(target)
		if state == targetGone || state == targetUnknown {
			continue
		}
		u := newUnit(target)
		u.targets[target] = state
		units[target] = u
	}
	names := make([]string, 0, len(units))
	for n := range units {
		names = append(names, n)
	}
	sort.Strings(names)
	out := make([]*unit, 0, len(names))
	for _, n := range names {
		out = append(out, units[n])
	}
	return out
}

// narrowed are the series of a name that have one of the wanted labels.
func (g *gatewayView) narrowed(name string) []*Series {
	if g.p.Mangled {
		return g.w.Select(name)
	}
	keys := make([]string, 0, len(g.match))
	for k, val := range g.match {
		if val != "" {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return g.w.Select(name)
	}
	sort.Strings(keys)
	return g.e.index.byLabel(g.w, name, keys[0], g.match[keys[0]])
}

// matches says whether a gateway series belongs to the model.
func (g *gatewayView) matches(s *Series) bool {
	for _, l := range g.p.NamespaceLabels {
		_, explicit := g.match[l]
		if got := label(s, l); !explicit && got != "" && got != g.b.Model.Namespace {
			return false
		}
	}
	return has(s, g.match, g.p.Mangled) && has(s, g.p.Scope, false)
}

// targets are the scrape targets that export any series of the gateway, for
// whatever model, sorted.
func (g *gatewayView) targets() []string {
	set := map[string]bool{}
	for _, rows := range g.p.Signals {
		for _, m := range rows {
			for target, series := range g.e.index.byTarget(g.w, m.Name, m.Match) {
				if g.inScope(series[0]) {
					set[target] = true
				}
			}
		}
	}
	out := make([]string, 0, len(set))
	for t := range set {
		out = append(out, t)
	}
	sort.Strings(out)
	return out
}

// inScope says whether a target has the target labels that the match names.
func (g *gatewayView) inScope(s *Series) bool {
	for l, want := range g.match {
		if targetLabels[l] && label(s, l) != want {
			return false
		}
	}
	return true
}

// total adds a signal up over the gateway's targets. A target that never had a
// request for the model adds nothing while others speak; if none does, each must
// prove its zero.
func (g *gatewayView) total(sig Signal) Quantity {
	out := Quantity{State: policy.Absent, Series: g.p.Signals[sig][0].Name}
	spoken, proven := false, len(g.units) > 0
	for _, u := range g.units {
		q := g.signal(u, sig)
		switch {
		case u.gone():
			continue
		case q.State == policy.Fresh:
			out.Value += q.Value
			out.Age = max(out.Age, q.Age)
			out.Partial = out.Partial || q.Partial
			out.Series, out.row, spoken = q.Series, q.row, true
		case q.State == policy.Idling:
			out.Age = max(out.Age, q.Age)
			out.row = firstRow(out.row, q.row)
		default:
			proven = false
			out.Partial = out.Partial || len(u.tracks) > 0 && (q.State != policy.Absent || q.short)
			if severity(q) > severity(out) {
				out.State, out.short = q.State, q.short
			}
		}
	}
	return g.settleTotal(out, spoken, proven)
}

func (g *gatewayView) settleTotal(out Quantity, spoken, proven bool) Quantity {
	switch {
	case spoken:
		out.State, out.short = policy.Fresh, false
	case proven && g.someUp():
		out.State = policy.Idling
	default:
		out.Partial = false
		out.Reading = policy.Reading{}
		return out
	}
	out.Reading = policy.Seen(out.Value, out.Age)
	return out
}

// someUp says whether any of the gateway's targets is up.
func (g *gatewayView) someUp() bool {
	for _, u := range g.units {
		for _, s := range u.targets {
			if s == targetUp {
				return true
			}
		}
	}
	return false
}

func firstRow(a, b *Metric) *Metric {
	if a != nil {
		return a
	}
	return b
}

// report says what of the gateway is missing.
func (g *gatewayView) report(signals map[Signal]Quantity) {
	if len(g.units) == 0 {
		g.faults.add(FaultGatewayAbsent, "", g.p.Name, "")
		return
	}
	for _, u := range g.units {
		if u.down() {
			g.faults.add(FaultTargetDown, "", targetName(u.name), g.p.Name)
		}
	}
	for _, sig := range []Signal{Arrivals, Queue} {
		q, offered := signals[sig]
		if !offered || q.Known {
			continue
		}
		switch q.State {
		case policy.Stale:
			g.faults.add(FaultSeriesStale, sig, q.Series, g.p.Name)
		case policy.Absent:
			if !q.short {
				g.faults.add(FaultSeriesAbsent, sig, q.Series, g.p.Name)
			}
		case policy.Invalid, policy.Fresh, policy.Idling:
		}
	}
}

// held is what a gateway holds in front of the engines: its gauge less what the
// engines have of it, if the gauge counts that as well. An engine that is silent
// makes it too large, never too small.
func held(q Quantity, f fleetView) Quantity {
	if !q.Known || q.row == nil || len(q.row.Includes) == 0 {
		return q
	}
	for _, p := range f.pods {
		for _, sig := range q.row.Includes {
			in, offered := p.Signals[sig]
			if offered && !in.Known {
				q.Partial = true
			}
			q.Value -= in.Value
			q.Age = max(q.Age, in.Age)
		}
	}
	q.Value = max(0, q.Value)
	return q
}

// windowStart is the beginning of the rate window.
func (v *view) windowStart() time.Time { return v.at.Add(-v.opt.RateWindow) }
