package signals

import (
	"sort"
	"time"
)

// flowSteps follows counters along the scrapes of one target at which the level in
// flight is known.
type flowSteps struct {
	line   []Sample // level in flight, scrape by scrape
	slack  time.Duration
	resets map[int]bool    // scrapes before which the target restarted
	firsts map[int]float64 // first values of counters that appeared at a scrape
}

// gains is what one counter gained over the line. Its base is the newest sample at
// or before the first scrape.
func (f *flowSteps) gains(samples []Sample) float64 {
	from, to := f.line[0].T, f.line[len(f.line)-1].T
	samples = samples[:after(samples, to)]
	base := max(0, after(samples, from)-1)
	total, last, started := 0.0, 0.0, false
	for _, s := range samples[base:] {
		if !valid(s.V) {
			continue
		}
		if !started {
			last, started = s.V, true
			if base == 0 && s.T.After(from) {
				f.firsts[f.scrape(s.T)] += s.V
			}
			continue
		}
		gain, reset := step(last, s.V)
		total, last = total+gain, s.V
		if reset {
			f.resets[f.scrape(s.T)] = true
		}
	}
	return total
}

// after is how many samples are not after t.
func after(samples []Sample, t time.Time) int {
	return sort.Search(len(samples), func(i int) bool { return samples[i].T.After(t) })
}

// scrape is the index of the scrape at or after t.
func (f *flowSteps) scrape(t time.Time) int {
	i := sort.Search(len(f.line), func(i int) bool { return !f.line[i].T.Before(t) })
	return min(i, len(f.line)-1)
}

// corrections undo what is no demand. At a restart the requests in flight are
// lost: their disappearance is added back. At the first sample of a counter its
// value is as old as unknown, but it explains a fall of what is in flight since
// the scrape before: those requests completed. It explains no more than that, so
// that a counter that was merely hidden cannot make a spike.
func (f *flowSteps) corrections() float64 {
	total := 0.0
	for i := 1; i < len(f.line); i++ {
		fall := max(0, f.line[i-1].V-f.line[i].V)
		switch {
		case f.resets[i]:
			total += f.line[i-1].V
		default:
			total += min(f.firsts[i], fall)
		}
	}
	return total
}
