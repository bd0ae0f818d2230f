package sim

import (
	"math"
	"time"
)

// Advance moves the world to a moment: arrivals, replicas becoming ready, requests served, drains ended.
// A moment in the past changes nothing.
func (f *Fleet) Advance(to time.Time) {
	limit := to.Sub(f.cfg.Start).Seconds()
	for f.now < limit {
		at := min(limit, f.nextChange())
		if f.feedback != nil || f.held.len() > 0 {
			at = min(at, f.nextEvent()) // an end may bring an arrival, or make room for one held
		}
		if f.feedback != nil {
			f.peek(f.at(at))
		} else {
			f.peek(to)
		}
		at = max(f.now, min(at, f.arrival))
		f.runReplicas(at)
		f.now = at
		f.changeStates()
		f.release()
		if f.arrival <= f.now {
			f.arrive()
		}
	}
	for _, p := range f.pods {
		if p.rep != nil {
			p.rep.Advance(f.now)
		}
	}
	f.account.forget(f.now - windowSeconds)
}

// peek draws the next arrival unless one is waiting to be handled.
func (f *Fleet) peek(until time.Time) {
	if !math.IsInf(f.arrival, 1) {
		return
	}
	if a, ok := f.src.Next(until); ok {
		f.pending, f.arrival = a, max(f.now, a.At.Sub(f.cfg.Start).Seconds())
	}
}

// runReplicas handles the events inside replicas up to a moment. Replicas without one are left alone.
func (f *Fleet) runReplicas(to float64) {
	for _, p := range f.pods {
		if p.rep != nil && p.rep.Next() <= to {
			p.rep.Advance(to)
		}
	}
}

// arrive takes the pending arrival into the gateway and routes it.
func (f *Fleet) arrive() {
	f.nextID++
	f.account.arrived(f.pending)
	r := f.newRequest()
	*r = Request{
		ID:         f.nextID,
		Arrived:    f.arrival,
		Prompt:     float64(f.pending.Prompt),
		Output:     float64(max(1, f.pending.Output)),
		Truncated:  f.pending.Truncated,
		Session:    f.pending.Session,
		Prefix:     float64(min(f.pending.Prefix, f.pending.Prompt)),
		firstToken: -1,
		arrival:    f.pending,
	}
	f.arrival = math.Inf(1)
	if p := f.choose(r); p != nil && f.held.len() == 0 {
		f.route(r, p)
		return
	}
	if f.cfg.MaxHeld > 0 && f.held.len() >= f.cfg.MaxHeld {
		f.refuse(r)
		return
	}
	f.held.pushBack(r)
}

func (f *Fleet) newRequest() *Request {
	if n := len(f.idle); n > 0 {
		r := f.idle[n-1]
		f.idle = f.idle[:n-1]
		return r
	}
	return new(Request)
}

func (f *Fleet) route(r *Request, p *Pod) {
	if !p.rep.Enqueue(r, f.now) {
		f.refuse(r)
	}
}

// refuse answers 429.
func (f *Fleet) refuse(r *Request) {
	r.end = Refused
	f.end(r, f.now, Abort)
}

// release routes what the gateway holds, oldest first, as far as there is somebody to take it.
func (f *Fleet) release() {
	f.expireHeld()
	for f.held.len() > 0 {
		p := f.choose(f.held.at(0))
		if p == nil {
			return
		}
		f.route(f.held.popFront(), p)
	}
}

// expireHeld gives up requests the gateway held for too long.
func (f *Fleet) expireHeld() {
	for r := f.patience.expired(&f.held, f.now); r != nil; r = f.patience.expired(&f.held, f.now) {
		f.end(r, f.now, Abort)
	}
}
