package idle

import (
	"time"

	"github.com/forewarm/forewarm/policy"
)

// step is the product's tick.
const step = 15 * time.Second

// product is the real policy on one tenant: Observe at every tick, and the replica goes at the first one at which
// policy.IdleAfter says that zero has been proven for long enough. Its warm-up is configured to be the restart cost.
type product struct {
	m      policy.Model
	l      policy.Learned
	now    time.Time
	next   int // of the tenant's arrivals
	t      Tenant
	asleep bool
}

func newProduct(t Tenant, cost float64) *product {
	m := policy.Model{
		ID: policy.ModelID{Namespace: "idle", Name: "tenant"}, SLO: policy.SLO{TTFTP95: 2 * time.Second, Attainment: 0.99},
		Idle: policy.Idle{ToZero: true, OnBlind: policy.BlindHold}, Gateway: true,
		Variants: []policy.Variant{{
			Name: "main", Max: 1, GPUs: 1, CapacityType: policy.OnDemand, PricePerGPU: 1,
			WarmUp: time.Duration(cost * float64(time.Second)), WarmUpFixed: true,
		}},
	}
	return &product{m: m, t: t, now: time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)}
}

// run is what the tenant costs: seconds idle, and restarts.
func (p *product) run() (idle float64, starts int) {
	begin := p.now
	since := 0.0 // moment of the newest request
	for ; p.next < len(p.t.Arrivals); p.now = p.now.Add(step) {
		at := p.now.Sub(begin).Seconds()
		came := 0
		for ; p.next < len(p.t.Arrivals) && p.t.Arrivals[p.next] <= at; p.next++ {
			a := p.t.Arrivals[p.next]
			if p.next > 0 && !p.asleep && a-since >= shortest {
				idle += a - since
			}
			if p.asleep {
				starts++
				p.asleep = false
			}
			since = a
			came++
		}
		in := p.input(came)
		before := p.l
		p.l = policy.Observe(p.m, p.l, in)
		if !p.asleep && came == 0 && p.next > 0 && p.now.Sub(before.LastBusy) >= policy.IdleAfter(p.m, before, in) {
			p.asleep = true
			idle += at - since
		}
	}
	return idle, starts
}

func (p *product) input(came int) policy.Input {
	seen := func(v float64) policy.Reading { return policy.Seen(v, step) }
	in := policy.Input{Model: p.m.ID, Now: p.now}
	in.Signals.Arrivals, in.Signals.ArrivalSource = seen(float64(came)/step.Seconds()), policy.FromGateway
	in.Signals.GatewayQueue = seen(0)
	supply := policy.Supply{Variant: "main", Known: true}
	if !p.asleep {
		supply.Spec, supply.Ready = 1, 1
		in.Signals.Pods = []policy.Pod{{
			Name: "main-0", Variant: "main", Pending: seen(0), Running: seen(float64(came)), KV: seen(0),
			Completions: seen(float64(came) / step.Seconds()), PromptTokens: seen(0), OutputTokens: seen(0),
		}}
	}
	in.Supply = []policy.Supply{supply}
	return in
}
