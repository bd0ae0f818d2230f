package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/forewarm/forewarm/internal/app"
	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/engine"
)

// recommendFlags are the flags of recommend.
type recommendFlags struct {
	connectFlags
	output  string
	explain string
	watch   time.Duration
	at      string
	failOn  []string
	timeout time.Duration
}

// replayBudget is about how long somebody at a terminal waits for history.
const replayBudget = time.Minute

var outputs = []string{"table", "wide", "json", "yaml", "csv", "markdown"}

// findings are what --fail-on can look for.
var findings = []string{"change", "over", "under", "fault"}

func newRecommend(s *streams) *cobra.Command {
	f := &recommendFlags{}
	cmd := &cobra.Command{
		Use:   "recommend",
		Short: "Say how many replicas each model needs, and why",
		Long: "Reads a Prometheus, finds the models that inference engines export there (or takes those of --config),\n" +
			"replays their history and says how many replicas each needs now. Changes nothing anywhere.",
		Example: "  forewarm recommend --prometheus http://localhost:9090\n" +
			"  forewarm recommend --prometheus http://localhost:9090 --explain llm/llama-3-70b\n" +
			"  forewarm recommend --config forewarm.yaml -o json --fail-on under",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return recommend(cmd.Context(), s, f) },
	}
	f.register(cmd)
	fl := cmd.Flags()
	fl.StringVarP(&f.output, "output", "o", "table", "one of table, wide, json, yaml, csv, markdown")
	fl.StringVar(&f.explain, "explain", "", "show how the recommendation of `namespace/model` came about")
	fl.DurationVar(&f.watch, "watch", 0, "keep going, one report per `interval`, at least that of the ticks (15s)")
	fl.Lookup("watch").NoOptDefVal = "15s"
	fl.StringVar(&f.at, "at", "", "as of a `time`: 2026-09-01T12:00:00Z, or -2h for two hours ago")
	fl.StringSliceVar(&f.failOn, "fail-on", nil, "exit with 3 on any of change, over, under, fault")
	fl.DurationVar(&f.timeout, "timeout", 5*time.Minute, "give up after this long; with --watch, on the first report")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(outputs, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions(findings, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// noArgs is cobra.NoArgs that knows the usual slip: the value of --watch is
// optional, so it needs an equals sign.
func noArgs(cmd *cobra.Command, args []string) error {
	err := cobra.NoArgs(cmd, args)
	if err != nil && cmd.Flags().Changed("watch") {
		if _, slip := time.ParseDuration(args[0]); slip == nil {
			return usage("--watch: want its interval after an equals sign: --watch=%s", args[0])
		}
	}
	return err
}

// check reports every wrong flag at once.
func (f *recommendFlags) check() error {
	errs := append(f.connectFlags.check(), f.conflicts()...)
	if !slices.Contains(outputs, f.output) {
		errs = append(errs, fmt.Errorf("--output: want one of %v, got %q", outputs, f.output))
	}
	for _, x := range f.failOn {
		if !slices.Contains(findings, x) {
			errs = append(errs, fmt.Errorf("--fail-on: want any of %v, got %q", findings, x))
		}
	}
	if f.timeout <= 0 {
		errs = append(errs, fmt.Errorf("--timeout: want a positive duration, got %s", f.timeout))
	}
	if len(errs) > 0 {
		return &exitError{exitUsage, errors.Join(errs...)}
	}
	return nil
}

// moment is when what is reported is.
func (f *recommendFlags) moment() moments {
	switch {
	case f.at != "":
		return ofPast
	case f.watch > 0:
		return ofEachTick
	}
	return ofNow
}

// conflicts are the flags that do not go with --watch.
func (f *recommendFlags) conflicts() []error {
	var errs []error
	if f.watch < 0 {
		errs = append(errs, fmt.Errorf("--watch: want a positive interval, got %s", f.watch))
	}
	if err := f.tooOften(config.DefaultInterval); f.configFile == "" && err != nil {
		errs = append(errs, err)
	}
	if f.watch > 0 && f.at != "" {
		errs = append(errs, errors.New("--watch and --at: want one of them, the past does not change"))
	}
	if f.watch > 0 && len(f.failOn) > 0 {
		errs = append(errs, errors.New("--watch and --fail-on: want one of them, a watch does not end"))
	}
	return errs
}

// tooOften refuses a watch that would show the same report again.
func (f *recommendFlags) tooOften(interval time.Duration) error {
	if f.watch <= 0 || f.watch >= interval {
		return nil
	}
	return usage("--watch: want at least the interval of the ticks (%s), between which nothing changes, got %s",
		interval, f.watch)
}

func recommend(ctx context.Context, s *streams, f *recommendFlags) error {
	return f.opened(ctx, s, func(a *app.App, r app.Report) error {
		if err := f.show(s, r); err != nil || f.watch == 0 {
			return errors.Join(err, f.verdict(s, r))
		}
		return f.follow(ctx, s, a)
	})
}

// opened checks the flags, reads what is there within --timeout, and does something with it.
func (f *recommendFlags) opened(ctx context.Context, s *streams, do func(*app.App, app.Report) error) error {
	if err := f.check(); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	a, r, err := f.open(limited, s)
	if err != nil {
		return err
	}
	defer a.Close()
	return do(a, r)
}

// open reads what is there and its history, and reports as of --at.
func (f *recommendFlags) open(ctx context.Context, s *streams) (*app.App, app.Report, error) {
	at, err := moment(f.at, engine.SystemClock{}.Now())
	if err != nil {
		return nil, app.Report{}, err
	}
	opts, err := f.options(ctx, s, f.moment())
	if err != nil {
		return nil, app.Report{}, err
	}
	defer opts.clearProgress()
	if opts.Config != nil {
		if err := f.tooOften(opts.Config.Interval.Std()); err != nil {
			return nil, app.Report{}, err
		}
	}
	opts.Budget = min(f.timeout/2, replayBudget)
	a, err := app.Open(ctx, opts.Options, at)
	if err != nil {
		return nil, app.Report{}, f.explained(ctx, noData(err))
	}
	r, err := a.Recommend(ctx, at)
	if err != nil {
		a.Close()
		return nil, app.Report{}, f.explained(ctx, err)
	}
	return a, r, nil
}

// explained says that the time was up, which the causes only hint at.
func (f *recommendFlags) explained(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("no report within %s; raise --timeout or read less with --history: %w", f.timeout, err)
	}
	return err
}

// noData gives "nothing was found" its own exit code.
func noData(err error) error {
	switch {
	case errors.Is(err, app.ErrNoModel):
		return &exitError{exitNoData, err}
	case errors.Is(err, app.ErrNoSource):
		return &exitError{exitUsage, err}
	}
	return err
}

// follow prints a report per interval until the context ends.
func (f *recommendFlags) follow(ctx context.Context, s *streams, a *app.App) error {
	clock := engine.SystemClock{}
	for clock.Sleep(ctx, f.watch) == nil {
		r, err := a.Tick(ctx, clock.Now())
		if err == nil {
			err = f.show(s, r)
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil // interrupted: the orderly end of a watch
}

// show prints a report in the form that was asked for.
func (f *recommendFlags) show(s *streams, r app.Report) error {
	if f.watch > 0 && terminal(s.out) > 0 {
		_, _ = fmt.Fprint(s.out, "\x1b[H\x1b[2J") // home, clear
	}
	if f.explain != "" {
		m, err := pick(r, f.explain)
		if err != nil {
			return err
		}
		if f.output == "table" || f.output == "wide" {
			return writeExplanation(s.out, r, m)
		}
		r.Models = []app.ModelReport{m}
	}
	if err := f.write(s, r); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if f.output != "json" && f.output != "yaml" && !f.quiet {
		writeNotes(s.err, r)
	}
	return nil
}

func (f *recommendFlags) write(s *streams, r app.Report) error {
	switch f.output {
	case "json":
		if f.watch > 0 {
			return writeLine(s.out, r)
		}
		return writeJSON(s.out, r)
	case "yaml":
		return writeYAML(s.out, r)
	case "csv":
		return writeCSV(s.out, r)
	case "markdown":
		return writeMarkdown(s.out, r)
	}
	return writeTable(s.out, r, f.output == "wide", colour(s.out), terminal(s.out))
}

// pick finds the model of --explain, by namespace/name, or by a name or model id
// that is unique.
func pick(r app.Report, want string) (app.ModelReport, error) {
	var hits []app.ModelReport
	var names []string
	for _, m := range r.Models {
		names = append(names, m.Namespace+"/"+m.Name)
		if want == m.Name || want == m.Namespace+"/"+m.Name || want == m.ModelName {
			hits = append(hits, m)
		}
	}
	if len(hits) == 1 {
		return hits[0], nil
	}
	if len(hits) > 1 {
		return app.ModelReport{}, usage("--explain: %q is in several namespaces; want one of %v", want, names)
	}
	return app.ModelReport{}, &exitError{exitNoData, fmt.Errorf("--explain: no model %q; there are %v", want, names)}
}
