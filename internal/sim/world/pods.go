package world

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/forewarm/forewarm/internal/signals"
	"github.com/forewarm/forewarm/policy"
)

// goneAfter is how many scrape intervals a target may lag behind the newest one before it counts as
// removed; the same as in package signals.
const goneAfter = 2.5

// view is the scrapes as seen at one moment.
type view struct {
	*World
	at   time.Time
	opt  signals.Options
	told map[string]time.Time // warm-ups that who looks was told of, by pod, and when
}

func (v *view) windowStart() time.Time { return v.at.Add(-v.opt.RateWindow) }

// gauge is the newest value of a pod's gauge.
func (v *view) gauge(t *track, of func(*sample) float64) policy.Reading {
	all := t.until(v.at)
	if len(all) == 0 {
		return policy.Reading{}
	}
	last := &all[len(all)-1]
	if age := v.at.Sub(last.at); age <= v.opt.MaxAge && valid(of(last)) {
		return policy.Seen(of(last), age)
	}
	return policy.Reading{}
}

// rate is a pod's counter per second over the rate window: first sample to last, nothing extrapolated.
func (v *view) rate(t *track, of func(*sample) float64) policy.Reading {
	all := t.between(v.windowStart(), v.at)
	if len(all) < 2 {
		return policy.Reading{}
	}
	first, last := &all[0], &all[len(all)-1]
	age := v.at.Sub(last.at)
	if age > v.opt.MaxAge || !valid(of(last)) {
		return policy.Reading{}
	}
	return policy.Seen(increase(all, of)/last.at.Sub(first.at).Seconds(), age)
}

// pod reads one pod.
func (v *view) pod(t *track) policy.Pod {
	p := policy.Pod{
		Name: t.name, Variant: v.model.Variants[t.variant].Name,
		Pending: v.gauge(t, waiting), Running: v.gauge(t, running), KV: v.gauge(t, kv),
		Completions: v.rate(t, completions), PromptTokens: v.rate(t, prompt), OutputTokens: v.rate(t, output),
	}
	if hit := v.rate(t, hits); hit.Known && p.PromptTokens.Known {
		p.PromptTokens.Value = max(0, p.PromptTokens.Value-hit.Value)
		p.CachedTokens = hit
	}
	return p
}

// pods are those that should report and those that do, sorted by name, and whether something of them is
// missing: a pod that says nothing, or one without a signal that is needed.
func (v *view) pods(expected []string) (out []policy.Pod, partial bool) {
	newest := v.newestUp()
	for _, name := range v.names() {
		t := v.tracks[name]
		listed := slices.Contains(expected, name)
		if all := t.until(v.at); !listed && len(all) > 0 {
			last := all[len(all)-1].at
			gone := newest.Sub(v.upBefore(t)) > time.Duration(goneAfter*float64(v.opt.ScrapeInterval))
			listed = !gone && v.at.Sub(last) <= v.opt.MaxAge
		}
		if listed {
			out = append(out, v.pod(t))
		}
	}
	for _, name := range expected {
		if v.tracks[name] == nil {
			out = append(out, policy.Pod{Name: name})
		}
	}
	slices.SortFunc(out, func(a, b policy.Pod) int { return strings.Compare(a.Name, b.Name) })
	return out, lacking(out)
}

// lacking says whether a pod misses what it needs to be counted, or what other pods give.
func lacking(pods []policy.Pod) bool {
	optional := func(p policy.Pod) [3]bool { return [3]bool{p.KV.Known, p.PromptTokens.Known, p.OutputTokens.Known} }
	var given [3]bool
	for _, p := range pods {
		for i, known := range optional(p) {
			given[i] = given[i] || known
		}
	}
	return slices.ContainsFunc(pods, func(p policy.Pod) bool { return !counts(p) || optional(p) != given })
}

// counts says whether all that a pod's part of the demand needs is known.
func counts(p policy.Pod) bool { return p.Pending.Known && p.Running.Known && p.Completions.Known }

