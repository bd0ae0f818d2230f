package predictor

import (
	"math"
	"time"
)

// DefaultStep is the width of a history bucket.
const DefaultStep = time.Minute

// day is how many buckets a day has.
const day = int(24 * time.Hour / DefaultStep)

// History is a bounded record of one demand rate (requests per second) on an
// aligned clock: bucket k covers [k*step+phase, (k+1)*step+phase) since the Unix
// epoch. A closed bucket keeps its mean and its highest rate, in 16 bits each
// (see pack): 14 days of minutes take 84 KiB. A bucket without samples is a gap,
// never zero.
type History struct {
	step  time.Duration
	phase time.Duration
	keep  int
	base  int64 // number of the oldest closed bucket
	mean  []uint16
	peak  []uint16
	open  bucket
	seen  time.Time // timestamp of the newest sample
	rate  float64   // of the newest sample
}

// bucket is the one that samples are still added to.
type bucket struct {
	number int64
	sum    float64
	top    float64
	count  int
}

// NewHistory keeps at least keep of history in buckets of step.
func NewHistory(step, keep time.Duration) *History {
	return NewHistoryAt(step, keep, 0)
}

// NewHistoryAt is NewHistory with buckets that begin at a phase of the step, so
// that the forecasts of many models, each due when a bucket closes, do not all
// fall on one moment.
func NewHistoryAt(step, keep, phase time.Duration) *History {
	return &History{step: step, phase: phase % step, keep: max(int(keep/step), 1)}
}

// Add records a rate seen at a moment and says whether that closed a bucket.
// Samples that are not newer than the newest, or not finite, or negative, are
// ignored.
func (h *History) Add(at time.Time, rate float64) (closed bool) {
	if !at.After(h.seen) || math.IsNaN(rate) || math.IsInf(rate, 0) || rate < 0 {
		return false
	}
	k := h.bucket(at)
	if !h.seen.IsZero() && k != h.open.number {
		h.close(k)
		closed = true
	}
	if h.open.count == 0 {
		h.open.number = k
	}
	h.seen, h.rate = at, rate
	h.open.sum, h.open.top, h.open.count = h.open.sum+rate, math.Max(h.open.top, rate), h.open.count+1
	return closed
}

// close moves the open bucket to the closed ones, followed by the gap up to k; a
// gap longer than is kept leaves nothing.
func (h *History) close(k int64) {
	if len(h.mean) == 0 {
		h.base = h.open.number
	}
	h.push(pack(h.open.sum/float64(h.open.count)), pack(h.open.top))
	if k-h.open.number > int64(h.keep) {
		h.mean, h.peak = h.mean[:0], h.peak[:0]
	}
	for len(h.mean) > 0 && h.base+int64(len(h.mean)) < k {
		h.push(gap, gap)
	}
	h.open = bucket{number: k}
}

func (h *History) push(mean, peak uint16) {
	more := min(day, max(h.keep/4, 1))
	if len(h.mean) >= h.keep+more {
		h.base += int64(len(h.mean) - h.keep)
		h.mean = append(h.mean[:0], h.mean[len(h.mean)-h.keep:]...)
		h.peak = append(h.peak[:0], h.peak[len(h.peak)-h.keep:]...)
	}
	if len(h.mean) == cap(h.mean) { // not by doubling
		n := min(len(h.mean)+more, h.keep+more)
		both := make([]uint16, 2*n) // one allocation wastes less than two
		h.mean = append(both[:0:n], h.mean...)
		h.peak = append(both[n:n], h.peak...)
	}
	h.mean, h.peak = append(h.mean, mean), append(h.peak, peak)
}

// Len is how many buckets the history spans, the open one and gaps included.
func (h *History) Len() int {
	if h.open.count == 0 {
		return len(h.mean)
	}
	return len(h.mean) + 1
}

// Seen is the timestamp of the newest sample; zero if there is none.
func (h *History) Seen() time.Time { return h.seen }

// Rate is the newest sample in requests per second; zero if there is none.
func (h *History) Rate() float64 { return h.rate }

// Top is the highest rate of the bucket that is still open, in requests per
// second; zero if there is none.
func (h *History) Top() float64 { return h.open.top }

// Bytes is the memory that the buckets take.
func (h *History) Bytes() int { return 2 * (cap(h.mean) + cap(h.peak)) }

func (h *History) bucket(at time.Time) int64 {
	return floorDiv(at.UnixNano()-int64(h.phase), int64(h.step))
}

// buckets is how many buckets a duration spans, at least one.
func (h *History) buckets(d time.Duration) int {
	return max(int((d+h.step-1)/h.step), 1)
}

// past is the highest known rate of the last k closed buckets and the open one;
// NaN if none is known.
func (h *History) past(k int) float64 {
	best := math.NaN()
	if h.open.count > 0 {
		best = h.open.top
	}
	for _, p := range h.peak[max(len(h.peak)-k, 0):] {
		if v := float64(unpack(p)); p != gap && (math.IsNaN(best) || v > best) {
			best = v
		}
	}
	return best
}

// rates are the means and peaks of the last n closed buckets and of the open one,
// NaN where unknown.
func (h *History) rates(n int) (mean, peak []float64) {
	first := max(len(h.mean)-n, 0)
	for i := first; i < len(h.mean); i++ {
		m, p := math.NaN(), math.NaN()
		if h.mean[i] != gap {
			m, p = float64(unpack(h.mean[i])), float64(unpack(h.peak[i]))
		}
		mean, peak = append(mean, m), append(peak, p)
	}
	if h.open.count > 0 {
		mean, peak = append(mean, h.open.sum/float64(h.open.count)), append(peak, h.open.top)
	}
	return mean, peak
}

// floorDiv is a/b rounded down.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// gap is the packed form of an unknown rate.
const gap = 0xffff

// pack keeps a rate in 16 bits: 6 of exponent (2^-32 to 2^31) and 10 of mantissa,
// rounded to nearest, so off by at most 0.05 %. Lower rates are 0, higher ones the
// highest.
func pack(v float64) uint16 {
	const top = gap - 1
	if v >= 1<<31 {
		return top
	}
	bits := int64(math.Float32bits(float32(v))+1<<12)>>13 - 95<<10
	return uint16(min(max(bits, 0), top))
}

// unpack is the rate that pack kept; of a gap it is not defined.
func unpack(p uint16) float32 {
	if p == 0 {
		return 0
	}
	return math.Float32frombits((uint32(p) + 95<<10) << 13)
}
