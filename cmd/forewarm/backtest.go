package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/forewarm/forewarm/internal/app"
	"github.com/forewarm/forewarm/internal/backtest"
	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/engine"
	"github.com/forewarm/forewarm/internal/report"
)

// backtestFlags are the flags of backtest.
type backtestFlags struct {
	connectFlags
	settings backtest.Settings
	span     string
	burnIn   string
	theirs   []string // files
	output   string
	html     string
	at       string
	timeout  time.Duration
}

var backtestOutputs = []string{"table", "json", "csv", "markdown"}

func newBacktest(s *streams) *cobra.Command {
	f := &backtestFlags{settings: backtest.DefaultSettings()}
	cmd := &cobra.Command{
		Use:   "backtest",
		Short: "Say what HPA, KEDA and Forewarm would have made of your own history",
		Long: "Reads each model's demand and replicas of the past from a Prometheus and puts side by side what the fleet\n" +
			"did, what a plain HPA and KEDA with the given settings would have done, what Forewarm would have done, and\n" +
			"the least that whoever knows the future would have paid. Changes nothing anywhere.",
		Example: "  forewarm backtest --prometheus http://localhost:9090 --range 14d\n" +
			"  forewarm backtest --config forewarm.yaml --hpa-target 0.6 -o json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runBacktest(cmd.Context(), s, f) },
	}
	f.register(cmd)
	_ = cmd.Flags().MarkHidden("history") // --range says how much is read
	fl, d := cmd.Flags(), f.settings
	fl.StringVar(&f.span, "range", "14d", "how much history to use, back from --at")
	fl.StringVar(&f.burnIn, "burn-in", "0s", "drive policies through this much at the beginning without scoring it")
	fl.DurationVar(&f.settings.Step, "step", 0, "read at this resolution: 15s, 30s or 1m (default: by the range)")
	fl.Float64Var(&f.settings.HPATarget, "hpa-target", d.HPATarget, "HPA: requests/s per replica as a share of capacity")
	fl.Float64Var(&f.settings.KEDAQueue, "keda-queue", d.KEDAQueue, "KEDA: waiting requests per replica")
	fl.Float64Var(&f.settings.KEDAKV, "keda-kv", d.KEDAKV, "KEDA: KV-cache use per replica, 0 to 1")
	fl.StringArrayVar(&f.theirs, "autoscalers", nil, "your HorizontalPodAutoscalers and ScaledObjects as a YAML or JSON "+
		"`file` of kubectl get -o yaml; may be repeated (with --kubeconfig they are read from the cluster)")
	fl.StringVarP(&f.output, "output", "o", "table", "one of table, json, csv, markdown")
	fl.StringVar(&f.html, "html", "", "also write a report with charts to this `file`")
	fl.StringVar(&f.at, "at", "", "up to a `time`: 2026-09-01T12:00:00Z, or -2h for two hours ago")
	fl.DurationVar(&f.timeout, "timeout", 15*time.Minute, "give up after this long")
	fixed := cobra.FixedCompletions(backtestOutputs, cobra.ShellCompDirectiveNoFileComp)
	_ = cmd.RegisterFlagCompletionFunc("output", fixed)
	return cmd
}

// check parses and reports every wrong flag at once.
func (f *backtestFlags) check() error {
	errs := f.connectFlags.check()
	for _, d := range []struct {
		flag, text string
		into       *time.Duration
	}{{"--range", f.span, &f.settings.Range}, {"--burn-in", f.burnIn, &f.settings.BurnIn}} {
		v, err := config.ParseDuration(d.text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: want a duration such as 14d or 36h, got %q", d.flag, d.text))
			continue
		}
		*d.into = v.Std()
	}
	if f.historySet {
		errs = append(errs, errors.New("--history: want --range here"))
	}
	if !slices.Contains(backtestOutputs, f.output) {
		errs = append(errs, fmt.Errorf("--output: want one of %v, got %q", backtestOutputs, f.output))
	}
	if f.timeout <= 0 {
		errs = append(errs, fmt.Errorf("--timeout: want a positive duration, got %s", f.timeout))
	}
	if err := f.settings.Check(); err != nil {
		for line := range strings.Lines(err.Error()) {
			errs = append(errs, errors.New("--"+strings.TrimSpace(line)))
		}
	}
	if len(errs) > 0 {
		return &exitError{exitUsage, errors.Join(errs...)}
	}
	return nil
}

func runBacktest(ctx context.Context, s *streams, f *backtestFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	at, err := moment(f.at, engine.SystemClock{}.Now())
	if err != nil {
		return err
	}
	if err := f.page(); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	opts, err := f.options(limited, s, ofPast)
	if err != nil {
		return err
	}
	if f.settings.Theirs, err = f.autoscalers(limited, s); err != nil {
		return err
	}
	if !f.quiet && terminal(s.err) > 0 {
		f.settings.Progress = func(what string, done, total time.Duration) {
			s.printf("\r\x1b[K%s: %d %%", what, 100*done/max(total, 1))
		}
	}
	r, err := backtest.Run(limited, opts.Options, f.settings, at)
	opts.clearProgress()
	if err == nil {
		return f.show(s, r)
	}
	if errors.Is(err, backtest.ErrNoHistory) {
		if !f.quiet {
			writeBacktestNotes(s.err, r)
		}
		return &exitError{exitNoData, err}
	}
	if errors.Is(limited.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("no report within %s; raise --timeout or read less with --range: %w", f.timeout, err)
	}
	return noData(err)
}

// page prepares for a report with charts, if one is wanted.
func (f *backtestFlags) page() error {
	if f.html == "" {
		return nil
	}
	f.settings.Points = timelinePoints
	return checkPage(f.html)
}

// autoscalers are those of the files, and of the cluster if a kubeconfig was named. What the cluster does not let
// us read is said, and no reason to stop.
func (f *backtestFlags) autoscalers(ctx context.Context, s *streams) ([]backtest.Autoscaler, error) {
	var texts [][]byte
	for _, path := range f.theirs {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("--autoscalers: %w", err)
		}
		texts = append(texts, text)
	}
	if f.kubeconfig != "" || f.kubectx != "" {
		lists, err := app.Autoscalers(ctx, f.kubeconfig, f.kubectx)
		if err != nil && !f.quiet {
			s.printf("forewarm: your autoscalers could not all be read from the cluster: %v\n", err)
		}
		texts = append(texts, lists...)
	}
	var out []backtest.Autoscaler
	for _, text := range texts {
		a, err := backtest.ParseAutoscalers(text)
		if err != nil {
			return nil, err
		}
		out = append(out, a...)
	}
	return out, nil
}

// show prints a report in the form that was asked for.
func (f *backtestFlags) show(s *streams, r backtest.Report) error {
	var err error
	switch f.output {
	case "json":
		err = writeJSON(s.out, r)
	case "csv":
		err = writeBacktestCSV(s.out, r)
	case "markdown":
		err = writeBacktestMarkdown(s.out, r)
	default:
		err = writeBacktestTable(s.out, r)
	}
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if f.output != "json" && !f.quiet {
		writeBacktestNotes(s.err, r)
	}
	if f.html != "" {
		return writePage(f.html, func(w io.Writer) error { return report.WriteBacktest(w, r) })
	}
	return nil
}
