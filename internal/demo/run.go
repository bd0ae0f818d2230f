package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/forewarm/forewarm/internal/demo/promstore"
	"github.com/forewarm/forewarm/internal/sim"
)

// Options say how the demo runs. See DefaultOptions.
type Options struct {
	For    time.Duration // real time of the live part; 0 = until Span or the end of the context
	Span   time.Duration // virtual time of the live part; 0 = For at Speed
	Speed  float64       // virtual seconds per real second; 0 = as fast as possible
	Seed   uint64
	Plain  bool // lines of text even on a terminal
	Colour bool // on a terminal

	history time.Duration // shorter in tests
}

// DefaultOptions let a virtual day pass in a minute.
func DefaultOptions() Options {
	return Options{For: time.Minute, Speed: 1440, Seed: 1, Colour: true}
}

// longestSpan bounds what a speed can ask for.
const longestSpan = 10 * 365 * 24 * time.Hour

// withSpan turns the real time of a paced run into virtual time, so that the end
// does not depend on the machine.
func (o Options) withSpan() (Options, error) {
	if o.For < 0 || o.Span < 0 || o.Speed < 0 {
		return o, errors.New("demo: want --for, --span and --speed of at least 0")
	}
	if o.Span == 0 && o.For > 0 && o.Speed > 0 {
		o.Span = time.Duration(min(float64(o.For)*o.Speed, float64(longestSpan)))
	}
	if o.Span > 0 {
		o.Span = max(o.Span.Truncate(scrapeEvery), scrapeEvery)
	}
	if o.history == 0 {
		o.history = historySpan
	}
	return o, nil
}

// Result is what the live part came to.
type Result struct {
	Seed     uint64
	From, To time.Time // virtual
	Forewarm Score
	HPA      Score
	Knows    []string // what Forewarm planned with at the end
}

// ErrInterrupted says that the demo was stopped before its live part began.
var ErrInterrupted = errors.New("stopped before Forewarm took over: there is nothing to compare")

// view is where the demo is seen: a terminal or lines of text.
type view interface {
	open(seed uint64, speed float64)
	wants() bool     // whether it has room for another picture
	picture(f frame) // the present
	change(n news)   // Forewarm changed its mind
	say(lines ...string)
	close() // gives the terminal back
}

// run is one demo under way.
type run struct {
	opts    Options
	a, b    *world
	server  *server
	product *product
	view    view
	live    bool
	stage   string
	hpa     *sim.Reactive // of world B
	news    []news
}

// Run shows the demo on out and returns what it came to. The end of the context
// ends the live part early; the summary is shown all the same.
func Run(ctx context.Context, opts Options, out io.Writer) (Result, error) {
	opts, err := opts.withSpan()
	if err != nil {
		return Result{}, err
	}
	r := &run{opts: opts, view: newView(opts, out)}
	result, err := r.show(ctx)
	if err != nil {
		return Result{}, err
	}
	return result, summarize(out, result)
}

// show plays with the curtain up; it comes down whatever happens.
func (r *run) show(ctx context.Context) (Result, error) {
	r.view.open(r.opts.Seed, r.opts.Speed)
	defer r.view.close()
	return r.play(ctx)
}

func (r *run) scene() scene { return scene{seed: r.opts.Seed, history: r.opts.history} }

// play lives through history, replay and live part.
func (r *run) play(ctx context.Context) (Result, error) {
	store := promstore.New(r.opts.history + time.Hour)
	if err := r.history(ctx, store); err != nil {
		return Result{}, err
	}
	var err error
	if r.server, err = serve(ctx, store); err != nil {
		return Result{}, err
	}
	defer r.server.close()
	r.server.set(opening)
	if r.product, err = openProduct(ctx, r.scene(), r.server.url, r.server.clock, r.replayed); err != nil {
		return Result{}, err
	}
	defer r.product.Close()
	if err := r.product.replay(ctx, opening); err != nil || ctx.Err() != nil {
		return Result{}, interrupted(ctx, err)
	}
	if err := r.perform(ctx); err != nil {
		return Result{}, err
	}
	return Result{
		Seed: r.opts.Seed, From: opening, To: r.a.fleet.Now(),
		Forewarm: r.a.score(), HPA: r.b.score(), Knows: r.product.knows(),
	}, nil
}

// interrupted tells an end of the context from a failure.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ErrInterrupted
	}
	return err
}

// historyChunk is how much history passes between two pictures.
const historyChunk = time.Hour

// history lives through the days before the opening, both worlds under the plain
// HPA and at once. World A is stored.
func (r *run) history(ctx context.Context, store *promstore.Store) error {
	var err error
	if r.a, err = newWorld(r.scene(), store); err != nil {
		return err
	}
	if r.b, err = newWorld(r.scene(), nil); err != nil {
		return err
	}
	ha, hb := plainHPA(), plainHPA()
	for done := time.Duration(0); done < r.opts.history; done += historyChunk {
		if ctx.Err() != nil {
			return ErrInterrupted
		}
		r.stage = fmt.Sprintf("living through %.0f h of history: %.0f %%",
			r.opts.history.Hours(), percent(done, r.opts.history))
		if err := both(
			func() error { return live(r.a, ha, historyChunk) },
			func() error { return live(r.b, hb, historyChunk) },
		); err != nil {
			return err
		}
		r.view.picture(r.frame())
	}
	r.hpa = hb
	return nil
}

func live(w *world, h *sim.Reactive, span time.Duration) error {
	for range span / scrapeEvery {
		if err := w.follow(h); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) replayed(done, total time.Duration) {
	r.stage = fmt.Sprintf("Forewarm reads the history over HTTP: %.0f %%", percent(done, total))
	r.view.picture(r.frame())
}

func percent(done, total time.Duration) float64 { return 100 * done.Seconds() / total.Seconds() }

// perform is the live part: world A under Forewarm, world B under the plain HPA.
func (r *run) perform(ctx context.Context) error {
	r.a.mark()
	r.b.mark()
	r.live = true
	r.asksForewarm()
	r.view.say(r.product.knows()...)
	r.view.picture(r.frame())
	pace := newPacer(r.opts.Speed, r.opts.For)
	for r.goesOn(ctx, pace) {
		if err := r.tick(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		if r.view.wants() {
			r.view.picture(r.frame())
		}
	}
	r.view.picture(r.frame())
	return nil
}

// goesOn waits for the next tick; false if there is none: the virtual or the real
// time is over, or the context has ended.
func (r *run) goesOn(ctx context.Context, pace *pacer) bool {
	passed := r.a.fleet.Now().Sub(opening) + scrapeEvery
	return (r.opts.Span == 0 || passed <= r.opts.Span) && pace.wait(ctx, passed)
}

// tick lives through one interval in both worlds.
func (r *run) tick(ctx context.Context) error {
	return both(func() error {
		if err := r.a.step(); err != nil {
			return err
		}
		now := r.a.fleet.Now()
		r.server.set(now)
		if err := r.product.engine.Tick(ctx, now); err != nil {
			return err
		}
		r.asksForewarm()
		return nil
	}, func() error { return r.b.follow(r.hpa) })
}

// asksForewarm takes the newest decision over.
func (r *run) asksForewarm() {
	from := r.a.asked
	r.a.asked = r.product.wanted(r.a.fleet.Now(), r.a.fleet.Desired())
	if n, changed := r.notice(from); changed {
		r.view.change(n)
	}
}

// both does two things at once and waits for both.
func both(one, other func() error) error {
	var wg sync.WaitGroup
	var err error
	wg.Go(func() { err = other() })
	first := one()
	wg.Wait()
	return errors.Join(first, err)
}
