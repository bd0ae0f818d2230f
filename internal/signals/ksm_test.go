package signals

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forewarm/forewarm/policy"
)

// ksmScrape is how often the kube-state-metrics of these stories is scraped.
const ksmScrape = 30 * time.Second

// ksmStore collects what a kube-state-metrics exports, moment by moment.
type ksmStore struct {
	t  *testing.T
	w  *Window
	ns string
}

func (k ksmStore) at(at time.Time, name string, v float64, pairs ...string) {
	k.t.Helper()
	target := []string{"namespace", k.ns, "job", "ksm", "instance", "ksm:8080"}
	addSeries(k.w, labelled(name, append(target, pairs...)...), Sample{T: at, V: v})
}

// deployment exports one with its ReplicaSet.
func (k ksmStore) deployment(at time.Time, name string, spec, ready float64) {
	k.at(at, ksmDeploySpec, spec, "deployment", name)
	k.at(at, ksmDeployReady, ready, "deployment", name)
	k.at(at, ksmReplicaSet, 1, "replicaset", name+"-5f4c8d9b7", "owner_kind", kindDeployment, "owner_name", name)
}

// podState is a pod of a story; zero times are "not yet".
type podState struct {
	name, ownerKind, owner string
	created, scheduled     time.Time
	readyAt                time.Time
	restarts               float64
	leaving                bool
	dead                   bool
}

