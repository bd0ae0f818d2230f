package scaler

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/forewarm/forewarm/policy"
)

// Each test here is one thing that KEDA does and a scaler can fall for.

// at is a server with one snapshot, at noon.
func at(t *testing.T, s *policy.Snapshot) (keda, *board) {
	t.Helper()
	b := &board{s: s}
	server := serve(t, options(b, func() time.Time { return noon }))
	return keda{client: pb.NewExternalScalerClient(dial(t, nil, server)), ref: ref("model", "llama")}, b
}

// snapshot is a plan of decisions, with the models they name.
func snapshot(ds ...policy.Decision) *policy.Snapshot {
	s := &policy.Snapshot{At: noon}
	for _, d := range ds {
		if n := len(s.Models); n == 0 || s.Models[n-1].Model.ID != d.ID.Model {
			s.Models = append(s.Models, policy.ModelView{Model: policy.Model{ID: d.ID.Model}})
		}
		s.Plan.Decisions = append(s.Plan.Decisions, d)
	}
	return s
}

// decided is a good decision for now of a variant main, changed by more.
func decided(model string, replicas, now int, more ...func(*policy.Decision)) policy.Decision {
	d := policy.Decision{
		ID:    policy.VariantID{Model: policy.ModelID{Namespace: "llm", Name: model}, Variant: "main"},
		Known: true, Replicas: replicas, Now: now, NowKnown: true, Active: true, Good: noon,
	}
	for _, f := range more {
		f(&d)
	}
	return d
}

func TestTheSpecNeedsNoState(t *testing.T) {
	k, b := at(t, nil)
	first, err := k.spec(t.Context())
	if err != nil {
		t.Fatal("before the first tick:", err)
	}
	for name, s := range map[string]*policy.Snapshot{
		"no such model": snapshot(decided("other", 1, 1)),
		"never a decision": snapshot(decided("llama", 1, 1, func(d *policy.Decision) {
			d.Known, d.Good = false, time.Time{}
		})),
		"well": snapshot(decided("llama", 3, 1)),
	} {
		b.publish(s)
		if got, err := k.spec(t.Context()); err != nil || !proto.Equal(first, got) {
			t.Errorf("%s: want %v, got %v (%v)", name, first, got, err)
		}
	}
}

func TestOneSpecWithAPositiveTargetAndAStableName(t *testing.T) {
	name := regexp.MustCompile(`^[a-z0-9-]+$`)
	for _, pairs := range [][]string{
		{"model", "llama"}, {"model", "llama", "variant", "spot"}, {"model", "llama", "metric", "kv"},
	} {
		spec, err := service{Server: serve(t, options(&board{}, time.Now)).Server}.GetMetricSpec(t.Context(), ref(pairs...))
		if err != nil || len(spec.MetricSpecs) != 1 {
			t.Fatalf("want one spec, got %v (%v)", spec, err)
		}
		one := spec.MetricSpecs[0]
		if !name.MatchString(one.MetricName) || one.TargetSize < 1 || !(one.TargetSizeFloat >= 0.001) {
			t.Errorf("%v: got %v", pairs, one)
		}
		if len(pairs) == 2 && (one.TargetSize != 1 || one.TargetSizeFloat != 1) {
			t.Errorf("want a target of exactly 1, got %v", one)
		}
	}
}

func TestCountsAreWhole(t *testing.T) {
	for _, n := range []int{0, 1, 3, 10, 999} {
		k, _ := at(t, snapshot(decided("llama", n, max(n, 1))))
		r, err := k.client.GetMetrics(t.Context(), &pb.GetMetricsRequest{MetricName: "forewarm-desired-llama", ScaledObjectRef: k.ref})
		if err != nil || len(r.MetricValues) != 1 {
			t.Fatalf("want one value, got %v (%v)", r, err)
		}
		if v := r.MetricValues[0]; v.MetricValue != int64(n) || v.MetricValueFloat != float64(n) {
			t.Errorf("want %d in both fields, got %v", n, v)
		}
	}
}

