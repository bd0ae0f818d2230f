package app

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/internal/fleet"
	"github.com/forewarm/forewarm/policy"
)

// fakeCluster is an API server that was seen once.
type fakeCluster struct {
	err      error
	supply   []policy.Supply
	services []fleet.Service
	shape    fleet.Shape
	loads    int
}

func (c *fakeCluster) Load(context.Context, time.Time, []fleet.Workload) error {
	c.loads++
	return c.err
}

func (c *fakeCluster) Supply(policy.ModelID, time.Time) ([]policy.Supply, []string, []policy.Fault, bool) {
	if c.err != nil {
		return c.supply, nil, []policy.Fault{{Code: fleet.FaultForbidden, Text: "grant get on deployments/scale"}}, true
	}
	return c.supply, []string{"calm-5d4f8b6c7-x0q2z", "calm-5d4f8b6c7-x1q2z"}, nil, true
}

func (c *fakeCluster) Shape(context.Context, string, fleet.Target) (fleet.Shape, error) {
	return c.shape, nil
}

func (c *fakeCluster) FindPrometheus(context.Context) ([]fleet.Service, error) {
	return c.services, c.err
}

func (*fakeCluster) Close() {}

func TestTheAPIKnowsReplicasBetterThanPodsSeen(t *testing.T) {
	src := world(t, 20*time.Minute, service{namespace: "llm", name: "calm", pods: 2, rate: 2})
	calm := func(s policy.Supply) []policy.Supply { s.Variant = "calm"; return []policy.Supply{s} }
	for name, tc := range map[string]struct {
		cluster *fakeCluster
		now     time.Time
		want    []int // spec, ready, starting
		loads   int
		fault   string
	}{
		"it sees one more that starts": {
			&fakeCluster{supply: calm(policy.Supply{Known: true, Spec: 3, Ready: 2, Starting: 1})}, noon, []int{3, 2, 1}, 1, "",
		},
		"it may not be read, and the pods seen count": {
			&fakeCluster{supply: calm(policy.Supply{}), err: errors.New("forbidden")}, noon, []int{2, 2, 0}, 1, fleet.FaultForbidden,
		},
		"it cannot tell of the past": {
			&fakeCluster{supply: calm(policy.Supply{Known: true, Spec: 9, Ready: 9})}, noon.Add(time.Hour), []int{2, 2, 0}, 0, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			opts := Options{Prometheus: src, Cluster: tc.cluster, Now: func() time.Time { return tc.now }}
			r, err := Recommend(t.Context(), opts, noon)
			if err != nil {
				t.Fatal(err)
			}
			m := find(t, r, "calm")
			v := m.Variants[0]
			if diff := cmp.Diff(tc.want, []int{*v.Now, *v.Ready, *v.Starting}); diff != "" {
				t.Errorf("spec, ready, starting (-want +got):\n%s", diff)
			}
			if tc.cluster.loads != tc.loads {
				t.Errorf("want %d looks at the API, got %d", tc.loads, tc.cluster.loads)
			}
			seen := false
			for _, f := range m.Faults {
				seen = seen || f.Code == tc.fault
			}
			if tc.fault != "" && !seen {
				t.Errorf("want fault %s, got %+v", tc.fault, m.Faults)
			}
		})
	}
}

func TestTheAPITellsWhatAReplicaIsMadeOf(t *testing.T) {
	src := world(t, 20*time.Minute, service{namespace: "llm", name: "calm", pods: 2, rate: 2})
	c := &fakeCluster{err: errors.New("no scale"), shape: fleet.Shape{GPUs: 4, Product: "NVIDIA-H100", CapacityType: policy.Spot}}
	a, err := Open(t.Context(), Options{Prometheus: src, Cluster: c, Now: past}, noon)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	v := a.Registry().Entries[0].Model.Variants[0]
	if v.GPUs != 4 || v.Product != "NVIDIA-H100" || v.CapacityType != policy.Spot {
		t.Errorf("want 4 spot H100 per replica, got %+v", v)
	}
}

func TestFindPrometheus(t *testing.T) {
	thanos := fleet.Service{Namespace: "monitoring", Name: "thanos-query", Port: 9090, Flavor: "Thanos"}
	for name, tc := range map[string]struct {
		cluster *fakeCluster
		inside  bool
		want    string   // URL
		says    []string // of the error
	}{
		"inside the cluster it is used":        {&fakeCluster{services: []fleet.Service{thanos}}, true, "http://thanos-query.monitoring:9090", nil},
		"outside the line to type is printed":  {&fakeCluster{services: []fleet.Service{thanos}}, false, "", []string{"kubectl --namespace monitoring port-forward service/thanos-query", "--prometheus http://127.0.0.1:9090"}},
		"nothing found, the usual line":        {&fakeCluster{}, false, "", []string{"port-forward service/prometheus-operated", "--prometheus"}},
		"the cluster does not answer, and why": {&fakeCluster{err: errors.New("dial tcp: refused")}, false, "", []string{"--prometheus", "refused"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("KUBERNETES_SERVICE_HOST", map[bool]string{true: "10.0.0.1"}[tc.inside])
			src, err := FindPrometheus(t.Context(), tc.cluster)
			if src.URL != tc.want {
				t.Errorf("want %q, got %q", tc.want, src.URL)
			}
			if (err != nil) != (tc.want == "") || (err != nil && !errors.Is(err, ErrNoSource)) {
				t.Errorf("want ErrNoSource iff nothing can be used, got %v", err)
			}
			for _, s := range tc.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("want %q in\n%v", s, err)
				}
			}
		})
	}
}
