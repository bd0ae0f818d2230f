package scaler

import (
	"context"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/forewarm/forewarm/policy"
)

// The load of the benchmarks comes from another process, which is this test binary
// again, so that the figures are the server's alone.
const (
	envRole = "FOREWARM_BENCH_CLIENT" // calls or streams
	envAddr = "FOREWARM_BENCH_ADDR"
	envRate = "FOREWARM_BENCH_RATE" // calls per second; streams at once
	envFor  = "FOREWARM_BENCH_FOR"
	envWide = "FOREWARM_BENCH_CONNECTIONS"
)

const benchModels = 1000

// server is what the load is put on.
type server interface {
	Serve(ctx context.Context, l net.Listener) error
}

// started serves on loopback.
func started(b *testing.B, s server) (addr string, stop func()) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.Context()))
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	return l.Addr().String(), func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
}

// floor is the least that a server of these calls can be: gRPC as it comes, and constants. What it costs, nobody saves.
type floor struct {
	pb.UnimplementedExternalScalerServer
}

func (f floor) Serve(ctx context.Context, l net.Listener) error {
	s := grpc.NewServer()
	pb.RegisterExternalScalerServer(s, f)
	defer context.AfterFunc(ctx, s.Stop)()
	return s.Serve(l)
}

func (floor) GetMetricSpec(context.Context, *pb.ScaledObjectRef) (*pb.GetMetricSpecResponse, error) {
	return &pb.GetMetricSpecResponse{MetricSpecs: []*pb.MetricSpec{{
		MetricName: "forewarm-desired-m0000", TargetSize: 1, TargetSizeFloat: 1,
	}}}, nil
}

func (floor) GetMetrics(context.Context, *pb.GetMetricsRequest) (*pb.GetMetricsResponse, error) {
	return &pb.GetMetricsResponse{MetricValues: []*pb.MetricValue{{
		MetricName: "forewarm-desired-m0000", MetricValue: 3, MetricValueFloat: 3,
	}}}, nil
}

func (floor) IsActive(context.Context, *pb.ScaledObjectRef) (*pb.IsActiveResponse, error) {
	return &pb.IsActiveResponse{Result: true}, nil
}

