package study

import (
	"cmp"
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/forewarm/forewarm/internal/sim/fluid"
)

// Course is one load in one world, with what a few policies did over time.
type Course struct {
	Load   string
	WarmUp time.Duration
	Fleet  float64
	Runs   []Ride
}

// Ride is one policy on a course. Moments are days since the start of the load.
type Ride struct {
	Policy   string
	Headroom float64
	Cost, V1 float64
	Points   []Moment
	Band     []Band // empty if the policy makes no forecast
}

// Moment is one stretch of a run.
type Moment struct {
	Day    float64
	Load   float64 // highest rate, requests/s
	Wanted float64 // highest
	Ready  float64 // lowest
}

// Band is the most that was expected during a stretch of the highest load within one warm-up, in requests/s, as
// passed on to the policy: after the headroom, where that scales the forecast.
type Band struct {
	Day, Median, High float64 // High is the 95 % quantile
}

// shown is how many policies a chart of a course shows.
const shown = 4

// courses runs the best policies once more per load, in the middle warm-up and the first fleet, and keeps what
// they did. It uses the headrooms of the table.
func courses(ctx context.Context, y fluid.Yardstick, table fluid.Table, points int) ([]Course, error) {
	best := leading(table)
	out := make([]Course, len(y.Traces))
	y.World.Points = points
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(y.Workers, 1))
	for i, t := range y.Traces {
		cell := fluid.Cell{Trace: t.Load.Name, Class: t.Class, WarmUp: y.WarmUps[len(y.WarmUps)/2], Fleet: y.Fleets[0]}
		group.Go(func() error {
			c, err := y.Course(cell)
			if err != nil {
				return err
			}
			out[i] = Course{Load: cell.Trace, WarmUp: cell.WarmUp, Fleet: cell.Fleet}
			world, err := y.Resolve(c)
			if err != nil {
				return err
			}
			for _, p := range best {
				ride, err := follow(ctx, c, world, y.Policies[p], table.Rows[p].Headroom, points)
				if err != nil {
					return err
				}
				out[i].Runs = append(out[i].Runs, ride)
			}
			return nil
		})
	}
	return out, group.Wait()
}

// leading are the indices of the policies to show: Forewarm, then those with the least J.
func leading(table fluid.Table) []int {
	order := make([]int, len(table.Rows))
	for i := range order {
		order[i] = i
	}
	first := table.Rows[0].Policy
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := table.Rows[a], table.Rows[b]
		return cmp.Or(-compareBool(x.Policy == first, y.Policy == first), cmp.Compare(x.Classes[0].J, y.Classes[0].J))
	})
	return order[:min(shown, len(order))]
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// follow runs one policy and keeps its timeline and, of Forewarm in the fluid world, what it expected.
func follow(ctx context.Context, c *fluid.Course, world fluid.Resolution, p fluid.Policy, headroom float64,
	points int,
) (Ride, error) {
	s := p.On(c)(headroom)
	out := Ride{Policy: p.Name, Headroom: headroom}
	if world == fluid.Resolution(c) {
		s = out.Watch(c, s, points)
	}
	r, err := world.Play(ctx, s)
	if err != nil {
		return out, err
	}
	out.Cost, out.V1 = r.Cost(), r.V1()
	for _, t := range r.Timeline {
		out.Points = append(out.Points, Moment{dayOf(c, t.Tick), t.Load, float64(t.Wanted), float64(t.Ready)})
	}
	return out, nil
}

// dayOf is how many days into the load a tick begins.
func dayOf(c *fluid.Course, tick int) float64 { return days(time.Duration(tick) * c.Load().Step) }

// Watch gives a scaler to run on a course instead of s: it does the same and, if it is the product, the ride books
// what it expects, in so many stretches.
func (r *Ride) Watch(c *fluid.Course, s fluid.Scaler, points int) fluid.Scaler {
	product, ok := s.(*fluid.Forewarm)
	if !ok {
		return s
	}
	w := c.World()
	stride := max((len(c.Load().Rate)-w.BurnIn+points-1)/points, 1)
	return watched{product, func(o *fluid.Observation) {
		if o.Tick >= w.BurnIn {
			r.expect(product, w.WarmUp.Median, dayOf(c, o.Tick), (o.Tick-w.BurnIn)%stride == 0)
		}
	}}
}

// watched is the product with somebody who looks after each decision.
type watched struct {
	*fluid.Forewarm
	after func(o *fluid.Observation)
}

// DecideAll implements fluid.Mixer.
func (w watched) DecideAll(o *fluid.Observation, want []int) {
	w.Forewarm.DecideAll(o, want)
	w.after(o)
}

// expect books what the product expects now; first says that a stretch begins.
func (r *Ride) expect(p *fluid.Forewarm, horizon time.Duration, day float64, first bool) {
	s := p.Engine().Board().Load()
	if s == nil || len(s.Models) == 0 || !s.Models[0].Forecast.Known() {
		return
	}
	f := s.Models[0].Forecast
	b := Band{Day: day, Median: f.Max(horizon, 0.5), High: f.Max(horizon, 0.95)}
	if first || len(r.Band) == 0 {
		r.Band = append(r.Band, b)
		return
	}
	last := &r.Band[len(r.Band)-1]
	last.Median, last.High = max(last.Median, b.Median), max(last.High, b.High)
}
