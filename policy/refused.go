package policy

import (
	"math"
	"time"
)

// refusedHalfLife is how long it takes until half of what clients keep getting wrong
// counts as demand: long beside a storm of retries, short beside a week.
const refusedHalfLife = 6 * time.Hour

// Refusals are how many requests a gateway usually answers by an error or 429: a mean
// over time, so that a storm counts by how long it was and not by its requests.
type Refusals struct {
	Share float64 `json:"share"` // decayed share of arrivals x seconds
	For   float64 `json:"for"`   // decayed seconds behind Share
	Calm  float64 `json:"calm"`  // arrivals per second when refusals were last as usual
}

// observe adds one tick; unknown readings and silence teach nothing.
func (r Refusals) observe(s *Signals, fade *fades) Refusals {
	a := s.Arrivals
	if !s.refusalsKnown() || a.Value <= 0 {
		return r
	}
	if r.risen(s) == 0 {
		r.Calm = a.Value
	}
	dt := fade.elapsed.Seconds()
	r.Share = r.Share*fade.refused + min(s.Refused.Value/a.Value, 1)*dt
	r.For = r.For*fade.refused + dt
	return r
}

// risen is how many of the arrivals per second are more than first attempts, the
// usual share of which is refused,
//
//	arrivals - refused = (1 - usual share) x first attempts
//
// and 0 unless refusals are above usual by more than burstSigmas of a Poisson count
// over the rate window, and until the usual share is known.
func (r Refusals) risen(s *Signals) float64 {
	if r.For <= 0 || !s.refusalsKnown() {
		return 0
	}
	usual := r.Share / r.For
	above, over := s.Refused.Value-usual*s.Arrivals.Value, rateWindow.Seconds()
	if above*over <= burstSigmas*math.Sqrt(s.Refused.Value*over) || usual >= 1 {
		return 0
	}
	return above / (1 - usual)
}

// refusalsKnown says that a gateway counts both; completions hold no refused request.
func (s *Signals) refusalsKnown() bool {
	return s.ArrivalSource == FromGateway && s.Arrivals.Known && s.Refused.Known
}

// FirstAttempts are the arrivals that are demand, requests per second: what tomorrow
// is forecast from. Each retry follows a refusal, so the rise of refusals is taken
// off, down to what is served and to what came before it: neither an outage nor a
// storm makes fewer clients. Where nothing serves, first attempts are refused as well
// and all count. Errors that last are demand, because they become usual. The present
// is counted in full (ruleWork).
func FirstAttempts(l *Learned, in *Input) float64 {
	s := &in.Signals
	rise := l.Refusals.risen(s)
	if rise == 0 || len(s.Pods) == 0 {
		return s.Arrivals.Value
	}
	served := 0.0
	for i := range s.Pods {
		served += s.Pods[i].Completions.Value
	}
	return min(max(s.Arrivals.Value-rise, served, l.Refusals.Calm), s.Arrivals.Value)
}
