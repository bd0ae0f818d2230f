package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Arrival is one request as a client sends it.
type Arrival struct {
	At        time.Time
	Prompt    int // tokens
	Output    int // tokens
	Truncated bool
	Session   uint64 // conversation, 0 = none
	Prefix    int    // leading prompt tokens that the conversation had before
	Client    int    // who sent it, where somebody must know
	Attempt   int    // 0 for the first, then 1, 2, ...
}

// Workload draws the arrivals of one model, one at a time, so memory does not depend on the length.
//
// Gaps are gamma distributed in operational time: with L(t) the integral of Rate, the next arrival is
// where L has grown by a gamma variate of mean 1 and variance Burst^2. Within a cell of ten seconds the
// rate is held at its middle value.
type Workload struct {
	cfg      WorkloadConfig
	shape    float64 // of the gap distribution
	midnight float64 // seconds from midnight UTC to Start
	weekday  int     // of Start, Sunday is 0
	rng      *rand.Rand
	talks    *talks      // nil without conversations
	series   *seriesRate // nil unless the rate is recorded

	cell     float64 // seconds of constant rate
	now      float64 // seconds since Start
	need     float64 // operational time until the next arrival
	cellEnd  float64
	cellRate float64
	ready    bool // next is drawn and not handed out
	next     Arrival
	nextAt   float64
}

const cellSeconds = 10

// NewWorkload checks the configuration and returns the generator at its start.
func NewWorkload(cfg WorkloadConfig) (*Workload, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("workload: %w", err)
	}
	start := cfg.Start.UTC()
	w := &Workload{
		cfg:      cfg,
		cell:     cellSeconds,
		shape:    1 / (cfg.Burst * cfg.Burst),
		midnight: start.Sub(start.Truncate(24 * time.Hour)).Seconds(),
		weekday:  int(start.Weekday()),
		rng:      source(cfg.Seed, purposeArrivals),
	}
	if cfg.Sessions.Turns > 1 {
		w.talks = newTalks(cfg.Seed, cfg.Sessions)
	}
	w.open()
	return w, nil
}

func (w *Workload) open() {
	w.need = gammaUnit(w.rng, w.shape)
	w.cellEnd, w.cellRate = w.cell, w.rate(w.cell/2)
}

// Next hands out the next arrival if it comes before the given moment. How often it is asked does not
// change what it answers.
func (w *Workload) Next(until time.Time) (Arrival, bool) {
	limit := until.Sub(w.cfg.Start).Seconds()
	for !w.ready {
		if w.now >= limit {
			return Arrival{}, false
		}
		w.cross()
	}
	if w.nextAt >= limit {
		return Arrival{}, false
	}
	w.ready = false
	return w.next, true
}

// cross goes to the next arrival or to the end of the cell, whichever comes first.
func (w *Workload) cross() {
	if work := w.cellRate * (w.cellEnd - w.now); w.need > work || work == 0 {
		w.need -= work
		w.now = w.cellEnd
		w.cellEnd += w.cell
		w.cellRate = w.rate(w.now + w.cell/2)
		return
	}
	w.now += w.need / w.cellRate
	w.need = gammaUnit(w.rng, w.shape)
	prompt, output := w.lengths()
	w.next = Arrival{At: w.cfg.Start.Add(time.Duration(w.now * float64(time.Second)))}
	w.next.Prompt, _ = prompt.draw(w.rng)
	w.next.Output, w.next.Truncated = output.draw(w.rng)
	if w.talks != nil {
		w.talks.turn(&w.next)
	}
	w.nextAt, w.ready = w.now, true
}

// lengths are the distributions at this moment.
func (w *Workload) lengths() (prompt, output Lengths) {
	prompt, output = w.cfg.Prompt, w.cfg.Output
	if w.cfg.PromptDrift != 0 {
		prompt.Mean = max(1, prompt.Mean*math.Pow(1+w.cfg.PromptDrift, w.now/daySeconds))
	}
	if w.cfg.OutputDrift != 0 {
		output.Mean = max(1, output.Mean*math.Pow(1+w.cfg.OutputDrift, w.now/daySeconds))
	}
	if w.series != nil {
		prompt.Mean, output.Mean = w.series.means(w.now, prompt.Mean, output.Mean)
	}
	return prompt, output
}

func (l Lengths) draw(rng *rand.Rand) (n int, cut bool) {
	x := int(math.Round(min(lognormal(rng, l.Mean, l.Sigma), math.MaxInt32)))
	return max(1, min(l.Max, x)), x > l.Max
}
