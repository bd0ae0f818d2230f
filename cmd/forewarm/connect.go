package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/forewarm/forewarm/internal/app"
	"github.com/forewarm/forewarm/internal/config"
)

// connectFlags say where to read and which models to show; recommend and serve
// share them.
type connectFlags struct {
	prometheus string
	headers    []string
	tokenFile  string
	tenant     string
	configFile string
	kubeconfig string
	kubectx    string
	namespaces []string
	models     []string
	history    time.Duration
	historySet bool
	quiet      bool
	verbose    bool
}

func (f *connectFlags) register(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.prometheus, "prometheus", "", "base `URL` of a Prometheus-compatible server")
	fl.StringArrayVar(&f.headers, "header", nil, "header to send, as `name=value`; may be repeated")
	fl.StringVar(&f.tokenFile, "bearer-token-file", "", "`file` with a bearer token, read again when it changes")
	fl.StringVar(&f.tenant, "tenant", "", "`id` to send as "+config.DefaultTenantHeader)
	fl.StringVar(&f.configFile, "config", "", "configuration `file`; without models in it they are found from metrics")
	fl.StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig `file`: read replicas from the API, and find Prometheus")
	fl.StringVar(&f.kubectx, "context", "", "`name` of the kubeconfig context")
	fl.StringSliceVarP(&f.namespaces, "namespace", "n", nil, "show only these namespaces")
	fl.StringSliceVar(&f.models, "model", nil, "show only these models, as name, namespace/name or model id")
	fl.DurationVar(&f.history, "history", config.DefaultHistory, "how much history to replay: at least 2m, or\n"+
		"0 for no more than the two minutes that rates need")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "no notes, no progress, only errors on stderr")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "log what is done on stderr")
	cmd.PreRun = func(cmd *cobra.Command, _ []string) { f.historySet = cmd.Flags().Changed("history") }
}

// leastHistory is what is replayed in any case, because rates need it.
const leastHistory = 2 * time.Minute

func (f *connectFlags) check() []error {
	var errs []error
	for _, h := range f.headers {
		if name, _, ok := strings.Cut(h, "="); !ok || name == "" {
			errs = append(errs, errors.New("--header: want name=value, got one without a name or without ="))
		}
	}
	if f.history < 0 || (f.history > 0 && f.history < leastHistory) {
		errs = append(errs, fmt.Errorf("--history: want at least %s, or 0 for no more than what rates need, got %s",
			spanOf(leastHistory.Seconds()), f.history))
	}
	if f.prometheus == "" && (len(f.headers) > 0 || f.tokenFile != "" || f.tenant != "") {
		errs = append(errs, errors.New("--header, --bearer-token-file and --tenant: want --prometheus with them; "+
			"for the sources of --config they belong into the file"))
	}
	return errs
}

// options are the app's options and how to end a progress line.
type options struct {
	app.Options
	clearProgress func()
}

// moments say when the fleet is read: as of a moment in the past, which the Kubernetes
// API cannot tell of, once now, or again and again.
type moments int

const (
	ofPast moments = iota
	ofNow
	ofEachTick
)

// options turns flags into the app's options.
func (f *connectFlags) options(ctx context.Context, s *streams, when moments) (options, error) {
	o := options{clearProgress: func() {}}
	if !f.verbose {
		app.QuietKubernetes()
	}
	o.Namespaces, o.Models, o.Log = f.namespaces, f.models, f.logger(s)
	if f.historySet {
		o.History = &f.history
	}
	if !f.quiet && terminal(s.err) > 0 {
		o.Progress = func(done, total time.Duration) {
			s.printf("\r\x1b[Kreading %s of history: %d %%", spanOf(total.Seconds()), 100*done/max(total, 1))
		}
		o.clearProgress = func() { s.printf("\r\x1b[K") }
	}
	if f.configFile != "" {
		cfg, err := config.Load(f.configFile, app.Catalog())
		if err != nil {
			return o, err
		}
		o.Config = cfg
	}
	if f.prometheus != "" {
		src, err := app.NewSource(f.prometheus, f.credentials())
		if _, missing := errors.AsType[*fs.PathError](err); missing {
			return o, err // like a file of --config that cannot be read
		}
		if err != nil {
			return o, &exitError{exitUsage, err}
		}
		o.Prometheus = &src
	}
	return o, f.cluster(ctx, s, &o, when)
}

// credentials are what --prometheus is asked with.
func (f *connectFlags) credentials() app.Credentials {
	c := app.Credentials{BearerTokenFile: f.tokenFile, Tenant: f.tenant, Headers: map[string]string{}}
	for _, kv := range f.headers {
		name, value, _ := strings.Cut(kv, "=")
		c.Headers[name] = value
	}
	return c
}

// logger writes to stderr: warnings, or everything with -v, or errors with -q.
func (f *connectFlags) logger(s *streams) *zap.Logger {
	level := zapcore.ErrorLevel
	if f.verbose {
		level = zapcore.DebugLevel
	}
	enc := zap.NewProductionEncoderConfig()
	enc.EncodeTime = zapcore.ISO8601TimeEncoder
	return zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(enc), zapcore.AddSync(s.err), level))
}
