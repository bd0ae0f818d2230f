package sim

import (
	"fmt"
	"math"
	"time"
)

// Scrape is the numbers of one exposition of a pod, without the text: what Expose writes, for readers in
// the same process. Buckets are cumulative, in the order of TTFTBounds and ITLBounds, +Inf last.
type Scrape struct {
	Running, Waiting, KV float64
	Completions          float64 // request_success_total, all reasons together
	PromptTokens         float64
	PrefixHits           float64
	OutputTokens         float64
	TTFT                 [23]float64
	ITL                  [20]float64
}

// TTFTBounds are the upper bounds of the buckets of TTFT in seconds, +Inf left out.
func TTFTBounds() []float64 { return append([]float64(nil), ttftBounds...) }

// ITLBounds are the upper bounds of the buckets of ITL in seconds, +Inf left out.
func ITLBounds() []float64 { return append([]float64(nil), itlBounds...) }

// Scrape reads a pod. One that is not serving answers nothing, as to Expose.
func (p *Pod) Scrape() (Scrape, error) {
	if !p.Serving() {
		return Scrape{}, fmt.Errorf("scrape %s: pod is %s", p.name, p.state)
	}
	s := p.rep.stats()
	out := Scrape{
		Running: float64(p.rep.Running()), Waiting: float64(p.rep.Waiting()), KV: p.rep.KVUse(),
		PromptTokens: math.Floor(s.PromptTokens), PrefixHits: math.Floor(s.PrefixHits),
		OutputTokens: math.Floor(s.GeneratedTokens),
	}
	for _, n := range s.Finished {
		out.Completions += float64(n)
	}
	s.TTFT.cumulate(out.TTFT[:])
	s.ITL.cumulate(out.ITL[:])
	return out, nil
}

func (h *Histogram) cumulate(into []float64) {
	total := 0.0
	for i, c := range h.counts {
		total += c
		into[i] = math.Floor(total)
	}
}

// Moments are when a pod was ordered, found its node and became ready, in whole seconds as the API server
// keeps them; zero where it did not yet.
func (f *Fleet) Moments(p *Pod) (ordered, placed, ready time.Time) {
	at := func(s float64) time.Time { return time.Unix(int64(f.unix(s)), 0).UTC() }
	ordered = at(p.created)
	if p.placed {
		placed = at(p.placedAt)
	}
	if p.Serving() {
		ready = at(p.readyAt)
	}
	return ordered, placed, ready
}
