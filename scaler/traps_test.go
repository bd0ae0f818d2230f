package scaler

import (
	"math"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/forewarm/forewarm/policy"
)

// Each test here is one thing that KEDA does and a scaler can fall for.

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
		r, err := k.client.GetMetrics(t.Context(), &pb.GetMetricsRequest{
			MetricName:      "forewarm-desired-llama",
			ScaledObjectRef: k.ref,
		})
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
	end := time.Now().Add(10 * time.Second) // the second connection may be there a moment after the first
	for calls(t, a) < 20 || calls(t, b) < 20 {
		if value, active, err := k.poll(t.Context()); value != 3 || !active || err != nil {
			t.Fatalf("want 3, active, from whichever replica, got %g, %t, %v", value, active, err)
		}
		if time.Now().After(end) {
			t.Fatalf("want both replicas asked, got %d and %d calls", calls(t, a), calls(t, b))
		}
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

// KEDA takes a target that it never saw active to zero with the first inactive answer, since initialCooldownPeriod is 0:
// a Deployment that is older than its ScaledObject, and idle when Forewarm first looks at it.
func TestATargetThatKEDANeverSawActiveIsNotSleptAtFirstSight(t *testing.T) {
	k, b := at(t, nil)
	if _, active, err := k.poll(t.Context()); err == nil {
		t.Fatalf("before the first tick: want an error, on which KEDA holds, got active %t", active)
	}
	s := newScene("llama")
	s.model.Idle.After = 5 * time.Minute
	idle := seen{now: 2, ready: 2}
	for i := range 5 { // a minute of ticks: no idle window has passed
		b.publish(s.tick(noon.Add(time.Duration(i-4)*15*time.Second), idle))
		if value, active, err := k.poll(t.Context()); err != nil || !active || value < 1 {
			t.Fatalf("tick %d: want it active, got %g, %t (%v)", i, value, active, err)
		}
	}
	for i := range 60 { // and it is no matter of never: once the window has passed it sleeps
		s.tick(noon.Add(time.Duration(i-60)*15*time.Second+15*time.Minute), idle)
	}
	b.publish(s.tick(noon.Add(15*time.Minute), idle))
	if value, active, err := k.poll(t.Context()); err != nil || active || value != 0 {
		t.Errorf("after the idle window: want it inactive, got %g, %t (%v)", value, active, err)
	}
}

// KEDA sets no deadline, and until it has an answer no other call for the ScaledObject, a wake included, gets through.
func TestACallHasItsOwnDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, hang := options(&board{s: snapshot(decided("llama", 1, 1))}, time.Now), make(chan struct{})
		o.Claimed = func(Claim) (policy.Target, string) {
			<-hang
			return policy.Target{}, "late"
		}
		k := keda{client: pb.NewExternalScalerClient(dial(t, nil, serve(t, o))), ref: ref("model", "stuck", "engine", "vllm")}
		for name, call := range map[string]func() error{
			"GetMetrics": func() error {
				_, err := k.client.GetMetrics(t.Context(), &pb.GetMetricsRequest{
					MetricName: "forewarm-desired-stuck", ScaledObjectRef: k.ref,
				})
				return err
			},
			"IsActive": func() error {
				_, err := k.client.IsActive(t.Context(), k.ref)
				return err
			},
		} {
			start := time.Now()
			if err := call(); status.Code(err) != codes.DeadlineExceeded || time.Since(start) > 2*time.Second {
				t.Errorf("%s: want an end within two seconds, got %v after %s", name, err, time.Since(start))
			}
		}
		if _, _, err := k.poll2(t.Context(), ref("model", "llama")); err != nil {
			t.Errorf("want others answered meanwhile, got %v", err)
		}
		close(hang)
		synctest.Wait()
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
