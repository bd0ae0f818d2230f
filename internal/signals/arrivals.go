package signals

import (
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// Arrivals without a gateway: requests are conserved, so that what came is what
// left plus what is now in flight minus what was in flight before,
//
//	arrivals = (delta completions + delta (running + pending)) / time,
//
// for each scrape target over its own scrapes, in which the numbers belong
// together, then summed over the model and only then clamped at zero.
//
// A pod that vanishes counts until its last scrape: its requests in flight came and
// are counted; that they were lost is no negative demand (their retries arrive
// elsewhere and are counted there). The same at a restart: what was in flight is
// added back. A pod that appears counts from its first scrape.

// known says whether all that a pod's part needs is known.
func known(signals map[Signal]Quantity) bool {
	for _, sig := range []Signal{Running, Pending, Completions} {
		if q, offered := signals[sig]; offered && !q.Known {
			return false
		}
	}
	return true
}

// combineFlows adds the targets' flows up to a reading.
func (v *view) combineFlows(pieces []piece) policy.Reading {
	rate, ok := combine(pieces, v.windowStart(), v.at)
	if !ok || rate.to.IsZero() {
		return policy.Reading{}
	}
	return policy.Seen(max(0, rate.perSecond), v.at.Sub(rate.to))
}

// completionArrivals integrates the model's pods. It is partial if a listed pod
// has no part in it.
func (v *view) completionArrivals(f fleetView) (r policy.Reading, partial bool) {
	rows := f.rows()
	var all []piece
	contributed := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(f.units)) {
		u, signals := f.units[name], rows[name]
		live := signals != nil
		if !live {
			signals = v.lastRows(u)
		}
		ps, whole := v.unitFlows(u, signals, live)
		contributed[name] = whole && len(ps) > 0 && known(signals)
		all = append(all, ps...)
	}
	for _, p := range f.pods {
		partial = partial || !contributed[p.Name]
	}
	return v.combineFlows(all), partial
}

// unitFlows are the flows of one pod's targets; none if a signal that the preset
// offers is not known there. It is whole if every target that is still there has
// its part.
func (v *view) unitFlows(u *unit, signals map[Signal]Quantity, live bool) (out []piece, whole bool) {
	levels, ok := levelRows(signals)
	done := signals[Completions]
	if !ok || done.row == nil {
		return nil, false
	}
	if len(levels) == 0 && done.State == policy.Idling {
		return []piece{{
			from: v.windowStart(), to: v.at.Add(-done.Age), every: v.opt.ScrapeInterval, live: live,
		}}, true
	}
	whole = true
	for _, target := range u.sortedTargets() {
		p, ok := v.flow(u, target, *done.row, levels)
		if ok {
			p.live = p.live && live
			out = append(out, p)
		}
		whole = whole && (ok || !v.speaks(u, target, append(levels, *done.row)))
	}
	return out, whole
}

// levelRows are the rows that make what is in flight, without those that are zero
// by proof; false if one that the preset offers has no row.
func levelRows(signals map[Signal]Quantity) ([]Metric, bool) {
	var levels []Metric
	for _, sig := range []Signal{Running, Pending} {
		q, offered := signals[sig]
		if offered && q.row == nil {
			return nil, false
		}
		if offered && q.State != policy.Idling {
			levels = append(levels, *q.row)
		}
	}
	return levels, true
}

// speaks says whether a target still exports one of the metrics.
func (v *view) speaks(u *unit, target string, metrics []Metric) bool {
	for _, m := range metrics {
		for _, t := range u.of(m, v.p.Mangled, false) {
			if t.target == target {
				return true
			}
		}
	}
	return false
}

// lastRows are the rows by which a pod that is no longer there last gave its
// signals: the names with the newest sample.
func (v *view) lastRows(u *unit) map[Signal]Quantity {
	out := map[Signal]Quantity{}
	for _, sig := range []Signal{Running, Pending, Completions} {
		var newest time.Time
		rows := v.p.Signals[sig]
		for i := range rows {
			for _, t := range u.of(rows[i], v.p.Mangled, true) {
				if t.last().T.After(newest) {
					newest = t.last().T
					out[sig] = Quantity{State: policy.Stale, Series: rows[i].Name, row: &rows[i]}
				}
			}
		}
		if _, ok := out[sig]; !ok && len(rows) > 0 {
			out[sig] = Quantity{State: policy.Absent, Series: rows[0].Name}
		}
	}
	return out
}

