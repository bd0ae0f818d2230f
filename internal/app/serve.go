package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/engine"
	"github.com/forewarm/forewarm/policy"
)

// ServeOptions say what to watch and how to tell of it.
type ServeOptions struct {
	Options
	Listen  string        // address of the own HTTP server; empty = none
	Drain   time.Duration // between readiness going off and the outputs' end, for clients to look elsewhere
	Stop    time.Duration // the outputs may take this long to end
	Retry   time.Duration // between attempts to find models; 0 = every interval
	Version string        // shown in the own metrics
	Outputs []NewOutput   // in the order in which they start
	Reload  func(time.Time) (*config.Config, bool)
	Show    func(Report) // called after each tick; may be nil
	Clock   engine.Clock // nil = the system's
	Started func(addr string)
}

func (o ServeOptions) withDefaults() ServeOptions {
	o.Options = o.Options.withDefaults()
	if o.Clock == nil {
		o.Clock = engine.SystemClock{}
	}
	if o.Retry <= 0 {
		o.Retry = o.Config.Interval.Std()
	}
	if o.Stop <= 0 {
		o.Stop = 20 * time.Second
	}
	if o.Show == nil {
		o.Show = func(Report) {}
	}
	return o
}

// server is a running Serve. What the tick publishes is behind atomic pointers,
// because outputs and the HTTP server read it from goroutines of their own.
type server struct {
	opts    ServeOptions
	outputs []Output
	app     *App // of the ticking goroutine; others read what is published below

	engine   atomic.Pointer[engine.Engine]
	registry atomic.Pointer[config.Registry]
	report   atomic.Pointer[Report]
	tried    atomic.Bool // the first attempt to find models and to read their history has ended
	replayed atomic.Bool // history was read: the Board shows the present
	stopping atomic.Bool
	showing  chan struct{} // closed after replayed was set
}

// Serve ticks and serves until the context ends, and then stops in order: no
// longer ready, drained, outputs ended, ticks ended, HTTP server ended. An output
// or a wiring that fails ends it with an error. Sources that do not answer do not:
// outputs then answer errors, on which HPA and KEDA hold.
func Serve(ctx context.Context, opts ServeOptions) error {
	s := &server{opts: opts.withDefaults(), showing: make(chan struct{})}
	a, err := connected(s.opts.Options)
	if err != nil {
		return err
	}
	defer a.Close()
	s.app = a
	if err := s.build(); err != nil {
		return err
	}
	web, err := s.listen(ctx)
	if err != nil {
		return err
	}
	defer web.close()
	return s.run(ctx)
}

func (s *server) build() error {
	var errs []error
	for _, make := range s.opts.Outputs {
		o, err := make(s.view())
		if err != nil {
			errs = append(errs, err)
			continue
		}
		s.outputs = append(s.outputs, o)
	}
	return errors.Join(errs...)
}

// view is what outputs see. Nothing of a replay that has not ended is shown: it is
// of the past.
func (s *server) view() View {
	return View{
		Snapshot: s.snapshot,
		Watch:    s.watch,
		Missing:  s.app.scaled.missing,
		Claimed:  s.app.scaled.claimed,
		HoldFor:  func() time.Duration { return s.registered().HoldFor },
		MaxAge:   func() time.Duration { return s.registered().MaxAge },
		Now:      s.opts.Now,
	}
}

func (s *server) snapshot() *policy.Snapshot {
	e := s.engine.Load()
	if e == nil || !s.replayed.Load() {
		return nil
	}
	return e.Board().Load()
}

func (s *server) watch() (*policy.Snapshot, <-chan struct{}) {
	if e := s.engine.Load(); e != nil && s.replayed.Load() {
		return e.Board().Watch()
	}
	return nil, s.showing
}

func (s *server) registered() *config.Registry {
	if r := s.registry.Load(); r != nil {
		return r
	}
	return &config.Registry{HoldFor: config.DefaultHoldFor, MaxAge: config.DefaultMaxAge}
}

