package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/engine"
	"github.com/forewarm/forewarm/internal/signals"
	"github.com/forewarm/forewarm/policy"
)

// Options say what to watch and how. Only Config or Prometheus is needed.
type Options struct {
	Config     *config.Config   // complete; nil = defaults and discovery
	Prometheus *config.Source   // from the command line; goes before the file's
	Cluster    Cluster          // replicas from the API, closed with the App; nil = from kube-state-metrics or pods
	Scaled     ScaledObjects    // KEDA's objects: models, bounds; nil = not watched
	NoInline   bool             // ScaledObjects give bounds, and define no models
	Namespaces []string         // show only these; empty = all
	Models     []string         // show only these, as name, namespace/name or model id; empty = all
	History    *time.Duration   // replayed at start; nil = as configured
	Now        func() time.Time // the wall clock of the models; nil = the system's
	Lag        time.Duration    // how far ticks trail the clock: ingestion delay
	Budget     time.Duration    // the replay may take about this long; 0 = any
	QueryRate  float64          // queries per second to each source; 0 = gentle. For servers of our own
	Progress   func(done, total time.Duration)
	Log        *zap.Logger
}

func (o Options) withDefaults() Options {
	if o.Config == nil {
		o.Config = config.Default()
	}
	if o.Now == nil {
		o.Now = engine.SystemClock{}.Now
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return o
}

// App is everything between the sources and the Board. Its methods are for one
// goroutine, but for Engine's own.
type App struct {
	opts    Options
	cfg     *config.Config // base of the registry: the file with the command line's source
	clients []*signals.Client
	models  map[policy.ModelID]found // that discovery has seen since the start
	reg     *config.Registry
	reader  *signals.Reader
	feed    *feed
	engine  *engine.Engine
	assumed []string
	wiring  []policy.Fault // of sources that cannot be used
	faults  []policy.Fault // of discovery and registration
	refused []refusal
	shared  map[policy.ModelID]policy.Fault // models whose replicas serve others, too
	scaled  *scaled
	bell    *signals.Doorbell
	tasks   *sync.WaitGroup // of Run, which waits for them
}

// Catalog names every engine and gateway that can be read.
func Catalog() config.Catalog {
	return config.Catalog{
		Engines: signals.Names(false), Gateways: signals.Names(true), Tenancy: signals.NamespaceLabels(),
	}
}

// Open connects the sources, finds the models if none are configured, and builds
// the engine. What fails in part becomes a fault of the report; an error means
// that there is nothing to work on. at is the moment to look for models.
func Open(ctx context.Context, opts Options, at time.Time) (*App, error) {
	a, err := connected(opts)
	if err != nil {
		return nil, err
	}
	if err := a.register(ctx, at); err != nil {
		a.Close()
		return nil, err
	}
	a.build()
	return a, nil
}

// connected is an App that has its sources and knows no model yet.
func connected(opts Options) (*App, error) {
	opts = opts.withDefaults()
	a := &App{
		opts: opts, models: map[policy.ModelID]found{}, scaled: &scaled{source: opts.Scaled, noInline: opts.NoInline},
		bell: signals.NewDoorbell(), tasks: &sync.WaitGroup{},
	}
	cfg, err := withSource(opts.Config, opts.Prometheus)
	if err != nil {
		return nil, err
	}
	a.cfg = cfg
	if err := a.connect(); err != nil {
		return nil, err
	}
	return a, nil
}

// Close lets go of connections.
func (a *App) Close() {
	a.tasks.Wait()
	if a.opts.Cluster != nil {
		a.opts.Cluster.Close()
	}
	for _, c := range a.clients {
		c.Close()
	}
}

// Engine is the engine; the Board is on it.
func (a *App) Engine() *engine.Engine { return a.engine }

// Registry is what is watched.
func (a *App) Registry() *config.Registry { return a.reg }

// connect makes a client per source. A source that cannot be used is a fault
// while another one can.
func (a *App) connect() error {
	if len(a.cfg.Sources) == 0 {
		return ErrNoSource
	}
	var errs []error
	for _, s := range a.cfg.Sources {
		o := SourceOptions(s)
		if a.opts.QueryRate > 0 {
			o.QueriesPerSecond, o.Burst = a.opts.QueryRate, int(a.opts.QueryRate)+1
		}
		c, err := signals.NewClient(o)
		if err != nil {
			errs = append(errs, err)
			a.wiring = append(a.wiring, policy.Fault{Code: "source-unusable", Object: s.Name, Text: err.Error()})
			continue
		}
		a.clients = append(a.clients, c)
	}
	if len(a.clients) == 0 {
		return errors.Join(errs...)
	}
	return nil
}

// ErrNoModel says that the sources answered and no model was seen.
var ErrNoModel = errors.New("no model found")

// ErrNoSource says that nothing was named to read from.
var ErrNoSource = errors.New("no Prometheus to read from: give --prometheus URL, or sources in the file of --config")

// register finds models unless some are configured, and builds the registry.
func (a *App) register(ctx context.Context, at time.Time) error {
	objects, inline, malformed := a.scaled.read()
	found, err := a.discovered(ctx, at)
	if err != nil {
		return err
	}
	more, refused, shared := unshared(append(inline, without(found, inline)...))
	a.refused, a.shared = append(malformed, refused...), shared
	reg, err := config.FromModels(a.cfg, more, Catalog())
	if reg == nil {
		return fmt.Errorf("check the models: %w", err)
	}
	a.refused = append(a.refused, refusals(more, len(a.cfg.Models), err)...)
	if len(reg.Entries) == 0 && len(a.refused) == 0 && a.opts.Scaled == nil {
		return errors.Join(errors.New("no model can be watched"), err)
	}
	reg.Bound(objects)
	a.reg = reg
	a.scaled.explain(inline, a.refused, reg)
	for _, w := range reg.Warnings {
		a.opts.Log.Warn("configuration", zap.String("warning", w))
	}
	return nil
}

// discovered are the models that are found, if none are configured. The model that
// was watched first keeps its target.
func (a *App) discovered(ctx context.Context, at time.Time) ([]config.Model, error) {
	if len(a.cfg.Models) > 0 {
		return nil, nil
	}
	found, err := a.discover(ctx, at)
	if a.opts.Scaled != nil {
		a.log("look for models", err) // those of ScaledObjects are watched all the same
		err = nil
	}
	if a.reg != nil {
		slices.SortStableFunc(found, func(x, y config.Model) int { return a.watched(y) - a.watched(x) })
	}
	return found, err
}

// watched is 1 for a model of the present registry.
func (a *App) watched(m config.Model) int {
	if _, ok := a.reg.Find(policy.ModelID{Namespace: m.Namespace, Name: m.Name}); ok {
		return 1
	}
	return 0
}

func (a *App) build() {
	a.reader = signals.NewReader(a.clients, a.bindings(), a.readerOptions())
	a.feed = newFeed(a.reader, a.opts, a.workloads(), a.shared)
	a.engine = engine.New(a.engineOptions(), a.feed)
	a.bell.SetDoors(a.doors())
}

func (a *App) readerOptions() signals.Options {
	opt := signals.DefaultOptions()
	opt.MaxAge = a.reg.MaxAge
	return opt
}

func (a *App) engineOptions() engine.Options {
	eo := engine.DefaultOptions()
	eo.Interval, eo.HoldFor, eo.Lag = a.reg.Interval, a.reg.HoldFor, a.opts.Lag
	eo.Models, eo.Budgets = a.reg.Models(), a.reg.Budgets
	eo.KeepHistory = max(a.reg.History, eo.KeepHistory)
	eo.Progress, eo.Log = a.opts.Progress, a.opts.Log
	eo.Beside = func(in policy.Input) policy.Input { return a.bell.Beside(a.feed.beside(in)) }
	return eo
}

// Reload takes over a new version of the file: models, budgets and their
// bindings. What was learned stays with each model. Sources and the tick's
// interval need a restart, which is said in the log.
func (a *App) Reload(ctx context.Context, cfg *config.Config, at time.Time) error {
	cfg, err := withSource(cfg, a.opts.Prometheus)
	if err != nil {
		return err
	}
	if !sameSources(a.cfg, cfg) || *a.cfg.Interval != *cfg.Interval {
		a.opts.Log.Warn("sources and interval of the new configuration take effect at the next start")
	}
	next := *cfg
	next.Sources, next.Interval = a.cfg.Sources, a.cfg.Interval
	old := *a
	a.cfg, a.faults, a.assumed = &next, nil, nil
	if err := a.register(ctx, at); err != nil {
		// Field by field: the doorbell reads others meanwhile.
		a.cfg, a.faults, a.assumed = old.cfg, old.faults, old.assumed
		a.reg, a.refused, a.shared = old.reg, old.refused, old.shared
		return err
	}
	a.feed.rebind(a.bindings(), a.workloads(), a.shared)
	a.engine.SetModels(a.reg.Models(), a.reg.Budgets)
	a.bell.SetDoors(a.doors())
	a.backfill(ctx, newIn(old.reg, a.reg), at)
	return nil
}

// Refresh looks for new models, where models are found and not configured.
func (a *App) Refresh(ctx context.Context, at time.Time) error {
	if len(a.cfg.Models) > 0 {
		return nil
	}
	return a.Reload(ctx, a.cfg, at)
}

func sameSources(a, b *config.Config) bool {
	return slices.EqualFunc(a.Sources, b.Sources, func(x, y config.Source) bool {
		return x.Name == y.Name && x.URL == y.URL
	})
}
