package scaler

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/test/bufconn"
)

// keda makes the calls that KEDA 2.21 makes, as its pkg/scalers/external_scaler.go
// does, which cannot be imported without every cloud SDK: one connection to all
// addresses, round robin, no deadline, no keepalive.
type keda struct {
	client pb.ExternalScalerClient
	ref    *pb.ScaledObjectRef
	index  int
}

// dial connects to several servers as KEDA does through a headless Service.
func dial(t *testing.T, creds credentials.TransportCredentials, servers ...*listening) *grpc.ClientConn {
	t.Helper()
	r := manual.NewBuilderWithScheme("replicas")
	var state resolver.State
	byName := map[string]*listening{}
	for i, s := range servers {
		name := fmt.Sprintf("replica-%d", i)
		byName[name] = s
		state.Addresses = append(state.Addresses, resolver.Address{Addr: name})
	}
	r.InitialState(state)
	if creds == nil {
		creds = insecure.NewCredentials()
	}
	conn, err := grpc.NewClient("replicas:///forewarm-scaler",
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin":{}}]}`),
		grpc.WithTransportCredentials(creds), grpc.WithResolvers(r),
		grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) { return byName[addr].dial(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (k keda) spec(ctx context.Context) (*pb.MetricSpec, error) {
	r, err := k.client.GetMetricSpec(ctx, k.ref)
	if err != nil {
		return nil, err
	}
	if len(r.MetricSpecs) != 1 {
		return nil, fmt.Errorf("want one spec, got %d", len(r.MetricSpecs))
	}
	return r.MetricSpecs[0], nil
}

// poll is one turn of the scale loop: spec, metrics, activity.
func (k keda) poll(ctx context.Context) (value float64, active bool, err error) {
	spec, err := k.spec(ctx)
	if err != nil {
		return 0, false, err
	}
	inHPA := fmt.Sprintf("s%d-%s", k.index, spec.MetricName)
	_, asked, _ := strings.Cut(inHPA, "-")
	m, err := k.client.GetMetrics(ctx, &pb.GetMetricsRequest{MetricName: asked, ScaledObjectRef: k.ref})
	if err != nil {
		return 0, false, err
	}
	for _, v := range m.MetricValues {
		if v.MetricValueFloat > 0 {
			value += v.MetricValueFloat
		} else {
			value += float64(v.MetricValue)
		}
	}
	if len(m.MetricValues) == 0 {
		return 0, false, errors.New("no matching metrics")
	}
	a, err := k.client.IsActive(ctx, k.ref)
	if err != nil {
		return 0, false, err
	}
	return value, a.Result, nil
}

// pushed is what a stream of KEDA's push scaler received, and how it ended.
type pushed struct {
	mu   sync.Mutex
	got  []string
	ends []error
	done chan struct{}
}

func (p *pushed) add(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, fmt.Sprintf(format, args...))
}

// take is what came since it was last asked.
func (p *pushed) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	got := p.got
	p.got = nil
	return got
}

// push runs one stream of KEDA's, without its retries.
func (k keda) push(ctx context.Context) *pushed {
	p := &pushed{done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.ends = append(p.ends, func() error {
			stream, err := k.client.StreamIsActive(ctx, k.ref)
			if err != nil {
				return err
			}
			for {
				r, err := stream.Recv()
				if err != nil {
					return err
				}
				p.add("%t", r.Result)
			}
		}())
	}()
	return p
}

// clean says that a stream ended so that KEDA comes back in two seconds.
func (p *pushed) clean() bool {
	<-p.done
	return errors.Is(p.ends[0], io.EOF)
}

// listening is a server on memory.
type listening struct {
	*Server
	l    *bufconn.Listener
	stop func() error
}

func (s *listening) dial(ctx context.Context) (net.Conn, error) { return s.l.DialContext(ctx) }

// serve runs a server until the test ends.
func serve(t *testing.T, o Options) *listening {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	out := &listening{Server: s, l: bufconn.Listen(64 << 10)}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, out.l) }()
	out.stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() {
		if err := out.stop(); err != nil {
			t.Error(err)
		}
	})
	return out
}

func wait(d time.Duration) { time.Sleep(d) } // in a bubble of synctest only
