package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/forewarm/forewarm/internal/app"
	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/engine"
)

// serveFlags are the flags of serve. Each output adds its own: see outputFlags.
type serveFlags struct {
	connectFlags
	dryRun  bool
	lag     time.Duration
	listen  string
	drain   time.Duration
	stop    time.Duration
	keda    kedaFlags
	outputs []outputFlags // all of them, keda included
}

// outputFlags are one output's flags: a file of its own, and a line in newServe.
type outputFlags interface {
	register(fl *pflag.FlagSet)
	check() []error
	// output is what the flags ask for; nil if that output is off.
	output(c *connectFlags) (app.NewOutput, error)
}

func newServe(s *streams) *cobra.Command {
	f := &serveFlags{}
	f.outputs = []outputFlags{newAdapterFlags(s), &f.keda, &logFlags{s: s}}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Decide at every tick and serve the answers; with --dry-run only print each change",
		Long: "Ticks until it is told to stop, and serves what it decides from memory. Metrics, health and readiness are\n" +
			"on --listen-metrics. Every change of an answer is printed on stdout; what is assumed, and each fault when it\n" +
			"appears and when it clears, goes to stderr. With --dry-run that is all, and nothing listens.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), s, f) },
	}
	f.register(cmd)
	fl := cmd.Flags()
	fl.BoolVar(&f.dryRun, "dry-run", false, "print instead of serving")
	fl.DurationVar(&f.lag, "lag", 5*time.Second, "how far ticks trail the clock, for Prometheus to ingest")
	fl.StringVar(&f.listen, "listen-metrics", ":8080", "`address` of /metrics, /healthz, /readyz and\n/debug/decisions; "+
		"empty = none")
	fl.DurationVar(&f.drain, "drain", 5*time.Second, "how long to serve on after readiness went off, for\nclients to "+
		"look elsewhere")
	fl.DurationVar(&f.stop, "stop-timeout", 15*time.Second, "how long requests in flight may take when stopping")
	for _, o := range f.outputs {
		o.register(fl)
	}
	return cmd
}

// serveBudget is about how long a starting server may read history.
const serveBudget = 10 * time.Minute

func serve(ctx context.Context, s *streams, f *serveFlags) error {
	errs := f.check()
	for name, d := range map[string]time.Duration{"--lag": f.lag, "--drain": f.drain, "--stop-timeout": f.stop} {
		if d < 0 {
			errs = append(errs, fmt.Errorf("%s: want 0 or more, got %s", name, d))
		}
	}
	for _, o := range f.outputs {
		if !f.dryRun {
			errs = append(errs, o.check()...)
		}
	}
	if len(errs) > 0 {
		return &exitError{exitUsage, errors.Join(errs...)}
	}
	opts, err := f.options(ctx, s, ofEachTick)
	if err != nil {
		return err
	}
	opts.Lag, opts.Budget = f.lag, serveBudget
	if !f.dryRun {
		return f.serve(ctx, s, opts)
	}
	return f.dry(ctx, s, opts)
}

// serve runs every output that is on.
func (f *serveFlags) serve(ctx context.Context, s *streams, opts options) error {
	reload, err := f.reload(s)
	if err != nil {
		return err
	}
	stop, err := f.keda.watch(ctx, &f.connectFlags, &opts.Options)
	if err != nil {
		return err
	}
	defer stop()
	o := app.ServeOptions{
		Options: opts.Options, Listen: f.listen, Drain: f.drain, Stop: f.stop, Version: versionText(),
		Reload: reload, Show: f.show(s),
	}
	o.Progress = nil // nobody watches, and lines of the log would run into it
	for _, flags := range f.outputs {
		out, err := flags.output(&f.connectFlags)
		if err != nil {
			return err
		}
		if out != nil {
			o.Outputs = append(o.Outputs, out)
		}
	}
	return app.Serve(ctx, o)
}

// dry only prints.
func (f *serveFlags) dry(ctx context.Context, s *streams, opts options) error {
	clock := engine.SystemClock{}
	start := clock.Now().Add(-f.lag)
	a, err := app.Open(ctx, opts.Options, start)
	if err != nil {
		return noData(err)
	}
	defer a.Close()
	if _, err := a.Recommend(ctx, start); err != nil && ctx.Err() == nil {
		return err
	}
	opts.clearProgress()
	reload, err := f.reload(s)
	if err != nil {
		return err
	}
	return a.Run(ctx, clock, reload, f.show(s))
}

// show prints what changed since the last report.
func (f *serveFlags) show(s *streams) func(app.Report) {
	printed, said := changes{}, newEdges()
	return func(r app.Report) {
		if !f.quiet {
			said.print(s, r)
		}
		printed.print(s, r)
	}
}

// reload asks the file of --config for a new version. One that cannot be used is said once; the last good one stays.
func (f *serveFlags) reload(s *streams) (func(time.Time) (*config.Config, bool), error) {
	if f.configFile == "" {
		return nil, nil //nolint:nilnil // no file, nothing to ask
	}
	w, err := config.NewWatcher(f.configFile, app.Catalog())
	if err != nil {
		return nil, err
	}
	said := ""
	return func(now time.Time) (*config.Config, bool) {
		cfg, changed := w.Check(now)
		text := ""
		if err := w.Status().Err; err != nil {
			text = cleanLines(err.Error())
		}
		switch text {
		case said:
		case "":
			s.printf("%s %s is good again\n", now.UTC().Format(time.RFC3339), f.configFile)
		default:
			s.printf("%s %s cannot be used, the last good version stays in use: %s\n",
				now.UTC().Format(time.RFC3339), f.configFile, text)
		}
		said = text
		return cfg, changed
	}, nil
}

// changes remembers what was printed of each variant.
type changes map[string]string

// print shows every variant whose answer is not what was printed last.
func (c changes) print(s *streams, r app.Report) {
	for _, m := range r.Models {
		for _, v := range m.Variants {
			name := m.Namespace + "/" + m.Name + "/" + v.Name
			answer := whole(v.Now) + " -> " + recommended(v)
			if c[name] == answer {
				continue
			}
			c[name] = answer
			_, _ = fmt.Fprintf(s.out, "%s %s: %s (%s)\n", r.At.Format(time.RFC3339), clean(name), answer, clean(v.Why))
		}
	}
}
