package sim

import "math"

// Sketch counts durations in buckets whose width is a 64th of their octave: quantiles are right to 0.8 %,
// and memory does not depend on how many are counted. It covers 61 microseconds to 3 days; what is outside
// counts at the edge. The zero value is empty.
type Sketch struct {
	counts []uint64
	n      uint64
	sum    float64
	top    float64
}

const (
	sketchBits    = 6   // of the mantissa that pick a bucket
	sketchLowest  = -14 // exponent of the lowest octave
	sketchOctaves = 32
)

// Observe counts a duration in seconds.
func (s *Sketch) Observe(seconds float64) {
	if s.counts == nil {
		s.counts = make([]uint64, sketchOctaves<<sketchBits)
	}
	s.counts[sketchBucket(seconds)]++
	s.n++
	s.sum += seconds
	s.top = max(s.top, seconds)
}

// sketchBucket reads the bucket off the bits of the number.
func sketchBucket(v float64) int {
	const lowest = (1023 + sketchLowest) << sketchBits
	at := int64(math.Float64bits(v)>>(52-sketchBits)) - lowest
	if v < 0 {
		at = 0
	}
	return int(min(max(at, 0), sketchOctaves<<sketchBits-1))
}

// middle is the middle of a bucket in seconds.
func middle(bucket int) float64 {
	octave, part := bucket>>sketchBits, bucket&(1<<sketchBits-1)
	return math.Ldexp(1+(float64(part)+0.5)/(1<<sketchBits), octave+sketchLowest)
}

// Count is how many durations were counted.
func (s *Sketch) Count() uint64 { return s.n }

// Mean is the mean in seconds, 0 without any.
func (s *Sketch) Mean() float64 {
	if s.n == 0 {
		return 0
	}
	return s.sum / float64(s.n)
}

// Max is the longest in seconds, exactly.
func (s *Sketch) Max() float64 { return s.top }

// Quantile is the nearest-rank quantile in seconds, 0 without any.
func (s *Sketch) Quantile(q float64) float64 {
	if s.n == 0 {
		return 0
	}
	rank := min(max(uint64(math.Ceil(q*float64(s.n))), 1), s.n)
	seen := uint64(0)
	for i, c := range s.counts {
		if seen += c; seen >= rank {
			return min(middle(i), s.top)
		}
	}
	return s.top
}

// Clone is a copy that shares nothing.
func (s *Sketch) Clone() Sketch {
	out := *s
	out.counts = append([]uint64(nil), s.counts...)
	return out
}