func TestTheMetricIsAskedWithoutItsIndex(t *testing.T) {
	k, _ := at(t, snapshot(decided("llama", 3, 3)))
	for name, want := range map[string]codes.Code{
		"forewarm-desired-llama":        codes.OK,
		"s0-forewarm-desired-llama":     codes.OK, // by hand, as it is seen in the HPA
		"s12-forewarm-desired-llama":    codes.OK,
		"forewarm-desired-other":        codes.NotFound,
		"":                              codes.NotFound,
		strings.Repeat("x", 100_000):    codes.NotFound,
		"s0-s1-forewarm-desired-llama":  codes.NotFound,
		"forewarm-desired-llama-(more)": codes.NotFound,
	} {
		_, err := k.client.GetMetrics(t.Context(), &pb.GetMetricsRequest{MetricName: name, ScaledObjectRef: k.ref})
		if status.Code(err) != want || len(status.Convert(err).Message()) > 400 {
			t.Errorf("%.50s: want %s, got %v", name, want, err)
		}
	}
}

func TestReplicasOfTheScalerAnswerAlike(t *testing.T) {
	s := snapshot(decided("llama", 3, 2))
	clock := func() time.Time { return noon }
	// The second was asked other things before, and restarts in between.
	a, b := serve(t, options(&board{s: s}, clock)), serve(t, options(&board{s: s}, clock))
	other := keda{client: pb.NewExternalScalerClient(dial(t, nil, b)), ref: ref("model", "other")}
	if _, _, err := other.poll(t.Context()); status.Code(err) != codes.NotFound {
		t.Fatal(err)
	}
	k := keda{client: pb.NewExternalScalerClient(dial(t, nil, a, b)), ref: ref("model", "llama"), index: 3}
	for range 20 {
		if value, active, err := k.poll(t.Context()); value != 3 || !active || err != nil {
			t.Fatalf("want 3, active, from whichever replica, got %g, %t, %v", value, active, err)
		}
	}
	counts := []uint64{calls(t, a), calls(t, b)}
	if counts[0] < 20 || counts[1] < 20 {
		t.Errorf("want both replicas asked, got %v calls", counts)
	}
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, _, err := k.poll(t.Context()); err != nil {
			t.Fatalf("one replica is gone, and the other is not asked: %v", err)
		}
	}
}

func TestACallHasItsOwnDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{opts: DefaultOptions()}
		start := time.Now()
		_, err := s.bounded(context.WithoutCancel(t.Context()), nil, nil, func(ctx context.Context, _ any) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 2*time.Second {
			t.Errorf("want an end within two seconds, got %v after %s", err, time.Since(start))
		}
	})
}

func TestNothingThatIsNoNumberIsEverSent(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1} {
		for _, m := range []string{"pending", "running", "kv", "rps"} {
			s := snapshot(decided("llama", 1, 1))
			r := policy.Seen(bad, 0)
			s.Models[0].Input.Signals = policy.Signals{
				Arrivals: r, Pods: []policy.Pod{{Name: "p", Pending: r, Running: r, KV: r}},
			}
			k, _ := at(t, s)
			k.ref = ref("model", "llama", "metric", m)
			if value, _, err := k.poll(t.Context()); status.Code(err) != codes.Unavailable {
				t.Errorf("%s of %g: want an error, got %g (%v)", m, bad, value, err)
			}
		}
	}
	k, _ := at(t, snapshot(decided("llama", -3, 1)))
	if value, _, err := k.poll(t.Context()); err == nil {
		t.Errorf("want an error, got %g", value)
	}
}

