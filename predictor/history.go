package predictor

import (
	"math"
	"time"
)

// DefaultStep is the width of a history bucket.
const DefaultStep = time.Minute

// History is a bounded record of one demand rate (requests per second) on an
// aligned clock: bucket k covers [k*step, (k+1)*step) since the Unix epoch. Each
// bucket keeps its newest and its highest rate. A bucket without samples is a
// gap: NaN, never zero.
type History struct {
	step time.Duration
	keep int
	base int64 // number of the oldest bucket
	last []float64
	peak []float64
	seen time.Time // timestamp of the newest sample
}

// NewHistory keeps at least keep of history in buckets of step.
func NewHistory(step, keep time.Duration) *History {
	return &History{step: step, keep: max(int(keep/step), 1)}
}

// Add records a rate seen at a moment. Samples that are not newer than the
// newest, or not finite, or negative, are ignored.
func (h *History) Add(at time.Time, rate float64) {
	if !at.After(h.seen) || math.IsNaN(rate) || math.IsInf(rate, 0) || rate < 0 {
		return
	}
	h.seen = at
	k := h.bucket(at)
	if len(h.last) == 0 || k-h.base >= int64(len(h.last)+h.keep) {
		h.base, h.last, h.peak = k, h.last[:0], h.peak[:0]
	}
	for h.base+int64(len(h.last)) <= k {
		h.last, h.peak = append(h.last, math.NaN()), append(h.peak, math.NaN())
	}
	i := int(k - h.base)
	h.last[i] = rate
	if math.IsNaN(h.peak[i]) || rate > h.peak[i] {
		h.peak[i] = rate
	}
	h.forget()
}

// Len is how many buckets the history spans, gaps included.
func (h *History) Len() int { return len(h.last) }

// Seen is the timestamp of the newest sample; zero if there is none.
func (h *History) Seen() time.Time { return h.seen }

// forget drops the oldest buckets, a quarter of the ring at a time so that the
// copy is rare.
func (h *History) forget() {
	if len(h.last) <= h.keep+h.keep/4 {
		return
	}
	n := len(h.last) - h.keep
	h.base += int64(n)
	h.last = append(h.last[:0], h.last[n:]...)
	h.peak = append(h.peak[:0], h.peak[n:]...)
}

func (h *History) bucket(at time.Time) int64 {
	return at.UnixNano() / int64(h.step)
}

// buckets is how many buckets a duration spans, at least one.
func (h *History) buckets(d time.Duration) int {
	return max(int((d+h.step-1)/h.step), 1)
}

// upTo is how many buckets there are up to and including the one of a moment.
func (h *History) upTo(at time.Time) int {
	return int(min(max(h.bucket(at)-h.base+1, 0), int64(len(h.last))))
}

// past is the highest known rate of the last k buckets before index n; NaN if none.
func (h *History) past(n, k int) float64 {
	best := math.NaN()
	for _, v := range h.peak[max(n-k, 0):n] {
		if !math.IsNaN(v) && (math.IsNaN(best) || v > best) {
			best = v
		}
	}
	return best
}
