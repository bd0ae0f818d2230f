package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// RetryConfig says how clients try again.
type RetryConfig struct {
	Seed    uint64
	Times   int           // attempts beyond the first
	Backoff time.Duration // before the first retry; doubles each time
	Most    time.Duration // of the backoff
}

// Retry makes the clients behind some Arrivals try again when a request was refused, given up or cut off:
// after a uniform share of Backoff * 2^attempt, at most Most (full jitter). A retry is the same request
// with a higher Attempt: it is load, but no demand, and is not scored.
type Retry struct {
	cfg    RetryConfig
	rng    *rand.Rand
	src    Arrivals
	inner  Feedback // src, if it wants to know
	next   Arrival
	ready  bool
	agenda agenda
}

// NewRetry wraps arrivals.
func NewRetry(src Arrivals, cfg RetryConfig) (*Retry, error) {
	if src == nil {
		return nil, errors.New("retry: want arrivals, got none")
	}
	if cfg.Times < 0 || cfg.Backoff <= 0 || cfg.Most < cfg.Backoff {
		return nil, fmt.Errorf("retry: want times at least 0 and 0 < backoff <= most, got %+v", cfg)
	}
	r := &Retry{cfg: cfg, rng: source(cfg.Seed, purposeClients), src: src}
	r.inner, _ = src.(Feedback)
	return r, nil
}

// Next implements Arrivals.
func (r *Retry) Next(until time.Time) (Arrival, bool) {
	if !r.ready {
		r.next, r.ready = r.src.Next(until)
	}
	if r.ready && r.next.At.Before(until) {
		if again, ok := r.agenda.before(r.next.At); ok {
			return again, true
		}
		r.ready = false
		return r.next, true
	}
	return r.agenda.before(until)
}

// Ended implements Feedback.
func (r *Retry) Ended(a Arrival, at time.Time, how Ending) {
	if how != Answered && a.Attempt < r.cfg.Times {
		wait := r.cfg.Backoff
		for range a.Attempt {
			wait = min(2*wait, r.cfg.Most)
		}
		a.Attempt++
		r.agenda.add(at.Add(time.Duration(r.rng.Float64()*float64(wait))), a)
		return
	}
	if r.inner != nil {
		a.Attempt = 0
		r.inner.Ended(a, at, how)
	}
}
