package world

import (
	"math"

	"github.com/forewarm/forewarm/policy"
)

// quantile is histogram_quantile(0.95, sum(rate(x_bucket[RateWindow]))) at the moment: rates with PromQL's
// extrapolation, summed over pods, then interpolated within a bucket.
func (v *view) quantile(bounds []float64, of func(s *sample, bucket int) float64) policy.Reading {
	sums := make([]float64, len(bounds)+1)
	for _, name := range v.names() {
		all := v.tracks[name].between(v.windowStart(), v.at)
		if len(all) < 2 {
			continue
		}
		for b := range sums {
			sums[b] += v.promRate(all, func(s *sample) float64 { return of(s, b) })
		}
	}
	total := sums[len(bounds)]
	if !(total > 0) || math.IsInf(total, 0) {
		return policy.Reading{} // nobody was served within the window
	}
	rank := 0.95 * total
	for b, upTo := range sums {
		if upTo < rank {
			continue
		}
		if b == len(bounds) {
			break
		}
		low, below := 0.0, 0.0
		if b > 0 {
			low, below = bounds[b-1], sums[b-1]
		}
		return policy.Seen(low+(bounds[b]-low)*(rank-below)/(upTo-below), 0)
	}
	return policy.Seen(bounds[len(bounds)-1], 0)
}

// promRate is PromQL's rate over the window: the increase between the samples, extrapolated towards the
// edges of the window by at most half an interval, or to them if they are near, and never below zero.
func (v *view) promRate(all []sample, of func(*sample) float64) float64 {
	first, last := &all[0], &all[len(all)-1]
	gained := increase(all, of)
	span := last.at.Sub(first.at).Seconds()
	between := span / float64(len(all)-1)
	near := between * 1.1
	before := first.at.Sub(v.windowStart()).Seconds()
	after := v.at.Sub(last.at).Seconds()
	if before >= near {
		before = between / 2
	}
	if start := of(first); gained > 0 && start >= 0 {
		before = math.Min(before, span*start/gained)
	}
	if after >= near {
		after = between / 2
	}
	return gained * (span + before + after) / span / v.opt.RateWindow.Seconds()
}