func TestAnErrorNamesTheKeyAndNoSecret(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	o := options(&board{s: snapshot(decided("llama", 1, 1))}, func() time.Time { return noon })
	o.Log = zap.New(core)
	o.Near = func(string, []string) string { return "llama" }
	o.Missing = func(id policy.ModelID, _ bool) string {
		return map[string]string{"refused": "another has its series"}[id.Name]
	}
	k := keda{client: pb.NewExternalScalerClient(dial(t, nil, serve(t, o)))}
	for name, tc := range map[string]struct {
		ref  *pb.ScaledObjectRef
		code codes.Code
		want string
	}{
		"no model":       {ref("passwordFromEnv", "hush"), codes.InvalidArgument, "trigger of ScaledObject llm/llama: model: want the name of a model"},
		"a near name":    {ref("model", "lama"), codes.NotFound, "model llm/lama is not known, did you mean llama?; this namespace has llama"},
		"no variant":     {ref("model", "llama", "variant", "spot"), codes.NotFound, "variant spot of model llm/llama is not known; it has main"},
		"no namespace":   {&pb.ScaledObjectRef{Name: "x"}, codes.InvalidArgument, "want a name and a namespace"},
		"nothing":        {&pb.ScaledObjectRef{}, codes.InvalidArgument, "want a name and a namespace"},
		"not there yet":  {ref("model", "new", "engine", "vllm"), codes.Unavailable, "its definition was not seen yet"},
		"not watched":    {ref("model", "refused", "engine", "vllm"), codes.FailedPrecondition, "model llm/refused: another has its series"},
		"a panic of us":  {ref("model", "panic"), codes.Internal, "a defect in Forewarm"},
		"another tenant": {&pb.ScaledObjectRef{Name: "x", Namespace: "other", ScalerMetadata: map[string]string{"model": "llama"}}, codes.NotFound, "model other/llama is not known; no model of this namespace is"},
	} {
		_, _, err := k.poll2(t.Context(), tc.ref)
		if status.Code(err) != tc.code || !strings.Contains(status.Convert(err).Message(), tc.want) {
			t.Errorf("%s: want %s with %q, got %v", name, tc.code, tc.want, err)
		}
	}
	for _, e := range logs.All() {
		if text := fmt.Sprint(e.Message, e.ContextMap()); strings.Contains(text, "hush") && e.Message != "recovered from a panic" {
			t.Errorf("a secret is logged: %s", text)
		}
	}
}

// poll2 polls for another ref.
func (k keda) poll2(ctx context.Context, ref *pb.ScaledObjectRef) (float64, bool, error) {
	k.ref = ref
	return k.poll(ctx)
}

func TestValueAndActivityAgree(t *testing.T) {
	spot := func(d *policy.Decision) { d.ID.Variant = "spot" }
	held := func(d *policy.Decision) { d.Hold = true }
	proven := func(d *policy.Decision) { d.Active = false }
	unseen := func(d *policy.Decision) { d.NowKnown = false }
	old := func(d *policy.Decision) { d.Good = noon.Add(-11 * time.Minute) }
	for name, tc := range map[string]struct {
		decisions []policy.Decision
		want      string
	}{
		"work":                                {[]policy.Decision{decided("llama", 3, 2)}, "3 true"},
		"wanted at zero":                      {[]policy.Decision{decided("llama", 1, 0)}, "1 true"},
		"asleep":                              {[]policy.Decision{decided("llama", 0, 0, proven)}, "0 false"},
		"sent to sleep":                       {[]policy.Decision{decided("llama", 0, 1, proven)}, "0 false"},
		"at zero, not proven":                 {[]policy.Decision{decided("llama", 0, 0)}, "0 false"},
		"at zero and held":                    {[]policy.Decision{decided("llama", 0, 0, held)}, "0 false"},
		"zero, held, replicas unknown":        {[]policy.Decision{decided("llama", 0, 0, held, unseen)}, "Unavailable"},
		"a budget takes the last":             {[]policy.Decision{decided("llama", 0, 1)}, "0 true"},
		"others serve":                        {[]policy.Decision{decided("llama", 0, 1), decided("llama", 2, 2, spot)}, "0 false"},
		"loading":                             {[]policy.Decision{decided("llama", 1, 1)}, "1 true"},
		"expired":                             {[]policy.Decision{decided("llama", 3, 2, old, held)}, "Unavailable"},
		"expired at zero":                     {[]policy.Decision{decided("llama", 0, 0, old, held)}, "Unavailable"},
		"expired, but seen at zero":           {[]policy.Decision{decided("llama", 1, 0, old, held)}, "1 true"},
		"expired, at zero for all we know":    {[]policy.Decision{decided("llama", 1, 0, old, held, unseen)}, "Unavailable"},
		"several, and none is named":          {[]policy.Decision{decided("llama", 2, 2), decided("llama", 1, 1, spot)}, "InvalidArgument"},
		"several models with names like ours": {[]policy.Decision{decided("llam", 9, 9), decided("llama", 2, 2), decided("llama-2", 9, 9)}, "2 true"},
	} {
		t.Run(name, func(t *testing.T) {
			k, _ := at(t, snapshot(tc.decisions...))
			if name == "others serve" {
				k.ref = ref("model", "llama", "variant", "main")
			}
			value, active, err := k.poll(t.Context())
			got := fmt.Sprintf("%g %t", value, active)
			if err != nil {
				got = status.Code(err).String()
			}
			if got != tc.want {
				t.Errorf("want %s, got %s (%v)", tc.want, got, err)
			}
		})
	}
}

