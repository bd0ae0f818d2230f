package signals

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/policy"
)

func TestReaderWithoutKubeStateMetricsCountsThePodsItSees(t *testing.T) {
	const a, b = "m-5f4c8d9b7-aaaaa", "m-5f4c8d9b7-bbbbb"
	start := epoch.Add(-10 * time.Minute)
	up := func(v float64) func(*testing.T, *faultProm) {
		return func(t *testing.T, p *faultProm) {
			t.Helper()
			p.add(t, labelled("up", "namespace", "llm", "pod", b, "job", "vllm", "instance", "b:8000"),
				every(scrape, start, epoch, always(v))...)
		}
	}
	for name, tc := range map[string]struct {
		prepare func(*testing.T, *faultProm)
		want    policy.Supply
		codes   []string
	}{
		"a pod silent for 45 s is missing, not gone": {
			func(t *testing.T, p *faultProm) {
				t.Helper()
				vllmPod(t, p, "llm", "M", b, start, epoch.Add(-45*time.Second))
			},
			policy.Supply{Variant: "main", Known: true, Assumed: true, Spec: 2, Ready: 2},
			[]string{FaultSupplyAssumed},
		},
		"a pod silent for 3 minutes is gone": {
			func(t *testing.T, p *faultProm) {
				t.Helper()
				vllmPod(t, p, "llm", "M", b, start, epoch.Add(-3*time.Minute))
			},
			policy.Supply{Variant: "main", Known: true, Assumed: true, Spec: 1, Ready: 1},
			[]string{FaultSupplyAssumed},
		},
		"a pod whose target is down is missing": {
			up(0), policy.Supply{
				Variant: "main", Known: true, Assumed: true, Spec: 2, Ready: 1,
			}, []string{FaultPodMissing, FaultSupplyAssumed},
		},
		"a pod whose target is up counts, though it says nothing": {
			up(1), policy.Supply{
				Variant: "main", Known: true, Assumed: true, Spec: 2, Ready: 2,
			}, []string{FaultPodMissing, FaultSupplyAssumed},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newFaultProm(t, 1)
			vllmPod(t, p, "llm", "M", a, start, epoch)
			tc.prepare(t, p)
			in := read(
				t, NewReader([]*Client{p.client(t)}, []Binding{bindingOf("llm", "m", "M")}, DefaultOptions()), epoch,
			)[0]
			if d := cmp.Diff([]policy.Supply{tc.want}, in.Supply); d != "" {
				t.Errorf("supply (-want +got):\n%s", d)
			}
			for _, c := range tc.codes {
				if !slices.Contains(codes(in.Faults), c) {
					t.Errorf("want fault %s, got %v", c, in.Faults)
				}
			}
			if slices.Contains(tc.codes, FaultPodMissing) && !in.Signals.Partial {
				t.Errorf("a missing pod makes the data partial, got %+v", in.Signals)
			}
		})
	}
}

// fixed is a Supplier with one answer.
type fixed struct{ supply []policy.Supply }

func (f fixed) Supply(Binding, time.Time) ([]policy.Supply, []string, []policy.Fault, bool) {
	return f.supply, nil, nil, true
}

func TestReaderPrefersTheKubernetesAPIToCountingPods(t *testing.T) {
	p := newFaultProm(t, 1)
	vllmPod(t, p, "llm", "M", "m-5f4c8d9b7-aaaaa", epoch.Add(-10*time.Minute), epoch)
	r := NewReader([]*Client{p.client(t)}, []Binding{bindingOf("llm", "m", "M")}, DefaultOptions())
	want := []policy.Supply{{Variant: "main", Known: true, Spec: 3, Ready: 1, Starting: 2}}
	r.SetSupplier(fixed{want})
	if d := cmp.Diff(want, read(t, r, epoch)[0].Supply); d != "" {
		t.Errorf("supply (-want +got):\n%s", d)
	}
}