func (k ksmStore) pod(at time.Time, p podState) {
	id := []string{"pod", p.name, "uid", p.name + p.created.Format("150405")}
	unix := func(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
	k.at(at, ksmPodCreated, unix(p.created), id...)
	k.at(at, ksmPodOwner, 1, append(id, "owner_kind", p.ownerKind, "owner_name", p.owner)...)
	k.at(at, ksmRestarts, p.restarts, append(id, "container", "vllm")...)
	ready := !p.readyAt.IsZero() && !p.readyAt.After(at)
	k.at(at, ksmPodReady, b2f(ready), append(id, "condition", "true")...)
	if ready {
		k.at(at, ksmPodReadyAt, unix(p.readyAt), id...)
	}
	if !p.scheduled.IsZero() {
		k.at(at, ksmPodSched, unix(p.scheduled), id...)
	}
	if p.leaving {
		k.at(at, ksmPodDeleted, unix(at), id...)
	}
	k.at(at, ksmPodPhase, b2f(!ready && !p.dead), append(id, "phase", "Pending")...)
	k.at(at, ksmPodPhase, b2f(ready && !p.dead), append(id, "phase", "Running")...)
}

func b2f(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func ago(d time.Duration) time.Time { return epoch.Add(-d) }

func TestSupplyFromKubeStateMetrics(t *testing.T) {
	dep := func(name, pod string, created time.Duration) podState {
		return podState{
			name: pod, ownerKind: kindReplicaSet, owner: name + "-5f4c8d9b7", created: ago(created),
			scheduled: ago(created),
		}
	}
	ready := func(p podState, after time.Duration) podState { p.readyAt = p.created.Add(after); return p }
	deploy := VariantBinding{Name: "main", APIVersion: "apps/v1", Kind: kindDeployment, Target: "m"}
	for name, tc := range map[string]struct {
		tell     func(k ksmStore)
		variants []VariantBinding
		want     []policy.Supply
		expected []string
		codes    []string
	}{
		"two ready, one starting": {
			tell: func(k ksmStore) {
				k.deployment(epoch, "m", 3, 2)
				k.pod(epoch, ready(dep("m", "m-a", time.Hour), time.Minute))
				k.pod(epoch, ready(dep("m", "m-b", time.Hour), time.Minute))
				k.pod(epoch, dep("m", "m-c", 40*time.Second))
			},
			want: []policy.Supply{
				{Variant: "main", Known: true, Spec: 3, Ready: 2, Starting: 1, Ages: []time.Duration{40 * time.Second}},
			},
			expected: []string{"m-a", "m-b"},
		},
		"asked to be zero is zero, which is known": {
			tell:     func(k ksmStore) { k.deployment(epoch, "m", 0, 0) },
			want:     []policy.Supply{{Variant: "main", Known: true}},
			expected: []string{},
		},
		"the pods that nodes do not take are starved": {
			tell: func(k ksmStore) {
				k.deployment(epoch, "m", 2, 0)
				waiting := dep("m", "m-a", 11*time.Minute)
				waiting.scheduled = time.Time{}
				k.pod(epoch, waiting)
				k.pod(epoch, dep("m", "m-b", 20*time.Minute)) // scheduled: slow, not starved
			},
			want: []policy.Supply{{
				Variant: "main", Known: true, Spec: 2, Starting: 2, Homeless: 1, Starved: 1,
				Ages: []time.Duration{20 * time.Minute, 11 * time.Minute},
			}},
			expected: []string{},
		},
		"leaving and dead pods do not serve": {
			tell: func(k ksmStore) {
				k.deployment(epoch, "m", 1, 1)
				leaving, dead := ready(dep("m", "m-a", time.Hour), time.Minute), dep("m", "m-b", time.Hour)
				leaving.leaving, dead.dead = true, true
				k.pod(epoch, leaving)
				k.pod(epoch, dead)
				k.pod(epoch, ready(dep("m", "m-c", time.Hour), time.Minute))
			},
			want:     []policy.Supply{{Variant: "main", Known: true, Spec: 1, Ready: 1}},
			expected: []string{"m-c"},
		},
		"a pod that is not in the newest scrape is gone": {
			tell: func(k ksmStore) {
				k.pod(ago(ksmScrape), ready(dep("m", "m-a", time.Hour), time.Minute))
				k.deployment(epoch, "m", 1, 1)
				k.pod(epoch, ready(dep("m", "m-b", time.Hour), time.Minute))
			},
			want:     []policy.Supply{{Variant: "main", Known: true, Spec: 1, Ready: 1}},
			expected: []string{"m-b"},
		},
		"variants by owner, not by prefix": {
			variants: []VariantBinding{deploy, {Name: "spot", Kind: kindDeployment, Target: "m-spot"}},
			tell: func(k ksmStore) {
				k.deployment(epoch, "m", 1, 1)
				k.deployment(epoch, "m-spot", 1, 1)
				k.deployment(epoch, "m-chat", 1, 1)
				for _, d := range []string{"m", "m-spot", "m-chat"} {
					k.pod(epoch, ready(dep(d, d+"-5f4c8d9b7-aaaaa", time.Hour), time.Minute))
				}
			},
			want: []policy.Supply{
				{Variant: "main", Known: true, Spec: 1, Ready: 1}, {Variant: "spot", Known: true, Spec: 1, Ready: 1},
			},
			expected: []string{"m-5f4c8d9b7-aaaaa", "m-spot-5f4c8d9b7-aaaaa"},
		},
		"a LeaderWorkerSet is as large as its leaders": {
			variants: []VariantBinding{{Name: "main", Kind: kindLWS, Target: "big"}},
			tell: func(k ksmStore) {
				k.at(epoch, ksmStatefulset, 2, "statefulset", "big")
				k.at(epoch, ksmStatefulset, 1, "statefulset", "big-0")
				for _, p := range [][2]string{{"big-0", "big"}, {"big-0-1", "big-0"}, {"big-1", "big"}} {
					k.pod(
						epoch,
						ready(
							podState{name: p[0], ownerKind: kindStateful, owner: p[1], created: ago(time.Hour)},
							time.Minute,
						),
					)
				}
			},
			want:     []policy.Supply{{Variant: "main", Known: true, Spec: 2, Ready: 2}},
			expected: []string{"big-0", "big-1"},
		},
		"a Rollout has no replica count: its pods are taken for it": {
			variants: []VariantBinding{{Name: "main", Kind: "Rollout", Target: "m"}},
			tell: func(k ksmStore) {
				k.at(epoch, ksmReplicaSet, 1, "replicaset", "m-5f4c8d9b7", "owner_kind", "Rollout", "owner_name", "m")
				k.pod(epoch, ready(dep("m", "m-a", time.Hour), time.Minute))
			},
			want:     []policy.Supply{{Variant: "main", Known: true, Assumed: true, Spec: 1, Ready: 1}},
			expected: []string{"m-a"}, codes: []string{FaultSupplyAssumed},
		},
		"a target that does not exist is unknown, not zero": {
			tell:  func(k ksmStore) { k.deployment(epoch, "other", 1, 1) },
			want:  []policy.Supply{{Variant: "main"}},
			codes: []string{FaultTargetUnseen},
		},
		"pods that do not tell whether they are ready leave it to the Deployment": {
			tell: func(k ksmStore) {
				k.deployment(epoch, "m", 3, 2)
				id := []string{"pod", "m-a", "uid", "u"}
				k.at(epoch, ksmPodCreated, 1.7e9, id...)
				k.at(epoch, ksmPodOwner, 1, append(id, "owner_kind", kindReplicaSet, "owner_name", "m-5f4c8d9b7")...)
			},
			want: []policy.Supply{{Variant: "main", Known: true, Spec: 3, Ready: 2, Starting: 1}},
		},
		"nothing tells who is ready: unknown, not zero": {
			tell:  func(k ksmStore) { k.at(epoch, ksmDeploySpec, 3, "deployment", "m") },
			want:  []policy.Supply{{Variant: "main", Spec: 3}},
			codes: []string{FaultSupplyUnknown},
		},
		"silent for too long": {
			tell:  func(k ksmStore) { k.deployment(ago(2*time.Minute), "m", 1, 1) },
			want:  []policy.Supply{{Variant: "main", Age: 2 * time.Minute}},
			codes: []string{FaultSupplyStale},
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := ksmStore{t, NewWindow(), "llm"}
			tc.tell(k)
			b := bindingOf("llm", "m", "M")
			if tc.variants != nil {
				b.Variants = tc.variants
			}
			c, l := viewAt(k.w, epoch), newPodLives()
			l.since = epoch // pods that were there before teach nothing
			l.observe(c)
			got, expected, faults := c.supply(b, l, DefaultOptions())
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("supply (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tc.expected, expected); d != "" {
				t.Errorf("expected pods (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tc.codes, codes(faults), cmpopts.EquateEmpty()); d != "" {
				t.Errorf("faults (-want +got):\n%s", d)
			}
		})
	}
}

func TestKubeStateMetricsScrapedWithoutHonorLabels(t *testing.T) {
	p := newFaultProm(t, 1)
	vllmPod(t, p, "llm", "M", "m-5f4c8d9b7-aaaaa", ago(10*time.Minute), epoch)
	theirs := []string{
		"namespace", "monitoring", "pod", "ksm-0", "job", "ksm", "instance", "ksm:8080", "exported_namespace", "llm",
	}
	p.add(
		t, labelled(ksmDeployReady, append(theirs, "deployment", "m")...),
		every(ksmScrape, ago(10*time.Minute), epoch, always(4))...,
	)
	p.add(
		t, labelled(ksmDeploySpec, append(theirs, "deployment", "m")...),
		every(ksmScrape, ago(10*time.Minute), epoch, always(5))...,
	)
	p.add(t, labelled(ksmPodCreated, append(theirs, "exported_pod", "m-5f4c8d9b7-aaaaa", "uid", "u")...),
		every(ksmScrape, ago(10*time.Minute), epoch, always(1.7e9))...)
	r := NewReader([]*Client{p.client(t)}, []Binding{bindingOf("llm", "m", "M")}, DefaultOptions())
	if got := read(t, r, epoch)[0].Supply[0]; !got.Known || got.Spec != 5 || got.Ready != 4 {
		t.Errorf("want the 5 replicas of exported_namespace llm, got %+v", got)
	}
}

func TestPodsAreJoinedByNameWhereOwnersAreNotTold(t *testing.T) {
	variants := []VariantBinding{
		{Name: "a", Kind: kindDeployment, Target: "llama"},
		{Name: "b", Kind: kindDeployment, Target: "llama-spot"},
		{Name: "c", Kind: kindStateful, Target: "llama"},
		{Name: "d", Kind: "RayService", Target: "ray"},
	}
	for podName, want := range map[string]string{
		"llama-5f4c8d9b7-aaaaa":      "a",
		"llama-spot-5f4c8d9b7-aaaaa": "b",
		"llama-0":                    "c",
		"ray-xyz-worker-1":           "d",
		"llama-router-x":             "",
		"llamas-5f4c8d9b7-aaaaa":     "",
	} {
		if got := variantByName(podName, variants); got != want {
			t.Errorf("%s: want variant %q, got %q", podName, want, got)
		}
	}
}
