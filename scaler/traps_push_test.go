package scaler

import (
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/forewarm/forewarm/policy"
)

// Each test here is one thing that KEDA does with a stream and a scaler can fall for.

func TestAPushStreamEndsWithoutAnError(t *testing.T) {
	for name, end := range map[string]func(*listening){
		"when we stop":           func(s *listening) { _ = s.stop() },
		"when it has lived long": func(*listening) { wait(31 * time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &board{s: snapshot(decided("llama", 1, 1))}
				server := serve(t, options(b, time.Now))
				k := keda{client: pb.NewExternalScalerClient(dial(t, nil, server)), ref: ref("model", "llama")}
				p := k.push(t.Context())
				spec, err := k.client.StreamMetricSpec(t.Context(), k.ref)
				if err != nil {
					t.Fatal(err)
				}
				first, err := spec.Recv()
				want, _ := k.client.GetMetricSpec(t.Context(), k.ref)
				if err != nil || !proto.Equal(first, want) {
					t.Fatalf("want the spec at once, got %v (%v)", first, err)
				}
				synctest.Wait()
				end(server)
				if !p.clean() {
					t.Errorf("want the end of the stream, got %v", p.ends)
				}
				if _, err := spec.Recv(); !errors.Is(err, io.EOF) {
					t.Errorf("want the end of the stream, got %v", err)
				}
				if server.streams.Load() != 0 {
					t.Errorf("%d streams are still counted", server.streams.Load())
				}
			})
		})
	}
}

// An error at opening would double KEDA's pause, up to a minute: a wake-up would come late.
func TestAPushStreamWaitsForItsModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &board{}
		o, ours := options(b, time.Now), policy.Target{Kind: "Deployment", Name: "ours"}
		o.Claimed = func(Claim) (policy.Target, string) { return ours, "" }
		server := serve(t, o)
		k := keda{
			client: pb.NewExternalScalerClient(dial(t, nil, server)),
			ref:    ref("model", "llama", "variant", "main", "engine", "vllm"),
		}
		p := k.push(t.Context())
		wait(time.Minute)
		b.publish(snapshot(decided("other", 1, 1)))
		wait(time.Minute)
		if got := p.take(); len(got) > 0 {
			t.Fatalf("want silence, got %v", got)
		}
		of := func(target policy.Target) *policy.Snapshot {
			s := snapshot(decided("llama", 1, 0, func(d *policy.Decision) { d.Good = time.Now() }))
			s.Models[0].Model.Variants = []policy.Variant{{Name: "main", Target: target}}
			return s
		}
		b.publish(of(policy.Target{Kind: "Deployment", Name: "theirs"})) // who had the name before
		wait(time.Minute)
		if got := p.take(); len(got) > 0 {
			t.Fatalf("want nothing of another object's, got %v", got)
		}
		b.publish(of(ours))
		synctest.Wait()
		if got := p.take(); strings.Join(got, " ") != "true" {
			t.Errorf("want true at once, got %v", got)
		}
	})
}

// A raw signal that is missing is no value, but the plan's wake needs none.
func TestAMissingRawSignalKeepsNobodyAsleep(t *testing.T) {
	s := snapshot(decided("llama", 1, 0))
	s.Models[0].Input.Signals.Partial = true
	k, _ := at(t, s)
	k.ref = ref("model", "llama", "metric", "rps")
	if value, _, err := k.poll(t.Context()); status.Code(err) != codes.Unavailable {
		t.Errorf("want no value, got %g (%v)", value, err)
	}
	if a, err := k.client.IsActive(t.Context(), k.ref); err != nil || !a.GetResult() {
		t.Errorf("want it active, got %v (%v)", a, err)
	}
	stream, err := k.client.StreamIsActive(t.Context(), k.ref)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := stream.Recv(); err != nil || !a.GetResult() {
		t.Errorf("want true pushed, got %v (%v)", a, err)
	}
}

func TestStreamsAreLimited(t *testing.T) {
	o := options(&board{s: snapshot(decided("llama", 1, 1))}, func() time.Time { return noon })
	o.MaxStreams = 3
	server := serve(t, o)
	// Of several connections, since each may open as many on its own.
	var ends atomic.Int64
	for range 5 {
		k := keda{client: pb.NewExternalScalerClient(dial(t, nil, server)), ref: ref("model", "llama")}
		stream, err := k.client.StreamIsActive(t.Context(), k.ref)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); status.Code(err) == codes.ResourceExhausted {
			ends.Add(1)
		}
	}
	if ends.Load() != 2 {
		t.Errorf("want 2 of 5 streams refused, got %d", ends.Load())
	}
}
