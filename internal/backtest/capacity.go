package backtest

import (
	"fmt"
	"math"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// Where a capacity or a warm-up comes from.
const (
	Configured = "configured" // said in the file
	Inferred   = "inferred"   // from the history
	Assumed    = "assumed"    // nothing in the history tells
)

const (
	// openEnd is how far beyond the known end the other end is put when history shows only one.
	openEnd = 2.0
	// nearlySame is when both ends are one.
	nearlySame = 1.001
)

// Capacity is what one replica carries within the SLO, in requests/s. All three are the same if configured.
type Capacity struct {
	Source string  `json:"source"` // configured, inferred or assumed
	Low    float64 `json:"lowRequestsPerSecond"`
	Middle float64 `json:"middleRequestsPerSecond"`
	High   float64 `json:"highRequestsPerSecond"`
}

// capacityOf is the capacity of variant i, with a sentence on where it comes from unless it is configured.
//
// Inferred is an interval: a replica carried Lower while the SLO held, and had Upper while a queue stood, so
// the truth is between. The middle is the geometric mean. An end that was never seen is put at openEnd times
// (or by) the other.
func (h *History) capacityOf(i int) (Capacity, string) {
	v, work := h.Model.Variants[i], policy.WorkPerRequest(h.Learned)
	if c := carries(v.Capacity, work); v.CapacityFixed && c > 0 {
		return Capacity{Configured, c, c, c}, ""
	}
	low, high := h.Lower[i], h.Upper[i]
	c := Capacity{Source: Inferred, Low: min(low, high), High: max(low, high)}
	how := fmt.Sprintf("a replica carried %.3g requests/s while its promise held, and %.3g while a queue stood", low, high)
	switch {
	case low > 0 && high > 0:
	case low > 0:
		c.Low, c.High = low, low*openEnd
		how = fmt.Sprintf("a replica carried %.3g requests/s while its promise held and no queue ever stood, "+
			"so the high end is an assumption, %g times the low one", low, openEnd)
	case high > 0:
		c.Low, c.High = high/openEnd, high
		how = fmt.Sprintf("a queue stood at %.3g requests/s per replica and no load was seen to be carried for long, "+
			"so the low end is an assumption, the high one divided by %g", high, openEnd)
	default:
		prior := carries(policy.PriorCapacity(), work)
		c = Capacity{Source: Assumed, Low: prior / openEnd, High: prior * openEnd}
		how = "the history shows neither a load that was carried for long nor a queue; this is the built-in prior " +
			"within a factor of 2"
	}
	c.Middle = math.Sqrt(c.Low * c.High)
	return c, fmt.Sprintf("The capacity of a %s replica is not configured: results are for %.3g, with %.3g and %.3g "+
		"requests/s as error bars, because %s. The promise is a p95 TTFT of %s.",
		v.Name, c.Middle, c.Low, c.High, how, h.Model.SLO.TTFTP95)
}

// points are the capacities that are run, the middle first.
func (c Capacity) points() []float64 {
	if c.High <= c.Low*nearlySame {
		return []float64{c.Middle}
	}
	return []float64{c.Middle, c.Low, c.High}
}

// carries is how many requests/s a capacity carries, by its scarcest dimension; 0 = it bounds nothing.
func carries(c policy.Capacity, request policy.Work) float64 {
	best := math.Inf(1)
	for _, d := range [][2]float64{
		{c.Requests, request.Requests}, {c.PromptTokens, request.PromptTokens}, {c.OutputTokens, request.OutputTokens},
	} {
		if d[0] > 0 && d[1] > 0 {
			best = min(best, d[0]/d[1])
		}
	}
	if math.IsInf(best, 1) {
		return 0
	}
	return best
}

// WarmUp is how long a replica takes from order to ready.
type WarmUp struct {
	Source  string  `json:"source"` // configured, inferred or assumed
	Seconds float64 `json:"seconds"`
	Seen    int     `json:"seen"` // warm-ups that the history shows
}

// warmUpOf is the configured warm-up of variant i, else the median of those seen, else the prior.
func (h *History) warmUpOf(i int) (WarmUp, time.Duration) {
	took, source := h.Model.Variants[i].WarmUp, Assumed
	switch n := len(h.WarmUps); {
	case h.Model.Variants[i].WarmUpFixed:
		source = Configured
	case n > 0:
		took, source = h.WarmUps[n/2], Inferred
	}
	return WarmUp{Source: source, Seconds: took.Seconds(), Seen: len(h.WarmUps)}, took
}
