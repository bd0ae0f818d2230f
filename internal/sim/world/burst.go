package world

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/forewarm/forewarm/internal/engine"
	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/internal/sim/trace"
	"github.com/forewarm/forewarm/policy"
)

// Burst is the bursty profile on which llm-d's autoscaler was published (llm-d autoscaling, pull request
// 1118): steps of demand that nothing announces. See DefaultBurst for the numbers.
type Burst struct {
	Rates   []float64     // requests/s, one stage after another
	Stage   time.Duration // length of a stage
	Prelude time.Duration // idle before the first stage, so that metrics have a past
	Drain   time.Duration // after the last stage; what is unfinished then counts with its age
	Prompt  sim.Lengths
	Output  sim.Lengths
	Fleet   sim.FleetConfig // Replicas is set to Initial
	Initial int             // replicas ready when the first stage begins
	Most    int             // replicas a policy may ask for; 0 = Uncapped
	Seed    uint64
	Rivals  bool // also all rivals of the fluid world
	Under   sim.Conditions
	Beat    Beat
}

// Uncapped is the maximum given to policies where there is none: three times what the profile's peak needs.
const Uncapped = 24

// DefaultBurst is that profile on our replica: 15, 2, 10, 15, 5, 2 requests/s for 150 s each, 1000/1000
// tokens, start-up 103 s. Its queue is not stated in the source; here it has no bound, and clients wait for
// as long as it takes, so that every request counts with its true wait.
func DefaultBurst() Burst {
	fc := sim.DefaultFleet()
	fc.WarmUp.Sigma = 0
	return Burst{
		Rates: []float64{15, 2, 10, 15, 5, 2}, Stage: 150 * time.Second,
		Prelude: 2 * time.Minute, Drain: 20 * time.Minute,
		Prompt: sim.Lengths{Mean: 1000, Max: 1000}, Output: sim.Lengths{Mean: 1000, Max: 1000},
		Fleet: fc, Initial: 1, Seed: 1,
	}
}

// BurstRow is what one policy came to.
type BurstRow struct {
	Policy       string
	Gateway      string // "holds" (flow control) or "sends on"
	Initial      int
	Most         int // 0 = uncapped
	Result       sim.Result
	Bounded      bool          // there are bounds: they are of replicas that are alike, and of one start-up time
	Bound        time.Duration // no causal policy has a lower p99 TTFT, by the formula of iterations alone
	Causal       time.Duration // nor this, with what a saturated replica of this world does
	Observable   time.Duration // nor this, if it sees the burst through scrape, tick and sync
	Eager        time.Duration // p99 TTFT of the policy that asks for all it may have as soon as it can see the burst
	Errors       float64       // requests without a first token within Patience, in a run with such clients
	Unavoidable  float64       // of those, how many any policy has that sees the burst through scrape, tick and sync
	MeanReplicas float64       // billed, over the stages and the drain
	Ended        time.Duration // from the first arrival to the last answer, at most to the end of the drain
}

// policies are the policies compared, each made anew for one run.
func (b Burst) policies() ([]func(*World) Policy, error) {
	most := b.most()
	all := []func(*World) Policy{
		b.eager,
		func(w *World) Policy { return NewForewarm(w, b.engine()) },
		func(*World) Policy { return NewHPA(Queue(), 5, 1, most) },
		func(*World) Policy { return NewHPA(Concurrency(), 32, 1, most) },
		func(*World) Policy { return Static(b.Initial) },
		func(*World) Policy { return Static(min(most, enough)) },
	}
	if !b.Rivals {
		return all, nil
	}
	rivals, err := b.rivals()
	return append(all, rivals...), err
}

// engine is how the engine is set up: it is told of a quota, as it would be configured.
func (b Burst) engine() engine.Options {
	o := engine.DefaultOptions()
	o.Interval = cmp.Or(b.Beat.Tick, o.Interval)
	if b.Under.Quota > 0 {
		o.Budgets = []policy.Budget{{Name: "quota", Resource: "nvidia.com/gpu", Limit: b.Under.Quota}}
	}
	return o
}

// enough replicas carry the peak of the profile.
const enough = 8

func (b Burst) most() int {
	if b.Most > 0 {
		return b.Most
	}
	return Uncapped
}

