package signals

import (
	"sort"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// counter turns a counter into a rate per second over the rate window.
func (v *view) counter(u *unit, m Metric, sig Signal) Quantity {
	q := Quantity{State: policy.Absent, Series: m.Name}
	tracks := u.of(m, v.p.Mangled, true)
	if len(tracks) == 0 {
		return q
	}
	newest := tracks[0].last()
	for _, t := range tracks {
		if t.last().T.After(newest.T) {
			newest = t.last()
		}
		if last := t.last(); !t.ended && v.usable(last) && !v.sane(u, m, sig, last.V) {
			return Quantity{State: policy.Invalid, Series: m.Name}
		}
	}
	if !v.usable(newest) {
		q.State = policy.Stale
		return q
	}
	rate, ok := combine(v.pieces(u, m), v.windowStart(), v.at)
	if !ok {
		q.short = true
		return q
	}
	return Quantity{
		Reading: policy.Seen(rate.perSecond*m.scale(), v.at.Sub(newest.T)),
		State:   policy.Fresh, Series: m.Name,
	}
}

// pieces are the increases of a counter, target by target.
func (v *view) pieces(u *unit, m Metric) []piece {
	var out []piece
	for _, target := range u.sortedTargets() {
		p := piece{every: v.opt.ScrapeInterval}
		for _, t := range ranked(u.of(m, v.p.Mangled, true), target, m.Drop) {
			samples := within(t.samples, v.windowStart())
			if len(samples) == 0 {
				continue
			}
			p.delta += increase(samples)
			p.every = max(p.every, v.spacing(samples))
			p.live = p.live || !t.ended
			p.stretch(samples[0].T, samples[len(samples)-1].T)
		}
		if p.to.After(p.from) {
			out = append(out, p)
		}
	}
	return out
}

// stretch widens the piece to cover a series' samples.
func (p *piece) stretch(from, to time.Time) {
	if p.from.IsZero() || from.Before(p.from) {
		p.from = from
	}
	if to.After(p.to) {
		p.to = to
	}
}

// ranked are the tracks of one target, one of each set of ranks: the one that
// knows most.
func ranked(tracks []*track, target string, drop []string) []*track {
	var out []*track
	at := map[string]int{}
	for _, t := range tracks {
		if t.target != target {
			continue
		}
		k := key(tracks, t, drop)
		i, ok := at[k]
		switch {
		case !ok:
			at[k] = len(out)
			out = append(out, t)
		case len(t.samples) > len(out[i].samples):
			out[i] = t
		}
	}
	return out
}

// within are the samples after a moment.
func within(samples []Sample, after time.Time) []Sample {
	i := sort.Search(len(samples), func(i int) bool { return samples[i].T.After(after) })
	return samples[i:]
}
