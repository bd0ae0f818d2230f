package sim

import "math"

// Bucket bounds in seconds, as vLLM V1 declares them (vllm/v1/metrics/loggers.py).
var (
	ttftBounds = []float64{
		0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75,
		1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560,
	}
	itlBounds = []float64{
		0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75,
		1, 2.5, 5, 7.5, 10, 20, 40, 80,
	}
	latencyBounds = []float64{
		0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60,
		120, 240, 480, 960, 1920, 7680,
	}
)

// Histogram is a Prometheus classic histogram. Weights may be fractions of a token while a span of
// decoding is under way; readers see whole numbers, rounded down, so counts never fall.
type Histogram struct {
	bounds []float64
	counts []float64 // per bucket, the last one is +Inf
	sum    float64
}

func newHistogram(bounds []float64) Histogram {
	return Histogram{bounds: bounds, counts: make([]float64, len(bounds)+1)}
}

// observe adds a value with a weight. Bounds are few and typical values low, so the scan is short.
func (h *Histogram) observe(v, weight float64) {
	i := 0
	for i < len(h.bounds) && v > h.bounds[i] {
		i++
	}
	h.counts[i] += weight
	h.sum += v * weight
}

// Count is the number of whole observations.
func (h *Histogram) Count() float64 {
	total := 0.0
	for _, c := range h.counts {
		total += c
	}
	return math.Floor(total)
}

// Sum is the sum of the observed values in seconds.
func (h *Histogram) Sum() float64 { return h.sum }

// add counts what another histogram of the same bounds has; the zero value takes the bounds over.
func (h *Histogram) add(o *Histogram) {
	if o.counts == nil {
		return
	}
	if h.counts == nil {
		*h = newHistogram(o.bounds)
	}
	for i, c := range o.counts {
		h.counts[i] += c
	}
	h.sum += o.sum
}

// Quantile is the quantile as PromQL's histogram_quantile computes it, in seconds; NaN without any.
func (h *Histogram) Quantile(q float64) float64 {
	total := 0.0
	for _, c := range h.counts {
		total += c
	}
	if total == 0 {
		return math.NaN()
	}
	rank, below := q*total, 0.0
	for i, c := range h.counts {
		if below+c < rank {
			below += c
			continue
		}
		if i == len(h.bounds) {
			break
		}
		low := 0.0
		if i > 0 {
			low = h.bounds[i-1]
		}
		return low + (h.bounds[i]-low)*(rank-below)/c
	}
	return h.bounds[len(h.bounds)-1]
}