// arrivals is the profile as a workload; it begins with the prelude.
func (b Burst) arrivals() (*sim.Workload, error) {
	s := trace.Series{Name: "burst", Bucket: time.Second}
	for range int(b.Prelude / s.Bucket) {
		s.Requests = append(s.Requests, 0)
	}
	for _, rate := range b.Rates {
		for range int(b.Stage / s.Bucket) {
			s.Requests = append(s.Requests, rate)
		}
	}
	s.Prompt, s.Output = make([]float64, s.Len()), make([]float64, s.Len()) // the configured lengths
	c := sim.DefaultWorkload()
	c.Seed, c.Start, c.Burst, c.Prompt, c.Output = b.Seed, b.Fleet.Start, 1, b.Prompt, b.Output
	w, err := sim.NewSeriesWorkload(c, s, 1)
	if err != nil {
		return nil, fmt.Errorf("burst: %w", err)
	}
	return w, nil
}

// moments are the arrivals in seconds from the end of the prelude.
func (b Burst) moments() ([]float64, error) {
	w, err := b.arrivals()
	if err != nil {
		return nil, err
	}
	begin := b.Fleet.Start.Add(b.Prelude)
	end := begin.Add(time.Duration(len(b.Rates)) * b.Stage)
	var out []float64
	for a, ok := w.Next(end); ok; a, ok = w.Next(end) {
		out = append(out, a.At.Sub(begin).Seconds())
	}
	return out, nil
}

// model is the fleet's model as the engine knows it: capacity is not told, it has to be learned.
func (b Burst) model() policy.Model {
	f := b.Fleet
	return policy.Model{
		ID:   policy.ModelID{Namespace: f.Namespace, Name: f.Deployment},
		SLO:  policy.SLO{TTFTP95: f.TTFT, Attainment: 0.99},
		Idle: policy.Idle{OnBlind: policy.BlindHold},
		Variants: []policy.Variant{{
			Name: f.Deployment, Min: 1, Max: b.most(), GPUs: f.GPUs, CapacityType: policy.OnDemand,
			PricePerGPU: policy.USDPerHour(f.GPUHourUSD), WarmUp: f.WarmUp.Mean,
		}},
	}
}

// world is the profile's fleet, watched, before its prelude.
func (b Burst) world() (*World, error) {
	src, err := b.arrivals()
	if err != nil {
		return nil, err
	}
	fleet, err := sim.NewFleet(b.Under.Burden(b.Fleet), src)
	if err != nil {
		return nil, fmt.Errorf("burst: %w", err)
	}
	how, err := optionsUnder(b.Under, b.Fleet.Start, b.Seed)
	if err != nil {
		return nil, err
	}
	how.Signals.ScrapeInterval = cmp.Or(b.Beat.Scrape, how.Signals.ScrapeInterval)
	how.SyncPhase = cmp.Or(b.Beat.Sync, how.SyncPhase)
	return New(fleet, b.model(), how)
}

// Run runs one policy.
func (b Burst) Run(ctx context.Context, with func(*World) Policy) (BurstRow, error) {
	b.Fleet.Replicas = b.Initial
	w, err := b.world()
	if err != nil {
		return BurstRow{}, err
	}
	fleet := w.fleet
	p := with(w)
	begin := b.Fleet.Start.Add(b.Prelude)
	if err := Run(ctx, w, p, begin); err != nil {
		return BurstRow{}, err
	}
	billed := fleet.GPUHours()
	sees := b.sees(w, begin, p)
	over := begin.Add(time.Duration(len(b.Rates)) * b.Stage)
	end := over.Add(b.Drain)
	row := BurstRow{Policy: p.Name(), Gateway: b.gateway(), Initial: b.Initial, Most: b.Most}
	for at := over; ; at = at.Add(SyncPeriod) {
		if err := Run(ctx, w, p, at); err != nil {
			return BurstRow{}, err
		}
		row.Result = fleet.Result()
		if row.Result.Unfinished == 0 || !at.Before(end) {
			row.Ended = at.Sub(begin)
			break
		}
	}
	row.MeanReplicas = (fleet.GPUHours() - billed) / row.Ended.Hours() / float64(b.Fleet.GPUs)
	if row.Bounded = b.Under.WarmUpSpread == 0 && b.Under.SpeedSpread == 0; !row.Bounded {
		return row, nil
	}
	limits, err := b.bounds(sees)
	if err != nil {
		return BurstRow{}, err
	}
	row.Bound, row.Causal, row.Observable = limits.formula.P99(), limits.causal.P99(), limits.observable.P99()
	row.Unavoidable = float64(limits.observable.Late(Patience))
	return row, nil
}

// bounds are the limits of any policy that begins with Initial replicas.
type bounds struct {
	formula    Bound // whatever a replica can be made to do
	causal     Bound // with what this replica does while there is a backlog
	observable Bound // for those who see it through scrape, tick and sync
}

