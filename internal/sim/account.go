package sim

import (
	"math"
	"slices"
	"time"
)

// windowSeconds is how long first tokens count for the percentile of a Summary.
const windowSeconds = 60

// account keeps the books of a fleet.
type account struct {
	slo, itl  float64 // seconds to the first token; seconds per further token, 0 = not promised
	arrivals  uint64
	retries   uint64 // of the arrivals
	ended     [endings]uint64
	met       uint64 // first attempts with a first token in time
	missed    uint64 // first attempts decided otherwise
	good      uint64 // first attempts answered in full within every goal
	evictions uint64
	ttft      Sketch // of first attempts; of those that ended without a token their age
	tpot      Sketch // mean time per further token, of answered requests
	e2e       Sketch // of answered requests
	retired   Stats  // of replicas that are gone; of the histograms only ITL
	recent    []sample
	scratch   []float64
	interval  Summary // counters since the last Drain
}

type sample struct{ at, ttft float64 }

func (a *account) arrived(q Arrival) {
	a.arrivals++
	a.interval.Arrivals++
	if q.Attempt > 0 {
		a.retries++
	}
}

func (a *account) firstToken(r *Request, now float64) {
	ttft := now - r.Arrived
	a.recent = append(a.recent, sample{now, ttft})
	a.interval.FirstTokens++
	r.withinSLO = ttft <= a.slo
	if r.arrival.Attempt > 0 {
		return
	}
	a.ttft.Observe(ttft)
	if r.withinSLO {
		a.met++
	} else {
		a.missed++
	}
}

func (a *account) finished(r *Request, now float64, why Reason) {
	first := r.arrival.Attempt == 0
	if why != Abort {
		a.answered(r, now, first)
		return
	}
	a.ended[r.end]++
	a.interval.Dropped++
	switch {
	case !first:
	case r.firstToken < 0:
		a.missed++
		a.ttft.Observe(now - r.Arrived)
	case r.withinSLO: // cut off later: not a success after all
		a.met--
		a.missed++
	}
}

func (a *account) answered(r *Request, now float64, first bool) {
	a.ended[Answered]++
	a.interval.Completions++
	a.e2e.Observe(now - r.Arrived)
	per := 0.0
	if r.Output > 1 {
		per = (now - r.firstToken) / (r.Output - 1)
		a.tpot.Observe(per)
	}
	if first && r.withinSLO && (a.itl == 0 || per <= a.itl) {
		a.good++
	}
}

// forget drops first tokens before a moment. Samples of different replicas may be slightly out of order.
func (a *account) forget(before float64) {
	old := 0
	for old < len(a.recent) && a.recent[old].at < before {
		old++
	}
	if old > 0 {
		a.recent = append(a.recent[:0], a.recent[old:]...)
	}
}

// Totals are the books since the start. Every arrival is in exactly one of Completed to Held.
type Totals struct {
	Arrivals  uint64
	Completed uint64
	Dropped   uint64 // refused, given up or killed
	Running   uint64
	Waiting   uint64 // on a replica
	Held      uint64 // at the gateway

	Retries uint64 // of Arrivals: not the first attempt
	Refused uint64 // of Dropped: a queue was full
	GaveUp  uint64 // of Dropped: no first token in time
	CutOff  uint64 // of Dropped: the replica went
}

// Totals returns the books since the start.
func (f *Fleet) Totals() Totals {
	t := Totals{
		Arrivals:  f.account.arrivals,
		Completed: f.account.ended[Answered],
		Held:      uint64(f.held.len()),
		Retries:   f.account.retries,
		Refused:   f.account.ended[Refused],
		GaveUp:    f.account.ended[GaveUp],
		CutOff:    f.account.ended[CutOff],
	}
	t.Dropped = t.Refused + t.GaveUp + t.CutOff
	for _, p := range f.pods {
		if p.rep != nil {
			t.Running += uint64(p.rep.Running())
			t.Waiting += uint64(p.rep.Waiting())
		}
	}
	return t
}

