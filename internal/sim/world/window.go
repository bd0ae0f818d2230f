package world

import (
	"math"
	"time"

	"github.com/forewarm/forewarm/internal/sim"
)

// sample is one scrape of a pod.
type sample struct {
	at time.Time
	sim.Scrape
}

// track is what is kept of one pod's scrapes, oldest first.
type track struct {
	name    string
	variant int
	samples []sample
	fresh   []sample  // not yet as old as what is read must be, if scrapes are delayed
	up      time.Time // of the newest scrape tried
}

// put adds a scrape and forgets what no evaluation needs any more.
func (t *track) put(s sample, memory time.Duration) {
	old := 0
	for old < len(t.samples) && s.at.Sub(t.samples[old].at) > memory {
		old++
	}
	if old > 0 {
		t.samples = append(t.samples[:0], t.samples[old:]...)
	}
	t.samples = append(t.samples, s)
}

// until are the samples up to a moment.
func (t *track) until(at time.Time) []sample {
	n := len(t.samples)
	for n > 0 && t.samples[n-1].at.After(at) {
		n--
	}
	return t.samples[:n]
}

// between are the samples after one moment, up to another.
func (t *track) between(from, to time.Time) []sample {
	all := t.until(to)
	i := 0
	for i < len(all) && !all[i].at.After(from) {
		i++
	}
	return all[i:]
}

// valid says whether a sample can be a count, a level or a ratio at all.
func valid(v float64) bool { return v >= 0 && !math.IsInf(v, 0) }

// increase is what a counter gained from the first valid sample to the last; a pod never restarts in place.
func increase(samples []sample, of func(*sample) float64) float64 {
	i, j := 0, len(samples)-1
	for i < j && !valid(of(&samples[i])) {
		i++
	}
	for j > i && !valid(of(&samples[j])) {
		j--
	}
	if i >= j {
		return 0
	}
	return of(&samples[j]) - of(&samples[i])
}

// The counters and gauges of a pod.
func running(s *sample) float64     { return s.Running }
func waiting(s *sample) float64     { return s.Waiting }
func kv(s *sample) float64          { return s.KV }
func completions(s *sample) float64 { return s.Completions }
func prompt(s *sample) float64      { return s.PromptTokens }
func hits(s *sample) float64        { return s.PrefixHits }
func output(s *sample) float64      { return s.OutputTokens }
func inFlight(s *sample) float64    { return s.Running + s.Waiting }