func (b Burst) bounds(sees time.Duration) (bounds, error) {
	moments, err := b.moments()
	if err != nil {
		return bounds{}, err
	}
	v := sim.VariantConfig{Replica: b.Fleet.Replica, Slots: b.Fleet.Slots}
	s := BestService(b.Fleet.Replica, b.Prompt.Mean, b.Output.Mean)
	if v.Slots != nil {
		s = BestSlots(*v.Slots, b.Prompt.Mean, b.Output.Mean)
	}
	start := Start{Initial: b.Initial, Most: b.Most, StartUp: b.Fleet.WarmUp.Mean, Dispatched: b.Fleet.HoldAbove == 0}
	saturated := sim.Saturated(v, b.Prompt.Mean, b.Output.Mean, time.Hour.Seconds())
	out := bounds{formula: NewBound(moments, s, start)}
	out.causal = out.formula.Sharper(saturated)
	start.StartUp += sees
	out.observable = NewBound(moments, s, start).Sharper(saturated)
	return out, nil
}

// sees is how long after a moment its arrivals can be acted upon at the earliest: they are in the next scrape of
// any target; the engine, if there is one, looks at the next multiple of its interval, a lag later; and the HPA
// acts at the next of its syncs.
func (b Burst) sees(w *World, begin time.Time, p Policy) time.Duration {
	interval := w.opts.Signals.ScrapeInterval
	at := begin.Add(interval)
	for _, t := range w.next {
		if t.name == clusterTarget {
			continue
		}
		next := t.at.Add(-t.at.Sub(begin).Truncate(interval)) // of the same phase, less than an interval from begin
		if !next.After(begin) {
			next = next.Add(interval)
		}
		if next.Before(at) {
			at = next
		}
	}
	switch p.(type) {
	case *HPA, *borrowed: // these read the scrapes themselves
	default:
		tick := b.engine()
		at = engine.Align(at.Add(tick.Interval-1), tick.Interval).Add(tick.Lag)
	}
	sync := at.Truncate(SyncPeriod).Add(w.opts.SyncPhase)
	for sync.Before(at) {
		sync = sync.Add(SyncPeriod)
	}
	return sync.Sub(begin)
}

func (b Burst) gateway() string {
	if b.Fleet.HoldAbove > 0 {
		return "holds"
	}
	return "sends on"
}

// Patience is after what time without a first token a client gives up, where errors are counted: assumed, the source
// does not state it.
const Patience = 2 * time.Minute

// impatient is the same profile with clients that give up.
func (b Burst) impatient() Burst {
	b.Fleet.Replica.RequestTimeout = Patience
	if b.Fleet.Slots != nil {
		s := *b.Fleet.Slots
		s.RequestTimeout = Patience
		b.Fleet.Slots = &s
	}
	return b
}

// eager asks for all it may have as soon as Forewarm could see the burst, and keeps it: with more replicas never
// doing harm, what it reaches is what can be reached by seeing.
type eager struct {
	b     Burst
	begin time.Time
	sees  time.Duration
}

// Name implements Policy.
func (eager) Name() string { return "eager" }

// Sync implements Policy.
func (e eager) Sync(_ context.Context, now time.Time, _ *World) ([]int, error) {
	if now.Sub(e.begin) < e.sees {
		return []int{e.b.Initial}, nil
	}
	return []int{e.b.most()}, nil
}

func (b Burst) eager(w *World) Policy {
	begin := b.Fleet.Start.Add(b.Prelude)
	return eager{b, begin, b.sees(w, begin, eager{})}
}

// All runs every policy twice: with clients that wait for as long as it takes, and with impatient ones.
func (b Burst) All(ctx context.Context) ([]BurstRow, error) {
	var out []BurstRow
	var best time.Duration
	seen := map[string]bool{}
	policies, err := b.policies()
	if err != nil {
		return nil, err
	}
	for _, p := range policies {
		row, err := b.Run(ctx, p)
		if err != nil {
			return nil, err
		}
		impatient, err := b.impatient().Run(ctx, p)
		if err != nil {
			return nil, err
		}
		if len(out) == 0 {
			best = row.Result.TTFT.P99
		}
		row.Eager = best
		row.Errors = float64(impatient.Result.GaveUp + impatient.Result.CutOff + impatient.Result.Refused)
		if !seen[row.Policy] {
			out = append(out, row)
		}
		seen[row.Policy] = true
	}
	return out, nil
}
