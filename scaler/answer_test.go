package scaler

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/forewarm/forewarm/policy"
)

func TestAnErrorNamesTheKeyAndNoSecret(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	o := options(&board{s: snapshot(decided("llama", 1, 1))}, func() time.Time { return noon })
	o.Log = zap.New(core)
	o.Near = func(string, []string) string { return "llama" }
	o.Missing = func(id policy.ModelID) string {
		return map[string]string{"refused": "another has its series"}[id.Name]
	}
	o.Claimed = func(c Claim) (policy.Target, string) {
		return policy.Target{}, map[string]string{"refused": "another defines it"}[c.Model]
	}
	k := keda{client: pb.NewExternalScalerClient(dial(t, nil, serve(t, o)))}
	for name, tc := range map[string]struct {
		ref  *pb.ScaledObjectRef
		code codes.Code
		want string
	}{
		"no model": {ref("passwordFromEnv", "hush"), codes.InvalidArgument, "trigger of ScaledObject llm/llama: " +
			"model: want the name of a model"},
		"a near name": {ref("model", "lama"), codes.NotFound, "model llm/lama is not known, did you mean llama?; this " +
			"namespace has llama"},
		"no variant": {ref("model", "llama", "variant", "spot"), codes.NotFound, "variant spot of model llm/llama is " +
			"not known; it has main"},
		"no namespace":  {&pb.ScaledObjectRef{Name: "x"}, codes.InvalidArgument, "want a name and a namespace"},
		"nothing":       {&pb.ScaledObjectRef{}, codes.InvalidArgument, "want a name and a namespace"},
		"not there yet": {ref("model", "new", "engine", "vllm"), codes.Unavailable, "its definition was not seen yet"},
		"not watched":   {ref("model", "refused"), codes.FailedPrecondition, "model llm/refused: another has its series"},
		"not taken": {
			ref("model", "refused", "engine", "vllm"), codes.FailedPrecondition, "model llm/refused: another defines it",
		},
		"not taken, and another has the name": {
			ref("model", "llama", "engine", "vllm"), codes.Unavailable, "model llm/llama: its definition was not seen yet",
		},
		"a panic of us": {ref("model", "panic"), codes.Internal, "a defect in Forewarm"},
		"another tenant": {
			&pb.ScaledObjectRef{
				Name: "x", Namespace: "other",
				ScalerMetadata: map[string]string{"model": "llama"},
			}, codes.NotFound,
			"model other/llama is not known; no model of this namespace is",
		},
	} {
		_, _, err := k.poll2(t.Context(), tc.ref)
		if status.Code(err) != tc.code || !strings.Contains(status.Convert(err).Message(), tc.want) {
			t.Errorf("%s: want %s with %q, got %v", name, tc.code, tc.want, err)
		}
	}
	for _, e := range logs.All() {
		if text := fmt.Sprint(e.Message, e.ContextMap()); strings.Contains(text, "hush") && e.Message != "recovered from a "+
			"panic" {
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
		"work":                         {[]policy.Decision{decided("llama", 3, 2)}, "3 true"},
		"wanted at zero":               {[]policy.Decision{decided("llama", 1, 0)}, "1 true"},
		"asleep":                       {[]policy.Decision{decided("llama", 0, 0, proven)}, "0 false"},
		"sent to sleep":                {[]policy.Decision{decided("llama", 0, 1, proven)}, "0 false"},
		"at zero, not proven":          {[]policy.Decision{decided("llama", 0, 0)}, "0 false"},
		"at zero and held":             {[]policy.Decision{decided("llama", 0, 0, held)}, "0 false"},
		"zero, held, replicas unknown": {[]policy.Decision{decided("llama", 0, 0, held, unseen)}, "Unavailable"},
		"a budget takes the last":      {[]policy.Decision{decided("llama", 0, 1)}, "0 true"},
		"others serve": {
			[]policy.Decision{decided("llama", 0, 1), decided("llama", 2, 2, spot)},
			"0 false",
		},
		"loading":                          {[]policy.Decision{decided("llama", 1, 1)}, "1 true"},
		"expired":                          {[]policy.Decision{decided("llama", 3, 2, old, held)}, "Unavailable"},
		"expired at zero":                  {[]policy.Decision{decided("llama", 0, 0, old, held)}, "Unavailable"},
		"expired, but seen at zero":        {[]policy.Decision{decided("llama", 1, 0, old, held)}, "1 true"},
		"expired, at zero for all we know": {[]policy.Decision{decided("llama", 1, 0, old, held, unseen)}, "Unavailable"},
		"several, and none is named": {
			[]policy.Decision{decided("llama", 2, 2), decided("llama", 1, 1, spot)},
			"InvalidArgument",
		},
		"several models with names like ours": {[]policy.Decision{
			decided("llam", 9, 9), decided("llama", 2, 2),
			decided("llama-2", 9, 9),
		}, "2 true"},
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
		return policy.Pod{
			Name: "p", Pending: policy.Seen(pending, 0), Running: policy.Seen(running, 0),
			KV: policy.Seen(kv, 0),
		}
	}
	supply := func(n int) []policy.Supply { return []policy.Supply{{Variant: "main", Known: true, Spec: n, Ready: n}} }
	for name, tc := range map[string]struct {
		metric string
		in     policy.Input
		want   string
	}{
		"rps":         {"rps", policy.Input{Signals: policy.Signals{Arrivals: policy.Seen(2.5, 0)}}, "2.5"},
		"rps unknown": {"rps", policy.Input{}, "arrivals are not known"},
		"running": {"running", policy.Input{
			Supply:  supply(2),
			Signals: policy.Signals{Pods: []policy.Pod{pod(1, 3, .5), pod(2, 4, .7)}},
		}, "7"},
		"kv": {"kv", policy.Input{Supply: supply(2), Signals: policy.Signals{Pods: []policy.Pod{
			pod(1, 3, .5),
			pod(2, 4, .75),
		}}}, "1.25"},
		"pending": {"pending", policy.Input{Supply: supply(1), Signals: policy.Signals{GatewayQueue: policy.Seen(5,
			0), Pods: []policy.Pod{pod(2, 0, 0)}}}, "7"},
		"one is silent": {"running", policy.Input{
			Supply:  supply(2),
			Signals: policy.Signals{Pods: []policy.Pod{pod(1, 3, .5), {Name: "q"}}},
		}, "pod q does not tell"},
		"one is missing": {"running", policy.Input{
			Supply:  supply(2),
			Signals: policy.Signals{Pods: []policy.Pod{pod(1, 3, .5)}},
		}, "1 of 2 pods are heard"},
		"partial": {"running", policy.Input{Supply: supply(1), Signals: policy.Signals{
			Partial: true,
			Pods:    []policy.Pod{pod(1, 3, .5)},
		}}, "part of the data is missing"},
		"at zero": {"pending", policy.Input{Supply: supply(0), Signals: policy.Signals{GatewayQueue: policy.Seen(0,
			0)}}, "0"},
		"zero and blind": {"pending", policy.Input{Supply: supply(0)}, "no pod is there, and the gateway does not tell"},
		"no supply": {
			"running",
			policy.Input{Supply: []policy.Supply{{Variant: "main"}}},
			"replicas of main are not known",
		},
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
