package scaler

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	"github.com/forewarm/forewarm/policy"
)

// Board is where the plan is: the newest snapshot, nil before the first, and a
// channel that is closed when a newer one is there.
type Board interface {
	Watch() (*policy.Snapshot, <-chan struct{})
}

// Options are what the scaler reads and its limits. Board and Parse are needed; see
// DefaultOptions for the rest.
type Options struct {
	Board   Board
	HoldFor func() time.Duration // a decision whose inputs allowed none for longer is an error
	MaxAge  func() time.Duration // an older reading is no raw signal
	// Parse reads the metadata of a trigger of the ScaledObject called object. Its
	// error names the key, and shows nothing that is secret.
	Parse func(object string, metadata map[string]string) (Trigger, error)
	// Missing says why a model is not watched; empty = not known.
	Missing func(id policy.ModelID) string
	// Claimed is the target of what a ScaledObject defines, or why its definition is not
	// taken. With neither it was not seen yet.
	Claimed func(Claim) (target policy.Target, why string)
	// Near is the known name that was probably meant; empty = none.
	Near func(name string, known []string) string

	TLS        *TLS // nil = in the clear
	Reflection bool
	Log        *zap.Logger
	Now        func() time.Time

	Handshake      time.Duration // a connection must speak HTTP/2 within it
	Deadline       time.Duration // of a call that is no stream
	Repeat         time.Duration // of an activation while at zero
	StreamLife     time.Duration // then a stream ends, so that load spreads anew
	StopFor        time.Duration // calls may take so long to end when we stop
	MaxMessage     int           // bytes of one request
	MaxStreams     int           // held open at once, two per push trigger
	MaxConnections int
}

// DefaultOptions suit a cluster with thousands of ScaledObjects.
func DefaultOptions() Options {
	return Options{
		HoldFor:   func() time.Duration { return 10 * time.Minute },
		MaxAge:    func() time.Duration { return 90 * time.Second },
		Missing:   func(policy.ModelID) string { return "" },
		Claimed:   func(Claim) (policy.Target, string) { return policy.Target{}, "" },
		Near:      func(string, []string) string { return "" },
		Log:       zap.NewNop(),
		Now:       systemNow,
		Handshake: 10 * time.Second, Deadline: time.Second, Repeat: 10 * time.Second, StreamLife: 30 * time.Minute,
		StopFor:    5 * time.Second,
		MaxMessage: 256 << 10, MaxStreams: 25_000, MaxConnections: 1000,
	}
}

// Server is the external scaler. Serve once. It collects its own metrics.
type Server struct {
	opts     Options
	reader   reader
	triggers *triggers
	grpc     *grpc.Server
	health   *health.Server
	metrics  *metrics

	stopping chan struct{}
	streams  atomic.Int64
	pace     pace
	beats    atomic.Pointer[chan struct{}]
}

// New builds the server; it listens to nothing yet. An error is one of TLS files.
func New(o Options) (*Server, error) {
	s := &Server{
		opts:     o,
		reader:   reader{holdFor: o.HoldFor, maxAge: o.MaxAge, missing: o.Missing, claimed: o.Claimed, near: o.Near},
		triggers: &triggers{parse: o.Parse, log: o.Log},
		health:   health.NewServer(),
		stopping: make(chan struct{}),
	}
	s.metrics = newMetrics(s)
	first := make(chan struct{})
	s.beats.Store(&first)
	opts, err := s.serverOptions()
	if err != nil {
		return nil, err
	}
	s.grpc = grpc.NewServer(opts...)
	pb.RegisterExternalScalerServer(s.grpc, service{Server: s})
	healthpb.RegisterHealthServer(s.grpc, s.health)
	if o.Reflection {
		reflection.Register(s.grpc)
	}
	s.setHealth(healthpb.HealthCheckResponse_NOT_SERVING)
	return s, nil
}

func (s *Server) setHealth(to healthpb.HealthCheckResponse_ServingStatus) {
	s.health.SetServingStatus("", to)
	s.health.SetServingStatus(pb.ExternalScaler_ServiceDesc.ServiceName, to)
}

// Serve answers on the listener until ctx ends, then ends all streams without an
// error, lets calls finish, and closes the listener.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { s.tick(ctx) })
	wg.Go(func() { s.pace.watch(ctx) })
	wg.Go(func() { s.healthy(ctx) })
	wg.Go(func() {
		<-ctx.Done()
		s.stop()
	})
	err := s.grpc.Serve(s.limited(l))
	stopped := ctx.Err() != nil
	cancel()
	wg.Wait()
	if err != nil && !stopped {
		return fmt.Errorf("serve KEDA on %s: %w", l.Addr(), err)
	}
	return nil
}

// stop says that we go, and waits for calls to end, but not for ever.
func (s *Server) stop() {
	s.health.Shutdown()
	close(s.stopping)
	done := make(chan struct{})
	go func() {
		s.grpc.GracefulStop()
		close(done)
	}()
	timer := time.NewTimer(s.opts.StopFor)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		s.grpc.Stop()
		<-done
	}
}

// healthy reports readiness from the first snapshot on.
func (s *Server) healthy(ctx context.Context) {
	for {
		snapshot, newer := s.opts.Board.Watch()
		if snapshot != nil {
			s.setHealth(healthpb.HealthCheckResponse_SERVING)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-newer:
		}
	}
}

// tick wakes all streams twice per Repeat. One timer serves them all.
func (s *Server) tick(ctx context.Context) {
	ticker := time.NewTicker(s.opts.Repeat / 2)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			next := make(chan struct{})
			close(*s.beats.Swap(&next))
		}
	}
}

func (s *Server) beat() <-chan struct{} { return *s.beats.Load() }
