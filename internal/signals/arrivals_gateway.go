package signals

import (
	"maps"
	"slices"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// arrivals are what a gateway counted. A counter that moves when the response ends
// lags behind demand by the length of an answer; what came into flight since is
// added: the gateway's own gauge if it has one, else what the engines have.
func (g *gatewayView) arrivals(q Quantity, f fleetView) (r policy.Reading, partial bool) {
	if !q.Known || q.row == nil || !q.row.AtEnd || q.State == policy.Idling {
		return q.Reading, false
	}
	if len(g.p.Signals[InFlight]) > 0 {
		return g.endFlows(*q.row)
	}
	change, ok := g.engineChange(f)
	over, spanned := g.counterSpan(*q.row)
	if !ok || !spanned {
		return q.Reading, len(f.pods) > 0
	}
	return policy.Seen(max(0, q.Value+change/over.Seconds()), q.Age), false
}

// counterSpan is the time over which the gateway's counter was followed.
func (g *gatewayView) counterSpan(counter Metric) (time.Duration, bool) {
	var all []piece
	for _, u := range g.units {
		all = append(all, g.pieces(u, counter)...)
	}
	return span(all)
}

// endFlows integrates the gateway's targets: responses ended plus the change in
// flight, both of one scrape.
func (g *gatewayView) endFlows(counter Metric) (r policy.Reading, partial bool) {
	var all []piece
	for _, u := range g.units {
		level := g.signal(u, InFlight)
		var levels []Metric
		switch {
		case level.Known && level.State == policy.Fresh:
			levels = []Metric{*level.row}
		case len(u.tracks) > 0:
			partial = true
		}
		for _, target := range u.sortedTargets() {
			if p, ok := g.flow(u, target, counter, levels); ok {
				all = append(all, p)
			}
		}
	}
	return g.combineFlows(all), partial
}

// engineChange is the change over the rate window of what the model's engines have
// in flight. The gateway has seen every request end, also those that died with a
// pod: what a pod had when it vanished has left, and what it had at its first
// scrape, if it appeared within the window, has come. False if no pod tells.
func (g *gatewayView) engineChange(f fleetView) (float64, bool) {
	lines := g.engineLines(f)
	if len(lines) == 0 {
		return 0, false
	}
	first := lines[0].from.T
	for _, l := range lines {
		if l.from.T.Before(first) {
			first = l.from.T
		}
	}
	total := 0.0
	for _, l := range lines {
		if l.live {
			total += l.to.V
		}
		if appeared := l.from.T.Sub(first) > l.every+l.every/2; !appeared {
			total -= l.from.V
		}
	}
	return total, true
}

// engineLines are the levels of all pods, also of those that are gone.
func (g *gatewayView) engineLines(f fleetView) []levelLine {
	engines, listed := g.engines(), f.rows()
	var out []levelLine
	for _, n := range slices.Sorted(maps.Keys(f.units)) {
		rows, live := listed[n]
		if !live {
			rows = engines.lastRows(f.units[n])
		}
		out = append(out, engines.lines(f.units[n], rows)...)
	}
	return out
}

// engines is the view of the engines' preset again.
func (g *gatewayView) engines() *view {
	inner := *g.view
	inner.p, _ = g.e.lookup(g.b.Engine)
	return &inner
}

// levelLine is what one target had in flight at its first and last scrape.
type levelLine struct {
	from, to Sample
	every    time.Duration
	live     bool
}

// lines are the levels of one pod's targets over the rate window.
func (v *view) lines(u *unit, rows map[Signal]Quantity) []levelLine {
	levels, ok := levelRows(rows)
	if !ok {
		return nil
	}
	var out []levelLine
	for _, target := range u.sortedTargets() {
		line, every, live := v.level(u, target, levels)
		if len(line) > 0 {
			out = append(out, levelLine{from: line[0], to: line[len(line)-1], every: every, live: live})
		}
	}
	return out
}
