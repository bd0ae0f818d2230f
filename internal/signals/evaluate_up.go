package signals

import (
	"time"
)

// targetState is what Prometheus says of a scrape target.
type targetState int

const (
	targetUnknown targetState = iota // no up series within reach
	targetUp
	targetDown // scraped, and the scrape failed
	targetGone // no longer scraped, while others are: removed from discovery
)

// goneAfter is how many scrape intervals a target may lag behind the newest one
// before it counts as removed.
const goneAfter = 2.5

// upState judges a target by its up series: the best of the copies that a pair of
// Prometheus servers wrote. The age is that of the verdict.
func (v *view) upState(target string) (targetState, time.Duration) {
	return v.judge(v.e.index.byTarget(v.w, UpSeries, nil)[target])
}

func (v *view) judge(ups []*Series) (targetState, time.Duration) {
	state, age := targetUnknown, time.Duration(0)
	for _, s := range ups {
		samples := s.Until(v.at)
		if len(samples) == 0 {
			continue
		}
		last := samples[len(samples)-1]
		got := targetDown
		switch {
		case v.e.index.upHead(v.w, v.at).Sub(last.T) > scaled(v.spacing(samples), goneAfter):
			got = targetGone
		case v.at.Sub(last.T) > v.opt.MaxAge:
			got = targetUnknown
		case last.V == 1:
			got = targetUp
		}
		if rank(got) > rank(state) {
			state, age = got, v.at.Sub(last.T)
		}
	}
	return state, age
}

// rank orders the verdicts of copies: one server that reaches a target proves it.
func rank(s targetState) int {
	switch s {
	case targetUp:
		return 3
	case targetDown:
		return 2
	case targetGone:
		return 1
	case targetUnknown:
	}
	return 0
}

// spacing is the time between the last two samples, at least the scrape interval.
func (v *view) spacing(samples []Sample) time.Duration {
	n := len(samples)
	if n < 2 {
		return v.opt.ScrapeInterval
	}
	return max(v.opt.ScrapeInterval, samples[n-1].T.Sub(samples[n-2].T))
}

func scaled(d time.Duration, by float64) time.Duration { return time.Duration(float64(d) * by) }