// Summary is what a display needs to know about an interval and the state at its end.
type Summary struct {
	From, To    time.Time
	Arrivals    int
	FirstTokens int
	Completions int
	Dropped     int

	Desired, Starting, Ready, Draining int
	Running, Waiting, Held             int // requests: in batches, in replica queues, at the gateway

	TTFTP95     time.Duration // over the last minute; requests still waiting count with their age so far
	TTFTKnown   bool          // false when the last minute had no request
	Attainment  float64       // share of decided first attempts within the TTFT goal, since the start, 0..1
	Decided     uint64        // first token seen, dropped, or already waiting longer than the goal
	GPUHours    float64       // billed since the start
	CostUSD     float64       // since the start
	MeanKVUse   float64       // over serving replicas, 0..1
	PerGPUPrice float64       // USD per GPU-hour of the first variant, for the display of rates
}

// Drain returns what happened since the last Drain and the present state.
func (f *Fleet) Drain() Summary {
	s := f.account.interval
	if s.From.IsZero() {
		s.From = f.cfg.Start
	}
	s.To = f.Now()
	f.account.interval = Summary{From: s.To}
	t := f.Totals()
	s.Running, s.Waiting, s.Held = int(t.Running), int(t.Waiting), int(t.Held)
	s.Desired, s.Starting, s.Ready = 0, f.Count(Starting), f.Count(Ready)
	for _, v := range f.variants {
		s.Desired += v.desired
	}
	s.Draining = f.Count(Draining)
	s.GPUHours, s.CostUSD = f.bill()
	s.PerGPUPrice = f.cfg.GPUHourUSD
	s.MeanKVUse = f.meanKV()
	s.TTFTP95, s.TTFTKnown = f.ttftP95()
	s.Attainment, s.Decided = f.Attainment()
	return s
}

// GPUHours is what is billed since the start: each GPU from the moment its replica has a node to its end.
func (f *Fleet) GPUHours() float64 {
	hours, _ := f.bill()
	return hours
}

func (f *Fleet) bill() (gpuHours, usd float64) {
	for i, v := range f.variants {
		hours := f.billed(i) * float64(v.GPUs) / 3600
		gpuHours += hours
		usd += hours * v.GPUHourUSD
	}
	return gpuHours, usd
}

// billed is the replica-seconds of a variant.
func (f *Fleet) billed(variant int) float64 {
	seconds := f.variants[variant].billed
	for _, p := range f.pods {
		if p.variant == variant && p.placed {
			seconds += f.now - p.placedAt
		}
	}
	return seconds
}

// Attainment is the share of decided first attempts whose first token came in time, 1 before any is
// decided, and how many are decided. A request waiting longer than the goal is decided: it is a miss.
func (f *Fleet) Attainment() (share float64, decided uint64) {
	a := &f.account
	decided = a.met + a.missed
	f.eachWithoutToken(func(r *Request) {
		if r.arrival.Attempt == 0 && f.now-r.Arrived > a.slo {
			decided++
		}
	})
	if decided == 0 {
		return 1, 0
	}
	return float64(a.met) / float64(decided), decided
}

func (f *Fleet) eachWithoutToken(visit func(*Request)) {
	for i := range f.held.len() {
		visit(f.held.at(i))
	}
	for _, p := range f.pods {
		if p.rep != nil {
			p.rep.eachWithoutToken(visit)
		}
	}
}

// ttftP95 is the nearest-rank percentile over the first tokens of the window and the ages of the
// requests still waiting, which are lower bounds; without the latter an outage would look fast.
func (f *Fleet) ttftP95() (time.Duration, bool) {
	a := &f.account
	a.scratch = a.scratch[:0]
	for _, s := range a.recent {
		a.scratch = append(a.scratch, s.ttft)
	}
	f.eachWithoutToken(func(r *Request) { a.scratch = append(a.scratch, f.now-r.Arrived) })
	if len(a.scratch) == 0 {
		return 0, false
	}
	slices.Sort(a.scratch)
	rank := int(math.Ceil(0.95*float64(len(a.scratch)))) - 1
	return time.Duration(a.scratch[rank] * float64(time.Second)), true
}

func (f *Fleet) meanKV() float64 {
	sum, n := 0.0, 0
	for _, p := range f.pods {
		if p.Serving() {
			sum += p.rep.KVUse()
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}
