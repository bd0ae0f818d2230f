package scaler

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

const (
	// deadAfter finds peers that went without a word. KEDA itself sends no pings, a
	// mesh in between may: up to one per leastPing is fine, with or without streams.
	deadAfter = time.Minute
	leastPing = 10 * time.Second
	// connectionAge makes clients look the Service up again, so that a new replica
	// gets its share. Streams end before the grace does.
	connectionAge = time.Hour
	// maxHeaders bounds the headers of one call.
	maxHeaders = 16 << 10
	// workers are goroutines that take call after call, so that their stacks have grown:
	// that is a tenth of a call. A stream keeps one for its life, and with all of them
	// kept, a call has its own goroutine.
	workers = 64
)

// serverOptions are the limits, and what is around every call: metrics, then the
// deadline, then recovery.
func (s *Server) serverOptions() ([]grpc.ServerOption, error) {
	recovered := recovery.WithRecoveryHandlerContext(s.recovered)
	opts := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(s.opts.MaxMessage),
		grpc.NumStreamWorkers(workers),
		grpc.MaxHeaderListSize(maxHeaders),
		grpc.MaxConcurrentStreams(uint32(s.opts.MaxStreams)),
		grpc.ConnectionTimeout(s.opts.Handshake),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			Time: deadAfter, Timeout: deadAfter / 3, MaxConnectionAge: connectionAge,
			MaxConnectionAgeGrace: s.opts.StreamLife + time.Minute,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: leastPing, PermitWithoutStream: true}),
		grpc.WaitForHandlers(true),
		grpc.ChainUnaryInterceptor(s.metrics.calls.UnaryServerInterceptor(), s.bounded,
			recovery.UnaryServerInterceptor(recovered)),
		grpc.ChainStreamInterceptor(s.metrics.calls.StreamServerInterceptor(), recovery.StreamServerInterceptor(recovered),
			s.counted, departed),
	}
	if s.opts.TLS == nil {
		return opts, nil
	}
	creds, err := s.opts.TLS.credentials(s)
	if err != nil {
		return nil, err
	}
	return append(opts, grpc.Creds(creds)), nil
}

// bounded ends a call at a deadline of its own, since KEDA gives none and keeps its
// ScaledObject locked until there is an answer. Handlers read memory and heed no
// context, so that one which hangs is left behind.
func (s *Server) bounded(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	s.pace.call()
	ctx, cancel := context.WithTimeout(ctx, s.opts.Deadline)
	defer cancel()
	done := make(chan result, 1)
	go func() {
		resp, err := next(ctx, req)
		done <- result{resp, err}
	}()
	select {
	case r := <-done:
		return r.resp, r.err
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
}

// result is what a handler returned.
type result struct {
	resp any
	err  error
}

// counted bounds the streams of all connections together, those of health checks and
// reflection included.
func (s *Server) counted(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	defer s.streams.Add(-1)
	if s.streams.Add(1) > int64(s.opts.MaxStreams) {
		return status.Errorf(codes.ResourceExhausted, "%d streams are open, which is the limit", s.opts.MaxStreams)
	}
	return next(srv, stream)
}

// departed turns the end of a caller's context into a gRPC status.
func departed(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	err := next(srv, stream)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return status.FromContextError(err).Err()
	}
	return err
}

// recovered turns a panic into an error of that one call. The value of a panic may
// hold what the call brought, so that the log has its kind and where it was.
func (s *Server) recovered(_ context.Context, p any) error {
	s.metrics.panics.Inc()
	s.opts.Log.Error("recovered from a panic", zap.String("panic", said(p)),
		zap.ByteString("stack", debug.Stack()))
	return errPanic
}

// said is what a panic may say of itself: the runtime's own words, which name no data
// beyond indices, or else only its type.
func said(p any) string {
	if err, ok := p.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", p)
}

// limited turns connections away beyond MaxConnections. To close one at once is
// better than to leave it waiting: the client tries another replica.
func (s *Server) limited(l net.Listener) net.Listener {
	return &listener{
		Listener: l, most: int64(s.opts.MaxConnections), metrics: s.metrics,
		busy: s.pace.busy, now: s.opts.Now,
	}
}

type listener struct {
	net.Listener
	most    int64
	open    atomic.Int64
	metrics *metrics
	busy    func() bool
	now     func() time.Time
}

// Accept waits for the next connection that there is room for.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= l.most {
			l.metrics.connections.Inc()
			return &conn{Conn: c, l: l, busy: l.busy, now: l.now}, nil
		}
		l.open.Add(-1)
		l.metrics.turnedAway.Inc()
		_ = c.Close()
	}
}

// conn counts itself out once, and gathers what it reads while the server is busy.
type conn struct {
	net.Conn
	l    *listener
	once sync.Once
	busy func() bool
	now  func() time.Time
	read time.Time // when the last read ended

	eager int // so many reads do not wait
}

// Close closes the connection.
func (c *conn) Close() error {
	c.once.Do(func() {
		c.l.open.Add(-1)
		c.l.metrics.connections.Dec()
	})
	return c.Conn.Close()
}
