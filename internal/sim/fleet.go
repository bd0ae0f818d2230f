package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Arrivals is where a fleet takes its requests from: Workload, or a recorded trace. Next hands out the
// next arrival if it comes before the given moment; arrivals come in order.
type Arrivals interface {
	Next(until time.Time) (Arrival, bool)
}

// Feedback is Arrivals that depend on what became of earlier ones: clients that wait for the answer, think,
// or try again. A fleet asks them only up to its own next event, so that an end can bring an arrival.
type Feedback interface {
	Arrivals
	// Ended tells how a request ended and when. Arrivals it brings are not before that.
	Ended(a Arrival, at time.Time, how Ending)
}

// Fleet is the deployments of one model behind a gateway, driven by Advance and Scale.
//
// The gateway counts every arrival, holds requests while no replica is ready, and routes each by the
// configured Router. A replica is billed from the moment it has a node to its end, warming included.
type Fleet struct {
	cfg      FleetConfig
	variants []*variant
	src      Arrivals
	feedback Feedback // src, if it wants to know
	now      float64
	pods     []*Pod // alive, oldest first
	unplaced int    // of which without a node
	held     queue  // at the gateway
	patience patience
	pending  Arrival
	arrival  float64 // moment of pending, +Inf when there is none before the limit
	turn     int     // where the router starts to look, so that ties go round
	names    *rand.Rand
	warmUps  *rand.Rand
	spot     *rand.Rand
	idle     []*Request // free list
	nextID   uint64
	account  account
}

// NewFleet checks the configuration and returns the fleet at its start, the first replicas warm.
func NewFleet(cfg FleetConfig, src Arrivals) (*Fleet, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("fleet: %w", err)
	}
	f := &Fleet{
		cfg:     cfg,
		src:     src,
		arrival: math.Inf(1),
		names:   source(cfg.Seed, purposeNames),
		warmUps: source(cfg.Seed, purposeWarmUp),
		spot:    source(cfg.Seed, purposeSpot),
		account: account{slo: cfg.TTFT.Seconds(), itl: cfg.ITL.Seconds()},
	}
	f.feedback, _ = src.(Feedback)
	for _, c := range cfg.variants() {
		f.variants = append(f.variants, &variant{VariantConfig: c, hash: letters(f.names, 10), limit: -1})
	}
	f.patience = patience(cfg.HoldFor.Seconds())
	if cfg.HoldFor == 0 {
		f.patience = patience(f.variants[0].patience().Seconds())
	}
	f.stepNodes()
	for i, v := range f.variants {
		f.ScaleVariant(i, v.Replicas)
	}
	for _, p := range f.pods {
		if p.placed {
			f.makeReady(p)
		}
	}
	return f, nil
}

// Config is the configuration the fleet was made with.
func (f *Fleet) Config() FleetConfig { return f.cfg }

// Variants are the deployments, the first one first.
func (f *Fleet) Variants() []VariantConfig {
	out := make([]VariantConfig, len(f.variants))
	for i, v := range f.variants {
		out[i] = v.VariantConfig
	}
	return out
}

// Now is the moment the fleet has reached.
func (f *Fleet) Now() time.Time { return f.at(f.now) }

func (f *Fleet) at(s float64) time.Time {
	return f.cfg.Start.Add(time.Duration(math.Round(s * float64(time.Second))))
}

// Pods are the pods alive, oldest first. The slice is valid until the next Advance or Scale.
func (f *Fleet) Pods() []*Pod { return f.pods }

// Desired is the last count given to Scale.
func (f *Fleet) Desired() int { return f.variants[0].desired }

// DesiredOf is the last count given to ScaleVariant.
func (f *Fleet) DesiredOf(variant int) int { return f.variants[variant].desired }

// Count is the number of pods in a state, all variants together.
func (f *Fleet) Count(s State) int {
	n := 0
	for _, p := range f.pods {
		if p.state == s {
			n++
		}
	}
	return n
}

// CountOf is the number of pods of one variant in a state.
func (f *Fleet) CountOf(variant int, s State) int {
	n := 0
	for _, p := range f.pods {
		if p.variant == variant && p.state == s {
			n++
		}
	}
	return n
}

// Scale asks for a number of replicas of the first variant. Those added start to warm up; those removed
// are the ones a replica set would take: starting before ready, young before old.
func (f *Fleet) Scale(n int) { f.ScaleVariant(0, n) }

// ScaleVariant is Scale for one of several variants.
func (f *Fleet) ScaleVariant(i, n int) {
	v := f.variants[i]
	v.desired = max(0, n)
	active := f.restore(i)
	for _, s := range []State{Starting, Ready} {
		for k := len(f.pods) - 1; k >= 0 && active > v.desired; k-- {
			if p := f.pods[k]; p.variant == i && p.state == s {
				f.stop(p)
				active--
			}
		}
	}
	f.sweep()
}

// restore starts the pods that a variant lacks, as a replica set does, and returns how many are active.
func (f *Fleet) restore(i int) int {
	active := f.CountOf(i, Starting) + f.CountOf(i, Ready)
	for ; active < f.variants[i].desired; active++ {
		f.start(i)
	}
	return active
}

// makeReady opens a warmed replica and lets the requests held at the gateway in.
func (f *Fleet) makeReady(p *Pod) {
	p.state, p.readyAt = Ready, f.now
	if v := f.variants[p.variant].varied(f.cfg.Seed ^ p.key); v.Slots != nil {
		p.rep = NewSlots(*v.Slots, f.now, (*books)(f), f.spot.Uint64())
	} else {
		p.rep = NewReplica(v.Replica, f.now, (*books)(f))
	}
	f.release()
}

// end books the end of a request, tells its client, and keeps it for reuse.
func (f *Fleet) end(r *Request, now float64, why Reason) {
	f.account.finished(r, now, why)
	if f.feedback != nil {
		f.feedback.Ended(r.arrival, f.at(now), r.end)
	}
	f.idle = append(f.idle, r)
}

// books is the Fleet as its replicas see it.
type books Fleet

// FirstToken implements Sink.
func (b *books) FirstToken(r *Request, now float64) { b.account.firstToken(r, now) }

// Finished implements Sink.
func (b *books) Finished(r *Request, now float64, why Reason) { (*Fleet)(b).end(r, now, why) }