func TestRawSignalsAreSumsOfWhatIsWhole(t *testing.T) {
	pod := func(pending, running, kv float64) policy.Pod {
		return policy.Pod{Name: "p", Pending: policy.Seen(pending, 0), Running: policy.Seen(running, 0), KV: policy.Seen(kv, 0)}
	}
	supply := func(n int) []policy.Supply { return []policy.Supply{{Variant: "main", Known: true, Spec: n, Ready: n}} }
	for name, tc := range map[string]struct {
		metric string
		in     policy.Input
		want   string
	}{
		"rps":            {"rps", policy.Input{Signals: policy.Signals{Arrivals: policy.Seen(2.5, 0)}}, "2.5"},
		"rps unknown":    {"rps", policy.Input{}, "arrivals are not known"},
		"running":        {"running", policy.Input{Supply: supply(2), Signals: policy.Signals{Pods: []policy.Pod{pod(1, 3, .5), pod(2, 4, .7)}}}, "7"},
		"kv":             {"kv", policy.Input{Supply: supply(2), Signals: policy.Signals{Pods: []policy.Pod{pod(1, 3, .5), pod(2, 4, .75)}}}, "1.25"},
		"pending":        {"pending", policy.Input{Supply: supply(1), Signals: policy.Signals{GatewayQueue: policy.Seen(5, 0), Pods: []policy.Pod{pod(2, 0, 0)}}}, "7"},
		"one is silent":  {"running", policy.Input{Supply: supply(2), Signals: policy.Signals{Pods: []policy.Pod{pod(1, 3, .5), {Name: "q"}}}}, "pod q does not tell"},
		"one is missing": {"running", policy.Input{Supply: supply(2), Signals: policy.Signals{Pods: []policy.Pod{pod(1, 3, .5)}}}, "1 of 2 pods are heard"},
		"partial":        {"running", policy.Input{Supply: supply(1), Signals: policy.Signals{Partial: true, Pods: []policy.Pod{pod(1, 3, .5)}}}, "part of the data is missing"},
		"at zero":        {"pending", policy.Input{Supply: supply(0), Signals: policy.Signals{GatewayQueue: policy.Seen(0, 0)}}, "0"},
		"zero and blind": {"pending", policy.Input{Supply: supply(0)}, "no pod is there, and the gateway does not tell"},
		"no supply":      {"running", policy.Input{Supply: []policy.Supply{{Variant: "main"}}}, "replicas of main are not known"},
	} {
		t.Run(name, func(t *testing.T) {
			s := snapshot(decided("llama", 1, 1))
			s.Models[0].Model.Gateway, s.Models[0].Input = true, tc.in
			k, _ := at(t, s)
			k.ref = ref("model", "llama", "metric", tc.metric)
			value, _, err := k.poll(t.Context())
			got := fmt.Sprint(value)
			if err != nil {
				got = status.Convert(err).Message()
			}
			if !strings.HasSuffix(got, tc.want) {
				t.Errorf("want %s, got %s", tc.want, got)
			}
		})
	}
}

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
				if _, err := spec.Recv(); err == nil || status.Code(err) != codes.Unknown { // io.EOF
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
		server := serve(t, options(b, time.Now))
		k := keda{client: pb.NewExternalScalerClient(dial(t, nil, server)), ref: ref("model", "llama", "engine", "vllm")}
		p := k.push(t.Context())
		wait(time.Minute)
		b.publish(snapshot(decided("other", 1, 1)))
		wait(time.Minute)
		if got := p.take(); len(got) > 0 {
			t.Fatalf("want silence, got %v", got)
		}
		b.publish(snapshot(decided("llama", 1, 0, func(d *policy.Decision) { d.Good = time.Now() })))
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

func TestWhatTriggersAreRememberedIsBounded(t *testing.T) {
	c := &triggers{log: zap.NewNop(), parse: func(string, map[string]string) (Trigger, error) {
		return Trigger{}, errors.New(strings.Repeat("x", 1<<20))
	}}
	most := 0
	for i := range 100 {
		_, _ = c.of("llm", fmt.Sprint(i), map[string]string{"model": "llama"})
		most = max(most, len(c.known))
	}
	if most < 10 || most > 32 || c.kept > maxKept || len(c.known) == 0 {
		t.Errorf("want about 31 errors of 1 MiB at most, got %d, and %d bytes in %d now", most, c.kept, len(c.known))
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
