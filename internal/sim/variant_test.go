package sim

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/internal/sim/trace"
	"github.com/forewarm/forewarm/policy"
)

// spotAndOnDemand is a fleet of an on-demand variant and a cheaper, slower one on spot nodes.
func spotAndOnDemand() FleetConfig {
	fc := DefaultFleet()
	fc.Router = LeastLoaded
	spot := VariantConfig{
		Deployment: "qwen3-32b-spot", CapacityType: policy.Spot, Replica: fc.Replica, WarmUp: fc.WarmUp,
		GPUs: 2, GPUHourUSD: 1, Grace: time.Minute, Replicas: 3, Notice: 30 * time.Second,
	}
	spot.Replica.IterationBase *= 2
	fc.More = []VariantConfig{spot}
	return fc
}

func TestVariantsServeTogetherAndCostApart(t *testing.T) {
	fc := spotAndOnDemand()
	fc.Replicas = 1
	f := world(t, fc, flat(4))
	f.Advance(fc.Start.Add(time.Hour))
	r := f.Result()
	want := []VariantResult{
		{"qwen3-32b", 2 * 3600, 2 * 3}, {"qwen3-32b-spot", 3 * 2 * 3600, 3 * 2 * 1},
	}
	if d := cmp.Diff(want, r.Variants); d != "" {
		t.Error(d)
	}
	if r.CostUSD != 12 || r.GPUSeconds != 8*3600 || f.GPUHours() != 8 || f.Drain().CostUSD != 12 {
		t.Errorf("want 12 USD for 8 GPU-hours, got %+v", r)
	}
	fast, slow := f.pods[0].rep.stats().TTFT.Count(), f.pods[1].rep.stats().TTFT.Count()
	if fast < 1.2*slow {
		t.Errorf("want the fast variant to serve more, got %g and %g", fast, slow)
	}
	f.ScaleVariant(1, 0)
	f.Advance(f.Now().Add(5 * time.Minute))
	if f.CountOf(1, Ready) != 0 || f.CountOf(0, Ready) != 1 || f.DesiredOf(1) != 0 || f.Desired() != 1 {
		t.Errorf("want the spot variant gone, got %d", f.CountOf(1, Ready))
	}
	var text strings.Builder
	if err := ExposeKube(&text, f); err != nil {
		t.Fatal(err)
	}
	got := samples(t, text.String())
	if got[`kube_deployment_spec_replicas{namespace="llm",deployment="qwen3-32b"}`] != 1 ||
		got[`kube_deployment_spec_replicas{namespace="llm",deployment="qwen3-32b-spot"}`] != 0 {
		t.Error("want a count per deployment")
	}
}

func TestSpotNodesGoWithNotice(t *testing.T) {
	fc := spotAndOnDemand()
	fc.Replicas, fc.WarmUp.Sigma = 1, 0
	fc.More[0].WarmUp.Sigma = 0
	fc.More[0].Nodes = []NodeStep{{0, 3}, {10 * time.Minute, 1}, {20 * time.Minute, 2}}
	f := world(t, fc, flat(3))
	at := func(d time.Duration, draining, pending, ready int) {
		t.Helper()
		f.Advance(fc.Start.Add(d))
		waits := 0
		for _, p := range f.pods {
			if !p.Placed() {
				waits++
			}
		}
		if f.CountOf(1, Draining) != draining || waits != pending || f.CountOf(1, Ready) != ready {
			t.Errorf("after %v: want %d draining, %d pending, %d ready, got %d, %d, %d", d,
				draining, pending, ready, f.CountOf(1, Draining), waits, f.CountOf(1, Ready))
		}
	}
	at(9*time.Minute, 0, 0, 3)
	at(10*time.Minute+time.Second, 2, 2, 1)
	at(10*time.Minute+31*time.Second, 0, 2, 1)
	r := f.Result()
	if r.Evictions != 2 || r.CutOff == 0 {
		t.Errorf("want two evictions that cut requests off after the notice, got %+v", r)
	}
	if want := (2*631 + 2*630) * 2.0; r.GPUSeconds > want+1 || r.GPUSeconds < want-60 {
		t.Errorf("want at most %g GPU-seconds: drained pods end early, pending ones are free, got %g", want, r.GPUSeconds)
	}
	at(20*time.Minute+time.Second, 0, 1, 1)     // a node for one of the pending
	at(20*time.Minute+104*time.Second, 0, 1, 2) // warm
	if got := f.Totals(); !got.conserved() {
		t.Errorf("%+v", got)
	}
}

func TestQuotaLeavesPodsPending(t *testing.T) {
	quota := &Quota{Limit: 8}
	a, b := DefaultFleet(), DefaultFleet()
	a.Quota, b.Quota, a.Replicas, b.Replicas = quota, quota, 3, 1
	b.Deployment = "other"
	fa, fb := world(t, a, flat(1)), world(t, b, flat(1))
	fb.Scale(2)
	if quota.Used() != 8 || fb.Pods()[1].Placed() || fb.Count(Starting) != 1 {
		t.Fatalf("want the fifth replica pending, got %d GPUs, %d starting", quota.Used(), fb.Count(Starting))
	}
	var text strings.Builder
	if err := ExposeKube(&text, fb); err != nil {
		t.Fatal(err)
	}
	if pod := fb.Pods()[1].kube; strings.Contains(text.String(), "kube_pod_status_scheduled_time{"+pod) {
		t.Error("a pending pod has no scheduled time")
	} else if samples(t, text.String())["kube_pod_status_phase{"+pod+`,phase="Pending"}`] != 1 {
		t.Error("want its phase Pending")
	}
	fa.Scale(2)
	for _, f := range []*Fleet{fa, fb} {
		f.Advance(a.Start.Add(10 * time.Minute))
	}
	if !fb.Pods()[1].Placed() || fb.Count(Ready) != 2 {
		t.Error("want it to start once the other model gave its GPUs back")
	}
	fa.Scale(9)
	if n := quota.Used(); n != 8 || fa.Count(Starting) != 7 {
		t.Errorf("want 8 GPUs used, got %d with %d starting", n, fa.Count(Starting))
	}
	fa.Scale(0)
	fb.Scale(0)
	for _, f := range []*Fleet{fa, fb} {
		f.Advance(a.Start.Add(20 * time.Minute))
	}
	if quota.Used() != 0 {
		t.Errorf("want all GPUs back, got %d used", quota.Used())
	}
}

func TestSpotTraceBecomesSteps(t *testing.T) {
	s := trace.Spot{Tick: time.Minute, Nodes: [][]float64{{4, 4, 5, 2, 2}}}
	want := []NodeStep{{0, 2}, {3 * time.Minute, 1}}
	if d := cmp.Diff(want, SpotNodes(s, 2)); d != "" {
		t.Error(d)
	}
}

func TestVariantErrorsNameTheVariant(t *testing.T) {
	fc := spotAndOnDemand()
	fc.More[0].GPUs = 0
	fc.More[0].Nodes = []NodeStep{{time.Minute, 1}, {0, -1}}
	fc.More = append(fc.More, fc.More[0])
	fc.Slots = &SlotsConfig{}
	_, err := NewFleet(fc, &script{})
	for _, want := range []string{
		"more[0]: gpus", "more[0]: gpus: want above 0", "nodes[1].after", "nodes[1]: want at least 0",
		"more[1].deployment: want names that differ", "slots: slots: want above 0",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in the error, got %v", want, err)
		}
	}
}
