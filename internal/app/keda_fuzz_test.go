package app

import (
	"context"
	"math"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/forewarm/forewarm/policy"
	"github.com/forewarm/forewarm/scaler"
)

// fuzzedClient is connected to a scaler with one model of two variants.
func fuzzedClient(f *testing.F) pb.ExternalScalerClient {
	f.Helper()
	id := policy.ModelID{Namespace: "llm", Name: "llama"}
	at := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	s := &policy.Snapshot{At: at, Models: []policy.ModelView{{Model: policy.Model{ID: id}}}}
	for _, variant := range []string{"main", "spot"} {
		s.Plan.Decisions = append(s.Plan.Decisions, policy.Decision{
			ID: policy.VariantID{Model: id, Variant: variant}, Known: true, Replicas: 3, Now: 2, NowKnown: true, Active: true, Good: at,
		})
	}
	out, err := NewKEDA(KEDAOptions{Address: "127.0.0.1:0"})(View{
		Watch:   func() (*policy.Snapshot, <-chan struct{}) { return s, nil },
		Missing: func(policy.ModelID) string { return "" }, Now: func() time.Time { return at },
		Claimed: func(scaler.Claim) (policy.Target, string) { return policy.Target{}, "" },
		HoldFor: func() time.Duration { return time.Hour },
		MaxAge:  func() time.Duration { return 90 * time.Second },
	})
	if err != nil {
		f.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	listener := out.(*kedaOutput).listener
	go func() { done <- out.Run(ctx) }()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", addr)
		}))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		_ = conn.Close()
		cancel()
		if err := <-done; err != nil {
			f.Error(err)
		}
	})
	return pb.NewExternalScalerClient(conn)
}

// FuzzTriggers sends whatever metadata there are through the handlers, with the configuration's own parser behind them.
// A caller gets a number that is one, or an error that is no defect of ours and has no line of its own in a log.
func FuzzTriggers(f *testing.F) {
	client := fuzzedClient(f)
	flat := func(pairs ...string) string { return strings.Join(pairs, "\x00") }
	f.Add("o", "llm", "forewarm-desired-llama-spot", flat("model", "llama", "variant", "spot"))
	f.Add("o", "llm", "s0-forewarm-desired-llama", flat("model", "llama"))
	f.Add("o", "llm", "forewarm-kv-llama", flat("model", "llama", "metric", "kv", "target", "0.8"))
	f.Add("o", "llm", "", flat("model", "llama", "target", "NaN", "metric", "rps"))
	f.Add("o", "other", "x", flat("model", "llama", "engine", "vllm", "modelName", "m", "slo.ttftP95", "2s"))
	f.Add("", "", "", flat("engine", "vllm", "gateway", "{", "passwordFromEnv", "hush"))
	f.Add("o", "llm", "s-", flat("model\nmodel", "\x1b[2J", "slo.", "x", "..", "y"))
	f.Fuzz(func(t *testing.T, name, namespace, metric, pairs string) {
		ref := &pb.ScaledObjectRef{Name: name, Namespace: namespace, ScalerMetadata: map[string]string{}}
		parts := strings.Split(pairs, "\x00")
		for i := 0; i+1 < len(parts); i += 2 {
			ref.ScalerMetadata[parts[i]] = parts[i+1]
		}
		sent := append([]string{name, namespace, metric}, parts...)
		spec, err := client.GetMetricSpec(t.Context(), ref)
		if sane(t, err, sent); err == nil {
			one := spec.GetMetricSpecs()[0]
			if len(spec.GetMetricSpecs()) != 1 || one.GetTargetSize() < 1 || !(one.GetTargetSizeFloat() >= 0.0005) {
				t.Errorf("want one spec with a positive target, got %v", spec)
			}
			if strings.Trim(one.GetMetricName(), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
				t.Errorf("want a name that KEDA leaves alone, got %q", one.GetMetricName())
			}
		}
		values, err := client.GetMetrics(t.Context(), &pb.GetMetricsRequest{ScaledObjectRef: ref, MetricName: metric})
		if sane(t, err, sent); err == nil {
			v := values.GetMetricValues()[0].GetMetricValueFloat()
			if len(values.GetMetricValues()) != 1 || !(v >= 0) || math.IsInf(v, 0) {
				t.Errorf("want one number, got %v", values)
			}
		}
		_, err = client.IsActive(t.Context(), ref)
		sane(t, err, sent)
	})
}

// expected are the errors that a caller's own words may bring about.
var expected = []codes.Code{
	codes.OK, codes.InvalidArgument, codes.NotFound, codes.FailedPrecondition, codes.Unavailable, codes.ResourceExhausted,
}

func sane(t *testing.T, err error, sent []string) {
	t.Helper()
	code, text := status.Code(err), status.Convert(err).Message()
	if !slices.ContainsFunc(sent, func(s string) bool { return !utf8.ValidString(s) }) && !slices.Contains(expected, code) {
		t.Errorf("want one of %v, got %v", expected, err)
	}
	if len(text) > 16<<10 || !utf8.ValidString(text) || strings.Contains(text, "hush") {
		t.Errorf("want a message that can be shown, got %q", text)
	}
}
