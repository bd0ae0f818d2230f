package scaler

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	rpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
)

// calls is how many calls a server finished.
func calls(t *testing.T, s *listening) uint64 {
	t.Helper()
	return uint64(sum(t, s, "grpc_server_handled_total"))
}

// sum adds up a metric of a server's registry.
func sum(t *testing.T, s *listening, name string) float64 {
	t.Helper()
	reg := prometheus.NewRegistry()
	reg.MustRegister(s.Server)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetName() == name {
				total += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return total
}

// tcp runs a server on loopback.
func tcp(t *testing.T, o Options) (addr string, s *Server) {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String(), s
}

func TestALargeRequestIsRefused(t *testing.T) {
	k, _ := at(t, snapshot(decided("llama", 1, 1)))
	for name, r := range map[string]*pb.ScaledObjectRef{
		"a long value": ref("model", strings.Repeat("x", 1<<20)),
		"many keys": func() *pb.ScaledObjectRef {
			r := ref()
			for i := range 20_000 {
				r.ScalerMetadata[fmt.Sprintf("key-%d", i)] = "value"
			}
			return r
		}(),
	} {
		if _, err := k.client.IsActive(t.Context(), r); status.Code(err) != codes.ResourceExhausted {
			t.Errorf("%s: want ResourceExhausted, got %v", name, err)
		}
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "x-large", strings.Repeat("h", 64<<10))
	if _, err := k.client.IsActive(ctx, k.ref); err == nil {
		t.Error("want large headers refused")
	}
	if _, _, err := k.poll(t.Context()); err != nil {
		t.Errorf("want the next call answered, got %v", err)
	}
}

func TestConnectionsBeyondTheLimitAreClosedAtOnce(t *testing.T) {
	o := options(&board{s: snapshot(decided("llama", 1, 1))}, func() time.Time { return noon })
	o.MaxConnections, o.Handshake = 3, 200*time.Millisecond
	addr, s := tcp(t, o)
	var d net.Dialer
	for range 3 { // say nothing
		c, err := d.DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	c, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("want the fourth closed at once, got %v", err)
	}
	// The silent ones are let go after the handshake's time, and KEDA gets through.
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := pb.NewExternalScalerClient(conn).IsActive(t.Context(), ref("model", "llama"),
		grpc.WaitForReady(true)); err != nil {
		t.Error(err)
	}
	if got := sum(t, &listening{Server: s}, "forewarm_scaler_connections_refused_total"); got < 1 {
		t.Errorf("want refusals counted, got %g", got)
	}
}

// A mesh between KEDA and us may ping; as often as clients may, it is never cut off.
func TestPingsAreWelcome(t *testing.T) {
	o := options(&board{s: snapshot(decided("llama", 1, 1))}, func() time.Time { return noon })
	addr, _ := tcp(t, o)
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: leastPing, PermitWithoutStream: true}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := pb.NewExternalScalerClient(conn).IsActive(t.Context(), ref("model", "llama")); err != nil {
		t.Error(err)
	}
}

func TestHealthBeginsWithTheFirstSnapshotAndReflectionIsOptIn(t *testing.T) {
	for _, reflect := range []bool{false, true} {
		b := &board{}
		o := options(b, time.Now)
		o.Reflection = reflect
		conn := dial(t, nil, serve(t, o))
		health := healthpb.NewHealthClient(conn)
		watch, err := health.Watch(t.Context(), &healthpb.HealthCheckRequest{Service: "externalscaler.ExternalScaler"})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []healthpb.HealthCheckResponse_ServingStatus{
			healthpb.HealthCheckResponse_NOT_SERVING, healthpb.HealthCheckResponse_SERVING,
		} {
			r, err := watch.Recv()
			if err != nil || r.Status != want {
				t.Fatalf("want %s, got %v (%v)", want, r, err)
			}
			b.publish(snapshot(decided("llama", 1, 1)))
		}
		stream, err := rpb.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
		if err == nil {
			_ = stream.Send(&rpb.ServerReflectionRequest{MessageRequest: &rpb.ServerReflectionRequest_ListServices{}})
			_, err = stream.Recv()
			_ = stream.CloseSend()
		}
		if (err == nil) != reflect {
			t.Errorf("reflection %t: got %v", reflect, err)
		}
	}
}