// busy is a server with a thousand models.
func busy(b *testing.B) *Server {
	b.Helper()
	var ds []policy.Decision
	for i := range benchModels {
		ds = append(ds, decided(fmt.Sprintf("m%04d", i), 3, 2))
	}
	o := options(&board{s: snapshot(ds...)}, time.Now)
	o.HoldFor = func() time.Duration { return math.MaxInt64 } // the snapshot is of another day
	s, err := New(o)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// clients are those of the other process.
type clients struct {
	role        string
	connections int
	rate        int // calls per second, or streams at once
	during      time.Duration
}

// otherProcess runs the load and returns what it says. Once ready returns, it may end.
func otherProcess(b *testing.B, addr string, c clients, ready func()) map[string]float64 {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^TestBenchClient$", "-test.v=false")
	cmd.Env = append(os.Environ(), envRole+"="+c.role, envAddr+"="+addr, envRate+"="+strconv.Itoa(c.rate),
		envFor+"="+c.during.String(), envWide+"="+strconv.Itoa(c.connections))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out := &strings.Builder{}
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	if ready != nil {
		ready()
	}
	_ = stdin.Close()
	if err := cmd.Wait(); err != nil {
		b.Fatalf("the client: %v\n%s", err, out)
	}
	got := map[string]float64{}
	for line := range strings.Lines(out.String()) {
		var name string
		var v float64
		if n, _ := fmt.Sscanf(line, "%s %g", &name, &v); n == 2 {
			got[name] = v
		}
	}
	return got
}

// cpu is what this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCalls is KEDA's mix of calls at a fixed rate: server CPU per call, and how late answers are, beside those of
// the floor. KEDA's operator has one connection for all triggers of one address and one set of credentials; ten are
// ten of those. One turn of b is one run of ten seconds.
func BenchmarkCalls(b *testing.B) {
	for _, connections := range []int{1, 10} {
		for _, rate := range []int{10_000, 5_000} {
			for _, name := range []string{"floor", "forewarm"} {
				b.Run(fmt.Sprintf("%d-conn/%d-per-s/%s", connections, rate, name), func(b *testing.B) {
					var s server = floor{}
					if name == "forewarm" {
						s = busy(b)
					}
					underLoad(b, s, clients{role: "calls", connections: connections, rate: rate, during: 10 * time.Second})
				})
			}
		}
	}
}

// underLoad measures one server under one load.
func underLoad(b *testing.B, s server, c clients) {
	b.Helper()
	addr, stop := started(b, s)
	defer stop()
	for b.Loop() {
		before := cpu()
		got := otherProcess(b, addr, c, nil)
		used := cpu() - before
		b.ReportMetric(float64(used.Microseconds())/got["calls"], "cpu-us/call")
		b.ReportMetric(got["rate"], "calls/s")
		b.ReportMetric(got["p50"]*1000, "p50-ms")
		b.ReportMetric(got["p99"]*1000, "p99-ms")
		b.ReportMetric(got["errors"], "errors")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkDeadline is one call without the network, as its handler alone and as a call that ends at its deadline.
func BenchmarkDeadline(b *testing.B) {
	s := busy(b)
	defer s.grpc.Stop()
	sv := service{Server: s}
	req := &pb.GetMetricsRequest{MetricName: "forewarm-desired-m0000", ScaledObjectRef: ref("model", "m0000")}
	handle := func(ctx context.Context, req any) (any, error) {
		return sv.GetMetrics(ctx, req.(*pb.GetMetricsRequest))
	}
	for name, call := range map[string]func() (any, error){
		"alone":   func() (any, error) { return handle(b.Context(), req) },
		"bounded": func() (any, error) { return s.bounded(b.Context(), req, nil, handle) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := call(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkStreams is ten thousand idle push streams on ten connections: the memory
// that the server's process holds for them.
func BenchmarkStreams(b *testing.B) {
	const streams = 10_000
	s := busy(b)
	addr, stop := started(b, s)
	defer stop()
	for b.Loop() {
		before := resident(b)
		var after float64
		otherProcess(b, addr, clients{role: "streams", connections: 10, rate: streams}, func() {
			for end := time.Now().Add(2 * time.Minute); s.streams.Load() < streams; time.Sleep(100 * time.Millisecond) {
				if time.Now().After(end) {
					b.Fatalf("only %d streams came", s.streams.Load())
				}
			}
			time.Sleep(2 * time.Second)
			runtime.GC()
			after = resident(b)
		})
		b.ReportMetric(after, "MiB")
		b.ReportMetric((after-before)*1024/streams, "KiB/stream")
	}
	b.ReportMetric(0, "ns/op")
}

// resident is the memory of this process in MiB, as the kernel counts it.
func resident(b *testing.B) float64 {
	b.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("no /proc:", err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	var kib float64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}

// TestBenchClient is the other process of the benchmarks.
func TestBenchClient(t *testing.T) {
	role, addr := os.Getenv(envRole), os.Getenv(envAddr)
	if role == "" {
		t.Skip("only for the benchmarks")
	}
	rate, _ := strconv.Atoi(os.Getenv(envRate))
	d, _ := time.ParseDuration(os.Getenv(envFor))
	connections, _ := strconv.Atoi(os.Getenv(envWide))
	var conns []*grpc.ClientConn
	for range connections {
		c, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		conns = append(conns, c)
	}
	switch role {
	case "calls":
		load(t, conns, rate, d)
	case "streams":
		hold(t, conns, rate)
	}
}

// load makes KEDA's calls at a rate. Each of 64 workers has its own moments, and a call
// counts from the moment it was due: what had to wait for an answer, or for the client
// to be scheduled, is late as well.
func load(t *testing.T, conns []*grpc.ClientConn, rate int, d time.Duration) {
	t.Helper()
	const workers = 64
	var wg sync.WaitGroup
	took, failed := make([][]float64, workers), make([]int, workers)
	for _, c := range conns { // KEDA's connections are open long before
		if _, err := pb.NewExternalScalerClient(c).GetMetricSpec(t.Context(), ref("model", "m0000")); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now().Add(200 * time.Millisecond)
	for w := range workers {
		wg.Go(func() {
			client := pb.NewExternalScalerClient(conns[w%len(conns)])
			gap := time.Duration(float64(time.Second) * workers / float64(rate))
			for n := 0; ; n++ {
				due := start.Add(time.Duration(n)*gap + gap*time.Duration(w)/workers)
				if due.Sub(start) > d {
					return
				}
				time.Sleep(time.Until(due))
				r := ref("model", fmt.Sprintf("m%04d", (n*workers+w)/3%benchModels), "enableTLS", "true")
				var err error
				switch n % 3 {
				case 0:
					_, err = client.GetMetricSpec(t.Context(), r)
				case 1:
					_, err = client.GetMetrics(t.Context(), &pb.GetMetricsRequest{
						MetricName: "forewarm-desired-" + r.ScalerMetadata["model"], ScaledObjectRef: r,
					})
				case 2:
					_, err = client.IsActive(t.Context(), r)
				}
				took[w] = append(took[w], time.Since(due).Seconds())
				if err != nil {
					failed[w]++
				}
			}
		})
	}
	wg.Wait()
	all := slices.Concat(took...)
	slices.Sort(all)
	errors := 0
	for _, n := range failed {
		errors += n
	}
	fmt.Printf("calls %d\nrate %g\np50 %g\np99 %g\nerrors %d\n",
		len(all), float64(len(all))/time.Since(start).Seconds(), all[len(all)/2], all[len(all)*99/100], errors)
}

// hold opens streams and holds them until stdin ends.
func hold(t *testing.T, conns []*grpc.ClientConn, streams int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for i := range streams {
		s, err := pb.NewExternalScalerClient(conns[i%len(conns)]).StreamIsActive(ctx,
			ref("model", fmt.Sprintf("m%04d", i%benchModels)))
		if err == nil {
			_, err = s.Recv()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	_, _ = os.Stdin.Read(make([]byte, 1))
}