// newestUp is the newest scrape of anything.
func (v *view) newestUp() time.Time {
	var newest time.Time
	for _, t := range v.tracks {
		if up := v.upBefore(t); up.After(newest) {
			newest = up
		}
	}
	for _, g := range v.gateway {
		if !g.at.After(v.at) && g.at.After(newest) {
			newest = g.at
		}
	}
	return newest
}

// upBefore is the newest scrape of a pod that was tried up to the moment.
func (v *view) upBefore(t *track) time.Time {
	if !t.up.After(v.at) {
		return t.up
	}
	if all := t.until(v.at); len(all) > 0 {
		return all[len(all)-1].at
	}
	return time.Time{}
}

// piece is what arrived at one pod over the time that its scrapes span.
type piece struct {
	delta    float64
	from, to time.Time
	live     bool
}

// completionArrivals are the arrivals by conservation: completions plus the change in flight, pod by pod
// over its own scrapes. They are partial if a listed pod has no part in them.
func (v *view) completionArrivals(pods []policy.Pod) (policy.Reading, bool) {
	var pieces []piece
	listed, parts := map[string]policy.Pod{}, map[string]bool{}
	for _, p := range pods {
		listed[p.Name] = p
	}
	for _, name := range v.names() {
		if p, ok := v.piece(v.tracks[name]); ok {
			pod := listed[name]
			p.live = pod.Pending.Known && pod.Running.Known
			pieces, parts[name] = append(pieces, p), true
		}
	}
	partial := slices.ContainsFunc(pods, func(p policy.Pod) bool { return !parts[p.Name] || !counts(p) })
	perSecond, to, ok := v.combine(pieces)
	if !ok || to.IsZero() {
		return policy.Reading{}, partial
	}
	return policy.Seen(math.Max(0, perSecond), v.at.Sub(to)), partial
}

// piece is one pod's part, from its first whole scrape in the window to its last.
func (v *view) piece(t *track) (piece, bool) {
	all := slices.DeleteFunc(slices.Clone(t.between(v.windowStart(), v.at)), func(s sample) bool {
		return !valid(s.Running) || !valid(s.Waiting) || !valid(s.Completions)
	})
	if len(all) < 2 {
		return piece{}, false
	}
	first, last := &all[0], &all[len(all)-1]
	return piece{
		delta: increase(all, completions) + inFlight(last) - inFlight(first), from: first.at, to: last.at,
	}, true
}

// combine adds pieces up to a rate: one that covers the window counts over its own span, one that came or
// went within it over the span of all. The moment is the oldest end of what is still there.
func (v *view) combine(pieces []piece) (perSecond float64, to time.Time, ok bool) {
	common := v.span(pieces)
	for _, p := range pieces {
		over := p.to.Sub(p.from)
		covers := !p.from.After(v.windowStart().Add(v.slack())) && (p.live || !p.to.Before(v.at.Add(-v.slack())))
		if !covers {
			over = max(over, common)
		}
		perSecond += p.delta / over.Seconds()
		if p.live && (to.IsZero() || p.to.Before(to)) {
			to = p.to
		}
	}
	return perSecond, to, len(pieces) > 0
}

// slack is how far from the edge of the window a sample may be and still cover it.
func (v *view) slack() time.Duration { return v.opt.ScrapeInterval + v.opt.ScrapeInterval/2 }

// span is the time that the pieces cover together; as long as the moments of scrapes explain the difference,
// the longest piece rules.
func (v *view) span(pieces []piece) time.Duration {
	var lo, hi time.Time
	var longest time.Duration
	for _, p := range pieces {
		if lo.IsZero() || p.from.Before(lo) {
			lo = p.from
		}
		if p.to.After(hi) {
			hi = p.to
		}
		longest = max(longest, p.to.Sub(p.from))
	}
	if union := hi.Sub(lo); union-longest > v.slack() {
		return union
	}
	return longest
}
