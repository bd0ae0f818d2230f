package sim

import (
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/forewarm/forewarm/internal/sim/trace"
)

// seriesRate is a recorded rate. A hole holds the last known rate, for unknown demand is not zero demand.
type seriesRate struct {
	bucket         float64 // seconds
	requests       []float64
	prompt, output []float64 // tokens per request; NaN = not known
	scale          float64
}

// NewSeriesWorkload draws single arrivals from a recorded series: within a bucket at its rate times scale,
// with gaps as bursty as cfg.Burst says, and lengths of the bucket's mean with the spread of cfg.Prompt and
// cfg.Output, whose means stand where the trace has no tokens. Of cfg only Seed, Start, Burst, Prompt,
// Output and Sessions count. After the last bucket nothing arrives.
func NewSeriesWorkload(cfg WorkloadConfig, s trace.Series, scale float64) (*Workload, error) {
	if s.Len() == 0 || s.Bucket <= 0 || !(scale >= 0) || math.IsInf(scale, 0) {
		return nil, fmt.Errorf("workload of trace %s: want buckets and a scale of at least 0, got %d of %v and %g",
			s.Name, s.Len(), s.Bucket, scale)
	}
	w, err := NewWorkload(cfg)
	if err != nil {
		return nil, err
	}
	w.rng = source(cfg.Seed, purposeArrivals)
	w.series = &seriesRate{
		bucket: s.Bucket.Seconds(), requests: filled(s.Requests), scale: scale,
		prompt: perRequest(s.Prompt, s.Requests), output: perRequest(s.Output, s.Requests),
	}
	w.cell = w.series.bucket / math.Ceil(w.series.bucket/cellSeconds) // cells end where buckets do
	w.open()
	return w, nil
}

// filled replaces holes by the last known value, the first known one at the start.
func filled(v []float64) []float64 {
	out, last := append([]float64(nil), v...), math.NaN()
	for i := len(out) - 1; i >= 0; i-- {
		if !math.IsNaN(out[i]) {
			last = out[i] // the first known one in the end
		}
	}
	for i, x := range out {
		if math.IsNaN(x) {
			out[i] = last
		}
		last = out[i]
	}
	return out
}

func perRequest(tokens, requests []float64) []float64 {
	out := make([]float64, len(tokens))
	for i := range out {
		out[i] = math.NaN()
		if requests[i] > 0 {
			out[i] = tokens[i] / requests[i]
		}
	}
	return out
}

func (r *seriesRate) rate(s float64) float64 {
	i := int(s / r.bucket)
	if i < 0 || i >= len(r.requests) || math.IsNaN(r.requests[i]) {
		return 0
	}
	return r.requests[i] / r.bucket * r.scale
}

// means are the mean lengths at a moment, where the trace knows them.
func (r *seriesRate) means(s, prompt, output float64) (meanPrompt, meanOutput float64) {
	i := min(int(s/r.bucket), len(r.prompt)-1)
	if v := r.prompt[i]; v >= 1 {
		prompt = v
	}
	if v := r.output[i]; v >= 1 {
		output = v
	}
	return prompt, output
}

// Replay hands out recorded requests as they were, one at a time.
type Replay struct {
	src   *trace.Requests
	start time.Time
	next  Arrival
	ready bool
	err   error
}

// NewReplay replays a trace from a moment on. The caller closes the trace.
func NewReplay(src *trace.Requests, start time.Time) *Replay { return &Replay{src: src, start: start} }

// Next implements Arrivals. A request that the source recorded as failed asks for one token: what it would
// have asked for is not known.
func (r *Replay) Next(until time.Time) (Arrival, bool) {
	if !r.ready && r.err == nil {
		q, err := r.src.Next()
		if err != nil {
			r.err = err
			return Arrival{}, false
		}
		r.next = Arrival{
			At: r.start.Add(q.At), Prompt: max(1, q.Prompt), Output: max(1, q.Output),
			Session: q.Session, Prefix: q.Cached,
		}
		r.ready = true
	}
	if !r.ready || !r.next.At.Before(until) {
		return Arrival{}, false
	}
	r.ready = false
	return r.next, true
}

// Err is what ended the replay before the end of the trace, if anything did.
func (r *Replay) Err() error {
	if errors.Is(r.err, io.EOF) {
		return nil
	}
	return r.err
}
