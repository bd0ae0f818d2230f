package trace

import (
	"math"
	"time"
)

// Series is load in equal buckets. A NaN is a hole: nothing is known of that bucket.
type Series struct {
	Name     string
	File     string // it was read from; empty if it was not
	Bucket   time.Duration
	Start    time.Time // of the first bucket; zero where the trace does not tell
	Requests []float64 // per bucket
	Prompt   []float64 // tokens per bucket; all NaN where the trace has none
	Output   []float64 // tokens per bucket
}

// Len is the number of buckets.
func (s Series) Len() int { return len(s.Requests) }

// Span is the time from the first bucket's start to the last one's end.
func (s Series) Span() time.Duration { return time.Duration(s.Len()) * s.Bucket }

// Slice is the part of the series from bucket i up to but not including j. It shares memory.
func (s Series) Slice(i, j int) Series {
	out := s
	if !s.Start.IsZero() {
		out.Start = s.Start.Add(time.Duration(i) * s.Bucket)
	}
	out.Requests, out.Prompt, out.Output = s.Requests[i:j], s.Prompt[i:j], s.Output[i:j]
	return out
}

// Scale is the series with requests and tokens multiplied by k: the same shape at another size.
func (s Series) Scale(k float64) Series {
	out := s
	out.Requests, out.Prompt, out.Output = scaled(s.Requests, k), scaled(s.Prompt, k), scaled(s.Output, k)
	return out
}

func scaled(v []float64, k float64) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		out[i] = k * v[i]
	}
	return out
}

// Rates are the requests per second over equal steps from the start; a step that touches a hole is one.
// A step shorter than the bucket repeats its rate, a longer one averages by time.
func (s Series) Rates(step time.Duration) []float64 {
	if s.Len() == 0 || step <= 0 {
		return nil
	}
	out := make([]float64, int(s.Span()/step))
	per := s.Bucket.Seconds()
	for i := range out {
		from, to := time.Duration(i)*step, time.Duration(i+1)*step
		sum := 0.0
		for b := int(from / s.Bucket); b < s.Len() && time.Duration(b)*s.Bucket < to; b++ {
			lo, hi := time.Duration(b)*s.Bucket, time.Duration(b+1)*s.Bucket
			sum += s.Requests[b] / per * (min(hi, to) - max(lo, from)).Seconds()
		}
		out[i] = sum / step.Seconds()
	}
	return out
}

// Mean is the mean of the known buckets of a column, NaN if none is known.
func Mean(v []float64) float64 {
	sum, n := 0.0, 0
	for _, x := range v {
		if !math.IsNaN(x) {
			sum, n = sum+x, n+1
		}
	}
	return sum / float64(n)
}

// Holes is the number of buckets without a known number of requests.
func (s Series) Holes() int {
	n := 0
	for _, x := range s.Requests {
		if math.IsNaN(x) {
			n++
		}
	}
	return n
}
