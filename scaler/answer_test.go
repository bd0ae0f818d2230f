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
	if _, err := k.client.GetMetricSpec(t.Context(), ref("model", "panic")); status.Code(err) != codes.Internal ||
		len(logs.FilterMessage("recovered from a panic").All()) != 1 {
		t.Fatalf("want the panic told and logged, got %v", err)
	}
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
		if text := fmt.Sprint(e.Message, e.ContextMap()); strings.Contains(text, "hush") {
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
			tc.in.Now = noon
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

// A trigger that names a variant divides by that variant's replicas, so it gets that variant's part.
func TestRawSignalsOfAVariantAreItsOwn(t *testing.T) {
	pod := func(variant string, pending float64) policy.Pod {
		return policy.Pod{Name: "p", Variant: variant, Pending: policy.Seen(pending, 0)}
	}
	both := func(main, spot int) []policy.Supply {
		return []policy.Supply{{Variant: "main", Known: true, Ready: main}, {Variant: "spot", Known: true, Ready: spot}}
	}
	pods := []policy.Pod{pod("main", 3), pod("spot", 20), pod("spot", 20), pod("spot", 0)}
	for name, tc := range map[string]struct {
		metric string
		supply []policy.Supply
		pods   []policy.Pod
		want   string
	}{
		"its pods, and its share of the queue": {"pending", both(1, 3), pods, "5"},
		"nobody is ready, so all may come":     {"pending", both(0, 0), nil, "8"},
		"others are ready, and it is not":      {"pending", both(0, 3), pods[1:], "0"},
		"its share of arrivals":                {"rps", both(1, 3), pods, "2"},
		"a pod of another is silent":           {"pending", both(1, 3), pods[:2], "5"},
		"a pod of its own is silent":           {"pending", both(2, 3), pods, "1 of 2 pods are heard"},
		"the others are not known": {
			"rps",
			[]policy.Supply{{Variant: "main", Known: true, Ready: 1}, {Variant: "spot"}},
			pods,
			"replicas of spot are not known",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := snapshot(decided("llama", 1, 1), decided("llama", 3, 3, func(d *policy.Decision) { d.ID.Variant = "spot" }))
			m := &s.Models[0]
			m.Model.Gateway, m.Model.Variants = true, []policy.Variant{{Name: "main"}, {Name: "spot"}}
			m.Input = policy.Input{Now: noon, Supply: tc.supply, Signals: policy.Signals{
				Arrivals: policy.Seen(8, 0), GatewayQueue: policy.Seen(8, 0), Pods: tc.pods,
			}}
			k, _ := at(t, s)
			k.ref = ref("model", "llama", "variant", "main", "metric", tc.metric)
			value, _, err := k.poll(t.Context())
			got := fmt.Sprint(value)
			if err != nil {
				got = status.Convert(err).Message()
			}
			if !strings.HasSuffix(got, tc.want) || err == nil && got != tc.want {
				t.Errorf("want %s, got %s", tc.want, got)
			}
		})
	}
}

// A decision may be held for minutes, a reading may not: by the time of the call it is another load.
func TestRawSignalsThatAreOldAreNoAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		metric string
		change func(in *policy.Input)
		want   string
	}{
		"fresh":     {"pending", func(*policy.Input) {}, ""},
		"the tick":  {"rps", func(in *policy.Input) { in.Now = noon.Add(-2 * time.Minute) }, "arrivals are 2m1s old"},
		"arrivals":  {"rps", func(in *policy.Input) { in.Signals.Arrivals.Age = 2 * time.Minute }, "more than 1m30s"},
		"a pod":     {"pending", func(in *policy.Input) { in.Signals.Pods[0].Pending.Age = 2 * time.Minute }, "what pod p told is"},
		"the queue": {"pending", func(in *policy.Input) { in.Signals.GatewayQueue.Age = 2 * time.Minute }, "the gateway's queue is"},
		"another's": {"pending", func(in *policy.Input) { in.Signals.Arrivals.Age = 2 * time.Minute }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := snapshot(decided("llama", 1, 1))
			s.Models[0].Model.Gateway = true
			s.Models[0].Input = policy.Input{Now: noon, Supply: []policy.Supply{{Variant: "main", Known: true, Ready: 1}}}
			s.Models[0].Input.Signals = policy.Signals{
				Arrivals: policy.Seen(1, time.Second), GatewayQueue: policy.Seen(1, time.Second),
				Pods: []policy.Pod{{Name: "p", Variant: "main", Pending: policy.Seen(1, time.Second)}},
			}
			tc.change(&s.Models[0].Input)
			k, _ := at(t, s)
			k.ref = ref("model", "llama", "metric", tc.metric)
			_, _, err := k.poll(t.Context())
			if (tc.want == "") != (err == nil) || err != nil && !strings.Contains(status.Convert(err).Message(), tc.want) {
				t.Errorf("want %q, got %v", tc.want, err)
			}
			if a, err := k.client.IsActive(t.Context(), k.ref); err != nil || !a.GetResult() {
				t.Errorf("activity rests on the plan: want true, got %v (%v)", a, err)
			}
		})
	}
}

func TestNoTwoTriggersAreOneToTheMemory(t *testing.T) {
	server := serve(t, options(&board{}, time.Now))
	for _, poison := range []map[string]string{
		{"metric": "kv\x00model\x00x"}, {"metric\x00kv\x00model": "x"}, {"": "", "metric": "kv", "model": "x"},
	} {
		_, _ = server.triggers.of("llm", "o", poison)
	}
	if got, err := server.triggers.of("llm", "o", map[string]string{"metric": "kv", "model": "x"}); err != nil || got.Model != "x" {
		t.Errorf("want the trigger as it is, got %+v (%v)", got, err)
	}
	if _, err := server.triggers.of("llm\x00o", "", nil); err == nil || len(server.triggers.known) != 5 {
		t.Errorf("want five of them kept, got %d (%v)", len(server.triggers.known), err)
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
