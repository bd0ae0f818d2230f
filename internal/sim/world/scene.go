package world

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/internal/sim/fluid"
	"github.com/forewarm/forewarm/internal/sim/trace"
)

// Scene is a course request by request: its demand as Poisson arrivals, its pools as deployments of the default replica,
// under its conditions, behind a gateway with flow control. Whoever is to scale it reads what is scraped, the product
// through its own tick. It implements fluid.Resolution; the Optimum is the course's.
type Scene struct{ course *fluid.Course }

// NewScene refuses what cannot be had request by request.
func NewScene(c *fluid.Course) (*Scene, error) {
	w, step := c.World(), c.Load().Step
	var errs []error
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("request by request: "+format, args...))
		}
	}
	bad(w.Sight == fluid.Scraped(), "everybody reads what is scraped every %s, at its own phase, as rates over a window: "+
		"want sight %s, got %+v", SyncPeriod, sim.Scraped, w.Sight)
	bad(step == SyncPeriod, "want ticks of %s, as the HPA looks, got %s", SyncPeriod, step)
	for _, p := range w.Variants() {
		bad(p.WarmUp.Median > 0, "want a warm-up above 0, got %s", p.WarmUp.Median)
	}
	return &Scene{c}, errors.Join(errs...)
}

// Told is what policies are told of the default replica: its knee, the rate at which it keeps its goals.
func Told() (fluid.Replica, error) {
	r, l := fluid.DefaultReplica(), sim.DefaultWorkload()
	knee, err := sim.Knee(sim.DefaultFleet(), l.Prompt, l.Output)
	r.Rate, r.Prompt, r.Output = knee, l.Prompt.Mean, l.Output.Mean
	return r, err
}

// Play implements fluid.Resolution.
func (s *Scene) Play(ctx context.Context, by fluid.Scaler) (fluid.Result, error) {
	fleet, err := s.fleet()
	if err != nil {
		return fluid.Result{}, err
	}
	p, isProduct := by.(interface{ Product() *fluid.Forewarm })
	var w *World
	if isProduct {
		w, by, err = s.served(ctx, fleet, p.Product())
	} else {
		w, err = s.watched(fleet, fluid.NewForewarm(s.course, fluid.Product{Headroom: 1}))
	}
	if err != nil {
		return fluid.Result{}, err
	}
	return s.drive(ctx, w, borrow("", s.course, by))
}

// drive lets a policy scale the fleet to the end of the course.
func (s *Scene) drive(ctx context.Context, w *World, p *borrowed) (fluid.Result, error) {
	l, world, book := s.course.Load(), s.course.World(), s.course.Book()
	begin := world.Begin
	burnIn := min(world.BurnIn, len(l.Rate))
	var before, after mark
	for k := range l.Rate {
		at := begin.Add(time.Duration(k) * l.Step)
		if err := w.Load(ctx, w.Now(), at); err != nil {
			return fluid.Result{}, err
		}
		if k == burnIn {
			before = markOf(w.fleet)
		}
		if err := w.Load(ctx, w.Now(), at.Add(syncPhase)); err != nil {
			return fluid.Result{}, err
		}
		counts, err := p.Sync(ctx, at.Add(syncPhase), w)
		if err != nil {
			return fluid.Result{}, err
		}
		book.Tick(k, counts, ordered(w.fleet, counts), w.fleet.Count(sim.Ready), l.Rate[k])
		w.scale(counts)
		if t := w.fleet.Totals(); k >= burnIn && t.Waiting+t.Held > 0 {
			book.Result().LateTicks++
		}
	}
	if err := w.Load(ctx, w.Now(), begin.Add(time.Duration(len(l.Rate))*l.Step)); err != nil {
		return fluid.Result{}, err
	}
	after = markOf(w.fleet)
	if burnIn == len(l.Rate) {
		before = after
	}
	after.minus(before, book.Result())
	return *book.Result(), nil
}

// ordered is how many replicas a change of counts starts.
func ordered(f *sim.Fleet, counts []int) (n int) {
	for i, want := range counts {
		n += max(want-f.CountOf(i, sim.Starting)-f.CountOf(i, sim.Ready), 0)
	}
	return n
}

// mark is the fleet's books at a moment.
type mark struct {
	sim.Result
	replicas float64 // replica-seconds
}

func markOf(f *sim.Fleet) mark {
	m := mark{Result: f.Result()}
	for i, v := range f.Variants() {
		m.replicas += m.Variants[i].GPUSeconds / float64(v.GPUs)
	}
	return m
}

// minus books what came between two marks. First attempts that were under way at the first one count when they are answered
// in time, so Late is too small by at most as many.
func (m mark) minus(before mark, r *fluid.Result) {
	r.Requests = float64(m.First - before.First)
	r.Late = math.Max(r.Requests-float64(m.Met-before.Met), 0)
	r.Unmet = float64(m.Refused + m.GaveUp + m.CutOff - before.Refused - before.GaveUp - before.CutOff)
	r.ReplicaSeconds, r.Paid = m.replicas-before.replicas, m.CostUSD-before.CostUSD
	r.Lost = int(m.Evictions - before.Evictions)
	r.ColdStarts += r.Lost // each is replaced at once
}

