package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/forewarm/forewarm/internal/app"
	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/engine"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	connectFlags
	dryRun bool
	lag    time.Duration
}

func newServe(s *streams) *cobra.Command {
	f := &serveFlags{}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Decide at every tick; with --dry-run print each change instead of serving it",
		Long: "Ticks like the server will, and with --dry-run prints every change of a recommendation. What is assumed, and\n" +
			"each fault when it appears and when it clears, goes to stderr.\n" +
			"Serving to HPA and KEDA is not there yet, so --dry-run is required.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), s, f) },
	}
	f.register(cmd)
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "print instead of serving")
	cmd.Flags().DurationVar(&f.lag, "lag", 5*time.Second, "how far ticks trail the clock, for Prometheus to ingest")
	return cmd
}

// serveBudget is about how long a starting server may read history.
const serveBudget = 10 * time.Minute

func serve(ctx context.Context, s *streams, f *serveFlags) error {
	if !f.dryRun {
		return usage("serve: the custom metrics API and the KEDA scaler are not there yet; " +
			"give --dry-run to print what would be served")
	}
	errs := f.check()
	if f.lag < 0 {
		errs = append(errs, fmt.Errorf("--lag: want 0 or more, got %s", f.lag))
	}
	if len(errs) > 0 {
		return &exitError{exitUsage, errors.Join(errs...)}
	}
	opts, err := f.options(ctx, s, true)
	if err != nil {
		return err
	}
	opts.Lag, opts.Budget = f.lag, serveBudget
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
	reload, err := f.reload()
	if err != nil {
		return err
	}
	printed, said := changes{}, newEdges()
	return a.Run(ctx, clock, reload, func(r app.Report) {
		if !f.quiet {
			said.print(s, r)
		}
		printed.print(s, r)
	})
}

// reload asks the file of --config for a new version.
func (f *serveFlags) reload() (func(time.Time) (*config.Config, bool), error) {
	if f.configFile == "" {
		return nil, nil //nolint:nilnil // no file, nothing to ask
	}
	w, err := config.NewWatcher(f.configFile, app.Catalog())
	if err != nil {
		return nil, err
	}
	return w.Check, nil
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
