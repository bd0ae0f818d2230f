package predictor

// blockBits is the size of the blocks by which sums and maxima are answered:
// 2^blockBits buckets, aligned to the clock.
const blockBits = 4

// series is a history unpacked into shared scratch: closed buckets by index,
// oldest first. A gap carries the last known rate (the first known one at the
// start), so that arithmetic need not step around it, and is counted in gaps, so
// that nothing is learned from it.
type series struct {
	first int64     // bucket number of index 0
	mean  []float32 // requests per second
	peak  []float32
	gaps  []int32   // gaps[i] is how many of the buckets before i are unknown
	sums  []float64 // of mean, per block; block b holds the buckets numbered first>>blockBits + b
	tops  []float32 // of peak
	lead  int       // index of bucket 0 within block 0
	of    *History  // whose it is
}

// load unpacks the closed buckets of a history: those that it does not hold yet.
func (s *series) load(h *History) {
	n, from := len(h.mean), s.held(h)
	s.of, s.first = h, h.base
	s.lead = int(h.base & (1<<blockBits - 1))
	s.mean, s.peak, s.gaps = extend(s.mean, n), extend(s.peak, n), extend(s.gaps, n+1)
	blocks := (n+s.lead)>>blockBits + 1
	s.sums, s.tops = extend(s.sums, blocks), extend(s.tops, blocks)
	s.sums[blocks-1], s.tops[blocks-1] = 0, 0 // the last one may hold no bucket yet
	s.gaps[0] = 0
	mean := h.firstKnown()
	if from > 0 {
		mean = s.mean[from-1]
	}
	missing := s.gaps[from]
	for b := (from + s.lead) >> blockBits; from < n; b++ {
		hi := min((b+1)<<blockBits-s.lead, n)
		mean, missing = s.unpack(h, b, from, hi, mean, missing)
		from = hi
	}
}

// held is how many buckets of a history are here from the last time, in whole blocks: a history that begins where it
// began has only grown. Before a rate was known, what stands for it is not, either.
func (s *series) held(h *History) int {
	n := len(s.mean)
	if s.of != h || s.first != h.base || n > len(h.mean) || int(s.gaps[n]) == n {
		return 0
	}
	return max((n+s.lead)>>blockBits<<blockBits-s.lead, 0)
}

// firstKnown is the rate of the first closed bucket that is known; 0 if none is.
func (h *History) firstKnown() float32 {
	for _, m := range h.mean {
		if m != gap {
			return unpack(m)
		}
	}
	return 0
}

// unpack fills block b, the buckets [lo, hi), after a bucket of that mean and so many
// gaps before it.
func (s *series) unpack(h *History, b, lo, hi int, mean float32, missing int32) (float32, int32) {
	means, peaks := h.mean[lo:hi], h.peak[lo:hi]
	outMean, outPeak, gaps := s.mean[lo:hi], s.peak[lo:hi], s.gaps[lo+1:hi+1]
	sum, top := 0.0, float32(0)
	for i, m := range means {
		peak := mean
		if m == gap {
			missing++
		} else {
			mean, peak = unpack(m), unpack(peaks[i])
		}
		outMean[i], outPeak[i], gaps[i] = mean, peak, missing
		sum += float64(mean)
		if peak > top {
			top = peak
		}
	}
	s.sums[b], s.tops[b] = sum, top
	return mean, missing
}

func (s *series) len() int { return len(s.mean) }

// end is the number of the first bucket that is not closed.
func (s *series) end() int64 { return s.first + int64(len(s.mean)) }

// whole says that the window [from, to) is closed and without a gap.
func (s *series) whole(from, to int) bool {
	return from >= 0 && to <= len(s.mean) && from < to && s.gaps[from] == s.gaps[to]
}

// sum is that of the means within [from, to).
func (s *series) sum(from, to int) float64 {
	total := 0.0
	for from < to && (from+s.lead)&(1<<blockBits-1) != 0 {
		total += float64(s.mean[from])
		from++
	}
	for ; from+1<<blockBits <= to; from += 1 << blockBits {
		total += s.sums[(from+s.lead)>>blockBits]
	}
	for ; from < to; from++ {
		total += float64(s.mean[from])
	}
	return total
}

// average is the mean rate of the n buckets up to and including i, or of as many
// as there are.
func (s *series) average(i, n int) float32 {
	from := max(i+1-n, 0)
	return float32(s.sum(from, i+1) / float64(i+1-from))
}

// top is the highest peak within [from, to), cut to what there is.
func (s *series) top(from, to int) float32 {
	from, to = max(from, 0), min(to, len(s.peak))
	best := float32(0)
	for from < to && (from+s.lead)&(1<<blockBits-1) != 0 {
		best = max(best, s.peak[from])
		from++
	}
	for ; from+1<<blockBits <= to; from += 1 << blockBits {
		best = max(best, s.tops[(from+s.lead)>>blockBits])
	}
	for ; from < to; from++ {
		best = max(best, s.peak[from])
	}
	return best
}

// highest is the highest peak of the n buckets up to and including i.
func (s *series) highest(i, n int) float32 { return s.top(i+1-n, i+1) }

// ahead is the highest peak of the h buckets after i.
func (s *series) ahead(i, h int) float32 { return s.top(i+1, i+1+h) }

// extend gives a slice n elements and keeps those it has.
func extend[T any](v []T, n int) []T {
	if cap(v) < n {
		return append(make([]T, 0, n+n/4), v...)[:n]
	}
	return v[:n]
}

// resize gives a slice n elements, using its memory again where it can.
func resize[T any](v []T, n int) []T {
	if cap(v) < n {
		return make([]T, n, n+n/4)
	}
	return v[:n]
}
