package scaler

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"go.uber.org/goleak"

	"github.com/forewarm/forewarm/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// board is a Board that a test writes to.
type board struct {
	mu    sync.Mutex
	s     *policy.Snapshot
	newer chan struct{}
}

func (b *board) Watch() (*policy.Snapshot, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.newer == nil {
		b.newer = make(chan struct{})
	}
	return b.s, b.newer
}

func (b *board) publish(s *policy.Snapshot) {
	b.Watch()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.s = s
	close(b.newer)
	b.newer = make(chan struct{})
}

// scene is a model that sleeps when idle, with one variant, seen through policy.
type scene struct {
	model   policy.Model
	learned policy.Learned
	plan    policy.Plan
}

func newScene(name string) *scene {
	return &scene{model: policy.Model{
		ID:      policy.ModelID{Namespace: "llm", Name: name},
		SLO:     policy.SLO{TTFTP95: 2 * time.Second, Attainment: 0.99},
		Idle:    policy.Idle{ToZero: true, After: 5 * time.Minute, OnBlind: policy.BlindHold},
		Gateway: true,
		Variants: []policy.Variant{{
			Name: "main", Min: 0, Max: 8, GPUs: 1, CapacityType: policy.OnDemand, WarmUp: 2 * time.Minute,
			Capacity: policy.Capacity{Requests: 1}, CapacityFixed: true,
		}},
	}}
}

// seen is what a tick saw: requests per second, requests in the gateway's queue,
// replicas asked for and ready. Blind is a tick that saw only the replicas.
type seen struct {
	rate, queue float64
	now, ready  int
	blind       bool
	dark        bool // and not even those
}

// tick decides, as the engine does.
func (s *scene) tick(at time.Time, in seen) *policy.Snapshot {
	input := policy.Input{Model: s.model.ID, Now: at, Supply: []policy.Supply{{
		Variant: "main", Known: !in.dark, Spec: in.now, Ready: in.ready, Starting: in.now - in.ready,
	}}}
	sig := &input.Signals
	if in.blind {
		sig.Partial = true
	} else {
		sig.Arrivals, sig.ArrivalSource = policy.Seen(in.rate, time.Second), policy.FromGateway
		sig.GatewayQueue = policy.Seen(in.queue, time.Second)
		for range in.ready {
			share := in.rate / float64(in.ready)
			sig.Pods = append(sig.Pods, policy.Pod{
				Name: "p", Variant: "main", Pending: policy.Seen(0, time.Second), Running: policy.Seen(share, time.Second),
				KV: policy.Seen(0.25, time.Second), Completions: policy.Seen(share, time.Second),
			})
		}
	}
	v := policy.ModelView{Model: s.model, Input: input, Learned: s.learned}
	expect(&v, at, in)
	v.Proposal = policy.Propose(s.model, s.learned, input, v.Forecast)
	s.learned = policy.Observe(s.model, s.learned, input)
	s.plan = policy.Allocate(nil, s.plan, []policy.Proposal{v.Proposal})
	return &policy.Snapshot{At: at, Plan: s.plan, Models: []policy.ModelView{v}}
}

// expect gives a view the forecast, as a recorded decision has it, of what was seen, and of a past so busy that nothing is
// released before the model sleeps.
func expect(v *policy.ModelView, at time.Time, in seen) {
	if in.blind {
		return
	}
	recorded := fmt.Appendf(nil, `{"at": %q, "level": %[2]g, "horizons": [60000000000, 3600000000000],
		"quantiles": [0.5, 0.9], "values": [%[2]g, %[2]g, %[2]g, %[2]g], "held": [1e3, 1e3, 1e3, 1e3], "past": [1e3, 1e3]}`,
		at.Format(time.RFC3339Nano), in.rate)
	if err := json.Unmarshal(recorded, &v.Forecast); err != nil {
		panic(err)
	}
}

// parse stands for the configuration's.
func parse(_ string, metadata map[string]string) (Trigger, error) {
	t := Trigger{
		Model: metadata["model"], Variant: metadata["variant"], Metric: Desired, Target: 1,
		Inline: metadata["engine"] != "",
	}
	if m := metadata["metric"]; m != "" {
		t.Metric, t.Target = Metric(m), 0.8
	}
	if t.Model == "panic" {
		panic("hush")
	}
	if t.Model == "" {
		return t, errors.New("model: want the name of a model, got nothing")
	}
	return t, nil
}

func options(b Board, now func() time.Time) Options {
	o := DefaultOptions()
	o.Board, o.Parse, o.Now = b, parse, now
	return o
}

func ref(pairs ...string) *pb.ScaledObjectRef {
	r := &pb.ScaledObjectRef{
		Name: "llama", Namespace: "llm",
		ScalerMetadata: map[string]string{"scalerAddress": "forewarm:9443"},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		r.ScalerMetadata[pairs[i]] = pairs[i+1]
	}
	return r
}
