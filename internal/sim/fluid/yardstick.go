package fluid

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Trace is a load of a class. Classes are only for averages.
type Trace struct {
	Load  Load
	Class string
}

// Yardstick compares policies over all traces x warm-ups x fleet sizes. Every load is scaled so that its mean,
// after the burn-in, keeps a mean fleet busy.
type Yardstick struct {
	Traces   []Trace
	WarmUps  []time.Duration
	Fleets   []float64 // mean demand, in replicas
	Policies []Policy
	World    World         // its WarmUp and BurnIn are set per cell
	BurnIn   time.Duration // at most half of each trace
	Weights  []float64     // of V1 in J; the first one freezes the headrooms
	AtCost   []float64     // costs at which V1 is interpolated
	AtV1     []float64     // V1 for which the cost is interpolated
	Versus   string        // policy against which the others are compared pairwise
	Workers  int
	// Through is the resolution that plays a course; nil = the course itself.
	Through  func(*Course) (Resolution, error)
	Progress func(done, total int) // cells; called from any worker; may be nil
}

// DefaultYardstick lacks traces and policies.
func DefaultYardstick() Yardstick {
	return Yardstick{
		WarmUps: []time.Duration{2 * time.Minute, 5 * time.Minute, 10 * time.Minute},
		Fleets:  []float64{5, 20},
		World:   DefaultWorld(),
		BurnIn:  7 * 24 * time.Hour,
		Weights: []float64{10, 3, 30},
		AtCost:  []float64{1.2, 1.3},
		AtV1:    []float64{0.01},
		Workers: 2,
	}
}

// Cell is one trace in one world.
type Cell struct {
	Trace  string
	Class  string
	WarmUp time.Duration
	Fleet  float64
}

// Score is what one run came to, or the mean of several.
type Score struct {
	Cost   float64 // relative to the clairvoyant
	V1, V2 float64 // shares of requests
	Starts float64 // replicas ordered per day
	Events float64 // changes of the wanted count per day
	Flaps  float64 // per day
}

// J is Cost + weight*V1.
func (s Score) J(weight float64) float64 { return s.Cost + weight*s.V1 }

// scores are those of one policy: by grid index, then cell.
type scores [][]Score

// Run measures every policy at every headroom in every cell. Cells run in parallel; the table does not depend
// on the number of workers.
func (y Yardstick) Run(ctx context.Context) (Table, error) {
	if err := y.check(); err != nil {
		return Table{}, err
	}
	cells := y.cells()
	all := make([]scores, len(y.Policies))
	for i, p := range y.Policies {
		all[i] = make(scores, len(p.Grid))
		for h := range p.Grid {
			all[i][h] = make([]Score, len(cells))
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(y.Workers, 1))
	var done atomic.Int64
	for at, cell := range cells {
		group.Go(func() error {
			err := y.measure(ctx, cell, func(policy, headroom int, s Score) { all[policy][headroom][at] = s })
			if n := done.Add(1); y.Progress != nil {
				y.Progress(int(n), len(cells))
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Table{}, err
	}
	return y.tabulate(cells, all), nil
}

func (y Yardstick) check() error {
	var errs []error
	if len(y.Traces) == 0 || len(y.WarmUps) == 0 || len(y.Fleets) == 0 || len(y.Weights) == 0 {
		errs = append(errs, errors.New("yardstick: want at least one trace, warm-up, fleet and weight"))
	}
	for _, p := range y.Policies {
		if len(p.Grid) == 0 {
			errs = append(errs, fmt.Errorf("yardstick: policy %s: want at least one headroom, got none", p.Name))
		}
	}
	return errors.Join(errs...)
}

func (y Yardstick) cells() []Cell {
	var out []Cell
	for _, t := range y.Traces {
		for _, w := range y.WarmUps {
			for _, f := range y.Fleets {
				out = append(out, Cell{Trace: t.Load.Name, Class: t.Class, WarmUp: w, Fleet: f})
			}
		}
	}
	return out
}

// Course is a cell ready to run.
func (y Yardstick) Course(cell Cell) (*Course, error) {
	i := slices.IndexFunc(y.Traces, func(t Trace) bool { return t.Load.Name == cell.Trace })
	if i < 0 {
		return nil, fmt.Errorf("course: want a trace of the yardstick, got %q", cell.Trace)
	}
	l, w := y.Traces[i].Load, y.World
	w.WarmUp.Median = cell.WarmUp
	w.BurnIn = l.BurnIn(y.BurnIn)
	mean := l.Mean(w.BurnIn)
	if mean <= 0 {
		return nil, fmt.Errorf("course: trace %s: want demand after the burn-in, got none", cell.Trace)
	}
	return NewCourse(l.Scaled(cell.Fleet*w.Replica.Rate/mean), w)
}

func (y Yardstick) measure(ctx context.Context, cell Cell, book func(policy, headroom int, s Score)) error {
	c, err := y.Course(cell)
	if err != nil {
		return err
	}
	world, err := y.Resolve(c)
	if err != nil {
		return err
	}
	for i, p := range y.Policies {
		scaler := p.On(c)
		for h, headroom := range p.Grid {
			r, err := world.Play(ctx, scaler(headroom))
			if err != nil {
				return fmt.Errorf("%s on %s: %w", p.Name, cell.Trace, err)
			}
			book(i, h, scoreOf(r, c.load.Step))
		}
	}
	return nil
}

// Resolve is what plays a course.
func (y Yardstick) Resolve(c *Course) (Resolution, error) {
	if y.Through == nil {
		return c, nil
	}
	return y.Through(c)
}

func scoreOf(r Result, step time.Duration) Score {
	days := (time.Duration(r.Ticks) * step).Hours() / 24
	return Score{
		Cost: r.Cost(), V1: r.V1(), V2: r.V2(), Starts: float64(r.ColdStarts) / days,
		Events: float64(r.Ups+r.Downs) / days, Flaps: float64(r.Flaps) / days,
	}
}