// flow is what arrived at one target between its first and last scrape.
func (v *view) flow(u *unit, target string, counter Metric, levels []Metric) (piece, bool) {
	tracks := v.counterTracks(u, target, counter)
	line, every, live := v.level(u, target, levels)
	if len(levels) == 0 {
		line, every, live = zeroLine(tracks, v.windowStart(), v.opt.ScrapeInterval)
	}
	if len(line) < 2 {
		return piece{}, false
	}
	first, last := line[0], line[len(line)-1]
	p := piece{from: first.T, to: last.T, every: every, live: live, delta: last.V - first.V}
	f := &flowSteps{line: line, slack: every + every/2, resets: map[int]bool{}, firsts: map[int]float64{}}
	for _, t := range tracks {
		p.delta += f.gains(t.samples)
	}
	p.delta += f.corrections()
	return p, true
}

// counterTracks are the series of a counter and its addends on one target.
func (v *view) counterTracks(u *unit, target string, counter Metric) []*track {
	var out []*track
	for _, m := range append([]Metric{counter}, counter.Plus...) {
		out = append(out, ranked(u.of(m, v.p.Mangled, true), target, m.Drop)...)
	}
	return out
}

// zeroLine is a level of nothing at the times of a counter.
func zeroLine(tracks []*track, after time.Time, interval time.Duration) ([]Sample, time.Duration, bool) {
	live, every := false, interval
	var best []Sample
	for _, t := range tracks {
		live = live || !t.ended
		if samples := within(t.samples, after); len(samples) > len(best) {
			best = samples
		}
	}
	out := make([]Sample, 0, len(best))
	for _, s := range best {
		out = append(out, Sample{T: s.T})
	}
	if n := len(best); n > 1 {
		every = max(every, best[n-1].T.Sub(best[n-2].T))
	}
	return out, every, live
}

// level is what was in flight at one target, scrape by scrape within the rate
// window: the sum of the metrics with their addends. Scrapes at which a metric has
// no sample are left out.
func (v *view) level(u *unit, target string, metrics []Metric) ([]Sample, time.Duration, bool) {
	if len(metrics) == 0 {
		return nil, 0, false
	}
	every, live := v.opt.ScrapeInterval, false
	var grid []Sample
	for i, m := range metrics {
		for _, t := range u.of(m, v.p.Mangled, true) {
			if t.target != target {
				continue
			}
			live = live || !t.ended
			every = max(every, v.spacing(t.samples))
			if samples := within(t.samples, v.windowStart()); i == 0 && len(samples) > len(grid) {
				grid = samples
			}
		}
	}
	out := make([]Sample, 0, len(grid))
	for _, g := range grid {
		if sum, ok := v.levelAt(u, target, metrics, g.T); ok {
			out = append(out, Sample{T: g.T, V: sum})
		}
	}
	return out, every, live
}

// levelAt sums the metrics at one scrape; false if one of them has no sample there.
func (v *view) levelAt(u *unit, target string, metrics []Metric, at time.Time) (float64, bool) {
	sum := 0.0
	for _, m := range metrics {
		value, ok := v.valueAt(u, target, m, at)
		if !ok {
			return 0, false
		}
		sum += value
		for _, plus := range m.Plus {
			if value, ok := v.valueAt(u, target, plus, at); ok {
				sum += value
			}
		}
	}
	return sum, true
}

// valueAt folds one metric at one scrape.
func (v *view) valueAt(u *unit, target string, m Metric, at time.Time) (float64, bool) {
	groups := map[string]float64{}
	tracks := u.of(m, v.p.Mangled, true)
	for _, t := range tracks {
		if t.target != target {
			continue
		}
		i := sort.Search(len(t.samples), func(i int) bool { return t.samples[i].T.After(at) }) - 1
		if i < 0 || at.Sub(t.samples[i].T) > v.opt.ScrapeInterval/2 || !valid(t.samples[i].V) {
			continue
		}
		k := key(tracks, t, m.Drop)
		groups[k] = max(groups[k], t.samples[i].V*m.scale())
	}
	return fold(groups, m.Fold), len(groups) > 0
}