// run starts the outputs and the ticks, waits for the end, and stops in order.
func (s *server) run(ctx context.Context) error {
	ticks := newTask(s.tick)
	outputs := make([]*task, len(s.outputs))
	failed := make(chan struct{}, len(outputs)+1)
	for i, o := range s.outputs {
		outputs[i] = newTask(func(ctx context.Context) error {
			s.opts.Log.Info("output starts", zap.String("output", o.Name()))
			if err := o.Run(ctx); err != nil {
				return fmt.Errorf("%s: %w", o.Name(), err)
			}
			if ctx.Err() == nil {
				return fmt.Errorf("%s: ended by itself", o.Name())
			}
			return nil
		})
		outputs[i].start(context.WithoutCancel(ctx), failed)
	}
	ticks.start(context.WithoutCancel(ctx), failed)

	select {
	case <-ctx.Done():
		s.stopping.Store(true)
		s.opts.Log.Info("stopping", zap.Duration("drain", s.opts.Drain))
		s.drain(failed)
	case <-failed:
		s.stopping.Store(true)
	}
	errs := []error{s.stop(outputs)}
	ticks.cancel()
	return errors.Join(append(errs, ticks.wait(s.opts.Stop))...)
}

// drain waits for clients to see that readiness is off. What fails meanwhile ends
// the wait.
func (s *server) drain(failed <-chan struct{}) {
	t := time.NewTimer(s.opts.Drain)
	defer t.Stop()
	select {
	case <-t.C:
	case <-failed:
	}
}

// stop ends all outputs at once, within one bound.
func (s *server) stop(outputs []*task) error {
	for _, t := range outputs {
		t.cancel()
	}
	var mu sync.Mutex
	var errs []error
	var all sync.WaitGroup
	for i, t := range outputs {
		all.Go(func() {
			err := t.wait(s.opts.Stop)
			if errors.Is(err, errSlow) {
				err = fmt.Errorf("%s: %w", s.outputs[i].Name(), err)
			}
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// tick finds the models, replays, and ticks until the context ends.
func (s *server) tick(ctx context.Context) error {
	if err := s.find(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	s.engine.Store(s.app.Engine())
	s.registry.Store(s.app.Registry())
	if _, err := s.app.Recommend(ctx, s.now()); err != nil && ctx.Err() == nil {
		return err
	}
	s.replayed.Store(true)
	close(s.showing)
	s.tried.Store(true)
	return s.app.Run(ctx, s.opts.Clock, s.opts.Reload, func(r Report) {
		s.registry.Store(s.app.Registry())
		s.report.Store(&r)
		s.opts.Show(r)
	})
}

// find registers the models. Configured ones are there at once; found ones need a
// source that answers, which is waited for: an output that answers errors is
// better than none, because an API without endpoints holds up the whole cluster.
func (s *server) find(ctx context.Context) error {
	for {
		err := s.app.register(ctx, s.now())
		if err == nil {
			s.app.build()
			return nil
		}
		if len(s.app.cfg.Models) > 0 {
			return err
		}
		s.tried.Store(true)
		s.opts.Log.Warn("no model yet; looking again", zap.Duration("in", s.opts.Retry), zap.Error(err))
		if s.opts.Clock.Sleep(ctx, s.opts.Retry) != nil {
			return nil //nolint:nilerr // the end of the context is the orderly end
		}
	}
}

func (s *server) now() time.Time { return s.opts.Clock.Now().Add(-s.opts.Lag) }

// ready is why requests should go elsewhere; nil = they may come.
func (s *server) ready() error {
	if s.stopping.Load() {
		return errors.New("stopping")
	}
	if !s.tried.Load() {
		return errors.New("history is being replayed")
	}
	var errs []error
	for _, o := range s.outputs {
		if err := o.Ready(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", o.Name(), err))
		}
	}
	return errors.Join(errs...)
}
