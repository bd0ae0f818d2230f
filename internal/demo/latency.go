package demo

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// buckets is a classic Prometheus histogram: bounds in seconds, the last one
// +Inf, with cumulative counts. The zero value has seen nothing.
type buckets struct {
	bounds []float64
	counts []float64
}

// parseBuckets reads one histogram from an exposition. Bounds never change while
// a process lives, so those of an earlier look are taken over.
func parseBuckets(text []byte, prefix string, earlier buckets) (buckets, error) {
	b := buckets{bounds: earlier.bounds, counts: make([]float64, 0, len(earlier.bounds))}
	i := bytes.Index(text, []byte("\n"+prefix))
	if i < 0 {
		return b, fmt.Errorf("read %s...}: no such series", prefix)
	}
	for rest := text[i+1:]; bytes.HasPrefix(rest, []byte(prefix)); {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		if len(b.bounds) == len(b.counts) {
			_, after, _ := bytes.Cut(line, []byte(`le="`))
			le, _, _ := bytes.Cut(after, []byte(`"`))
			bound, err := strconv.ParseFloat(string(le), 64)
			if err != nil {
				return b, fmt.Errorf("read a bound of %s...}: %w", prefix, err)
			}
			b.bounds = append(b.bounds, bound)
		}
		n, err := parseLast(line)
		if err != nil {
			return b, err
		}
		b.counts = append(b.counts, n)
	}
	return b, nil
}

// parseLast reads the value at the end of a sample line.
func parseLast(line []byte) (float64, error) {
	v, err := strconv.ParseFloat(string(line[bytes.LastIndexByte(line, ' ')+1:]), 64)
	if err != nil {
		return 0, fmt.Errorf("read %q: %w", line, err)
	}
	return v, nil
}

// minus is what came since an earlier look at the same histogram.
func (b buckets) minus(earlier buckets) buckets {
	out := buckets{bounds: b.bounds, counts: slices.Clone(b.counts)}
	for i := range earlier.counts {
		out.counts[i] -= earlier.counts[i]
	}
	return out
}

// add merges another histogram with the same bounds, or one that saw nothing.
func (b *buckets) add(o buckets) {
	if b.counts == nil {
		*b = buckets{bounds: o.bounds, counts: slices.Clone(o.counts)}
		return
	}
	for i := range o.counts {
		b.counts[i] += o.counts[i]
	}
}

// quantile is what histogram_quantile of PromQL gives, in seconds: linear within
// a bucket, the highest finite bound above it. False if nothing was counted.
func (b buckets) quantile(q float64) (float64, bool) {
	n := len(b.counts)
	if n == 0 || b.counts[n-1] <= 0 {
		return 0, false
	}
	rank := q * b.counts[n-1]
	i, _ := slices.BinarySearch(b.counts, rank)
	if i >= n-1 || math.IsInf(b.bounds[i], 1) {
		return b.bounds[n-2], true
	}
	low, below := 0.0, 0.0
	if i > 0 {
		low, below = b.bounds[i-1], b.counts[i-1]
	}
	return low + (b.bounds[i]-low)*(rank-below)/(b.counts[i]-below), true
}

// recent keeps the histograms of the last rounds of scrapes.
type recent struct {
	keep   int
	rounds []buckets
}

func (r *recent) add(b buckets) {
	r.rounds = append(r.rounds, b)
	if len(r.rounds) > r.keep {
		r.rounds = slices.Delete(r.rounds, 0, len(r.rounds)-r.keep)
	}
}

func (r *recent) quantile(q float64) (float64, bool) {
	var sum buckets
	for _, b := range r.rounds {
		sum.add(b)
	}
	return sum.quantile(q)
}
