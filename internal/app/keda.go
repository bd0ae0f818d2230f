package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"go.uber.org/zap"
	"k8s.io/client-go/rest"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/fleet"
	"github.com/forewarm/forewarm/internal/signals"
	"github.com/forewarm/forewarm/policy"
	"github.com/forewarm/forewarm/scaler"
)

// KEDATLS are the files of the external scaler's certificate, and of its callers'.
type KEDATLS = scaler.TLS

// KEDAOptions are those of the external scaler.
type KEDAOptions struct {
	Address    string
	TLS        *KEDATLS // nil = in the clear
	Reflection bool
	NoInline   bool // metadata may only name models
	Log        *zap.Logger
}

// errInline is what a definition gets where there may be none.
var errInline = errors.New("engine: definitions are turned off here: name a model that is configured or found")

// NewKEDA is the external scaler as an output.
func NewKEDA(o KEDAOptions) NewOutput {
	return func(v View) (Output, error) {
		so := scaler.DefaultOptions()
		so.Board, so.HoldFor, so.Now = watcher(v.Watch), v.HoldFor, v.Now
		so.Missing, so.Claimed, so.MaxAge = v.Missing, v.Claimed, v.MaxAge
		so.TLS, so.Reflection, so.Near = o.TLS, o.Reflection, signals.Nearest
		if o.Log != nil {
			so.Log = o.Log
		}
		so.Parse = parseTrigger(o.NoInline)
		s, err := scaler.New(so)
		if err != nil {
			return nil, fmt.Errorf("KEDA scaler: %w", err)
		}
		var lc net.ListenConfig
		l, err := lc.Listen(context.Background(), "tcp", o.Address)
		if err != nil {
			return nil, fmt.Errorf("KEDA scaler: %w", err)
		}
		return &kedaOutput{Server: s, listener: l}, nil
	}
}

func parseTrigger(noInline bool) func(string, map[string]string) (scaler.Trigger, error) {
	catalog := Catalog()
	return func(object string, metadata map[string]string) (scaler.Trigger, error) {
		t, err := config.ParseTrigger(object, metadata, catalog)
		if err != nil {
			return scaler.Trigger{}, err
		}
		if t.Inline && noInline {
			return scaler.Trigger{}, errInline
		}
		return scaler.Trigger{
			Model: t.Model, Variant: t.Variant, Metric: scaler.Metric(t.Metric), Target: t.Target, Inline: t.Inline,
		}, nil
	}
}

// kedaOutput serves on a port that was opened when it was built.
type kedaOutput struct {
	*scaler.Server
	listener net.Listener
}

// watcher is the Board as the scaler reads it.
type watcher func() (*policy.Snapshot, <-chan struct{})

// Watch is the newest snapshot, and a channel that is closed when there is a newer one.
func (w watcher) Watch() (*policy.Snapshot, <-chan struct{}) { return w() }

// Name is for logs.
func (*kedaOutput) Name() string { return "keda" }

// Ready is always: until there is a decision, the answer is an error to hold on.
func (*kedaOutput) Ready() error { return nil }

// Run serves until the context ends.
func (k *kedaOutput) Run(ctx context.Context) error { return k.Serve(ctx, k.listener) }

// scaledWait bounds how long a start waits for the first list of ScaledObjects.
const scaledWait = 5 * time.Second

// WatchScaledObjects watches those of a cluster (see ConnectCluster), in some
// namespaces or in all, until the returned function is called.
func WatchScaledObjects(
	ctx context.Context, kubeconfig, kubeContext string, namespaces []string,
) (ScaledObjects, func(), error) {
	cfg, err := ClusterConfig(kubeconfig, kubeContext)
	if err != nil {
		return nil, nil, err
	}
	return watchScaled(ctx, cfg, namespaces)
}

func watchScaled(ctx context.Context, cfg *rest.Config, namespaces []string) (ScaledObjects, func(), error) {
	s, err := fleet.NewScaledObjects(cfg, namespaces)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	first, stop := context.WithTimeout(ctx, scaledWait)
	defer stop()
	s.Wait(first)
	return s, func() {
		cancel()
		<-done
	}, nil
}
