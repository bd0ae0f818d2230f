package signals

import (
	"math"
	"time"
)

// lostShare tells a restart from a lost part. A restarted counter begins at zero;
// one that keeps more than this share of its value has lost a worker of a
// multi-process exporter, and what is left is old, not new.
const lostShare = 0.5

// valid says whether a sample can be a count, a level or a ratio at all.
func valid(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) && v >= 0 }

// step is what a counter gained from one sample to the next: the difference, or
// after a restart all of the new value. A lost part gains nothing.
func step(from, to float64) (gain float64, reset bool) {
	switch {
	case to >= from:
		return to - from, false
	case to > lostShare*from:
		return 0, false
	default:
		return to, true
	}
}

// increase is what a counter gained over its samples, from the first to the last
// and not beyond. Samples that cannot be counts are passed over. The first sample
// only starts the count: what was counted before it is not known.
func increase(samples []Sample) float64 {
	total, last, started := 0.0, 0.0, false
	for _, s := range samples {
		if !valid(s.V) {
			continue
		}
		if started {
			gain, _ := step(last, s.V)
			total += gain
		}
		last, started = s.V, true
	}
	return total
}

// piece is what happened at one scrape target over the time that its samples
// span.
type piece struct {
	delta    float64
	from, to time.Time
	every    time.Duration // between scrapes
	live     bool          // the target is still there: its rate goes on to the end of the window
}

// slack is how far from the edge of the window a sample may be and still cover it.
func (p piece) slack() time.Duration { return p.every + p.every/2 }

// flowRate is a rate per second with the moment up to which it is known.
type flowRate struct {
	perSecond float64
	to        time.Time // oldest end among the live pieces
}

// combine adds pieces up to a rate over (from, to]. A target that was there all the
// time counts with its true span, first sample to last, without extrapolation. One
// that came or went within the window happened within the window: its part is
// spread over the span of all pieces, so that a restarted pod is not two pods. It
// is not known if no piece has a span.
func combine(pieces []piece, from, to time.Time) (flowRate, bool) {
	common, ok := span(pieces)
	if !ok {
		return flowRate{}, false
	}
	out := flowRate{}
	for _, p := range pieces {
		own := p.to.Sub(p.from)
		if own <= 0 {
			continue
		}
		starts := !p.from.After(from.Add(p.slack()))
		ends := p.live || !p.to.Before(to.Add(-p.slack()))
		over := max(own, common)
		if starts && ends {
			over = own
		}
		out.perSecond += p.delta / over.Seconds()
		if p.live && (out.to.IsZero() || p.to.Before(out.to)) {
			out.to = p.to
		}
	}
	return out, true
}

// span is the time that the pieces cover together. Targets are scraped at moments
// of their own; as long as that explains the difference, the longest piece rules.
func span(pieces []piece) (time.Duration, bool) {
	var lo, hi time.Time
	var longest, slack time.Duration
	for _, p := range pieces {
		own := p.to.Sub(p.from)
		if own <= 0 {
			continue
		}
		if lo.IsZero() || p.from.Before(lo) {
			lo = p.from
		}
		if p.to.After(hi) {
			hi = p.to
		}
		longest, slack = max(longest, own), max(slack, p.slack())
	}
	union := hi.Sub(lo)
	if union-longest <= slack {
		union = longest
	}
	return union, longest > 0
}