// fleet is the course's fleet at its beginning, with its demand.
func (s *Scene) fleet() (*sim.Fleet, error) {
	w, l := s.course.World(), s.course.Load()
	wc := sim.DefaultWorkload()
	wc.Seed, wc.Start, wc.Burst = w.Seed, w.Begin, 1
	series := trace.Series{Name: l.Name, Bucket: l.Step}
	for _, rate := range l.Rate {
		series.Requests = append(series.Requests, rate*l.Step.Seconds())
	}
	series.Prompt, series.Output = make([]float64, series.Len()), make([]float64, series.Len()) // the usual lengths
	src, err := sim.NewSeriesWorkload(wc, series, 1)
	if err != nil {
		return nil, fmt.Errorf("scene of %s: %w", l.Name, err)
	}
	fc := sim.DefaultFleet()
	fc.Start, fc.Seed, fc.HoldAbove = w.Begin, w.Seed, burstHold
	for i, p := range w.Variants() {
		v := s.deployment(w, p)
		if i > 0 {
			fc.More = append(fc.More, v)
			continue
		}
		fc.Deployment, fc.CapacityType, fc.Replica, fc.WarmUp = v.Deployment, v.CapacityType, v.Replica, v.WarmUp
		fc.GPUs, fc.GPUHourUSD, fc.Replicas, fc.Nodes, fc.Notice = v.GPUs, v.GPUHourUSD, s.course.Start(), v.Nodes, v.Notice
	}
	f, err := sim.NewFleet(w.Conditions(l.Step).Burden(fc), src)
	if err != nil {
		return nil, fmt.Errorf("scene of %s: %w", l.Name, err)
	}
	return f, nil
}

// deployment is a pool whose replicas are the default one, or as many times as fast.
func (s *Scene) deployment(w fluid.World, p fluid.Pool) sim.VariantConfig {
	v := sim.VariantConfig{
		Deployment: p.Name, CapacityType: p.Type, Replica: sim.DefaultReplica().Faster(p.Speed),
		WarmUp: sim.WarmUp{Mean: p.WarmUp.Median}, GPUs: p.GPUs, GPUHourUSD: p.Price / float64(p.GPUs),
		Grace: sim.DefaultFleet().Grace, Replicas: p.Start, Notice: p.Notice,
	}
	v.Replica.RequestTimeout = w.Replica.Patience
	for k, n := range p.Nodes {
		if k == 0 || n != p.Nodes[k-1] {
			v.Nodes = append(v.Nodes, sim.NodeStep{After: time.Duration(k) * s.course.Load().Step, Nodes: n})
		}
	}
	return v
}

// watched is a fleet that is scraped, under the conditions that lie between it and who looks.
func (s *Scene) watched(f *sim.Fleet, p *fluid.Forewarm) (*World, error) {
	opts, err := p.Options()
	if err != nil {
		return nil, fmt.Errorf("request by request: %w", err)
	}
	w := s.course.World()
	how, err := optionsUnder(w.Conditions(s.course.Load().Step), w.Begin, w.Seed)
	if err != nil {
		return nil, err
	}
	return New(f, opts.Models[0], how)
}

// optionsUnder is how a fleet is watched under conditions.
func optionsUnder(c sim.Conditions, begin time.Time, seed uint64) (Options, error) {
	o := DefaultOptions()
	o.Gateway = !c.AtFinish
	cfg, some := c.Faults(begin, seed)
	if !some {
		return o, nil
	}
	var err error
	o.Faults, err = sim.NewFaults(cfg)
	return o, err
}

// served is the fleet with the product's engine over it, set up as for the fluid world.
func (s *Scene) served(ctx context.Context, f *sim.Fleet, p *fluid.Forewarm) (*World, fluid.Scaler, error) {
	w, err := s.watched(f, p)
	if err != nil {
		return nil, nil, err
	}
	opts, err := p.Options()
	if err != nil {
		return nil, nil, err
	}
	return w, &server{NewForewarm(w, opts), w, ctx}, nil
}

// server is the product as a Scaler that reads the scrapes of a World, and not the observation.
type server struct {
	by  *Forewarm
	w   *World
	ctx context.Context // of the run: a Scaler is for one, and is given none
}

// Decide implements fluid.Scaler.
func (s *server) Decide(o *fluid.Observation) int {
	want := make([]int, len(o.Pools))
	s.DecideAll(o, want)
	return want[0]
}

// DecideAll implements fluid.Mixer. Without an answer the fleet stays as it is; if the world failed, its next Load says so.
func (s *server) DecideAll(o *fluid.Observation, want []int) {
	for i, v := range o.Pools {
		want[i] = v.Spec
	}
	counts, err := s.by.Sync(s.ctx, o.Now, s.w)
	if err != nil {
		return
	}
	for i, n := range counts {
		if n >= 0 {
			want[i] = n
		}
	}
}

// Learn implements fluid.Learner; what it does not see now it sees at the next tick.
func (s *server) Learn(o *fluid.Observation) { _ = s.by.Learn(s.ctx, o.Now) }
