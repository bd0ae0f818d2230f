package rival

import (
	"testing"
	"time"

	"github.com/forewarm/forewarm/internal/sim/fluid"
)

// TestWhatIsUnknownIsZeroOnlyIfSaid: four replicas whose queue of 40 vanishes from view, for good, after the first
// look. KEDA takes nothing for zero and shrinks; told not to, it holds, as an HPA does.
func TestWhatIsUnknownIsZeroOnlyIfSaid(t *testing.T) {
	seen := glance{engines: fluid.Engines{Pods: 4, Pending: 40, KV: 0.9}, spec: 4}
	dark := glance{blind: true, spec: 8}
	for name, tc := range map[string]struct {
		setup Setup
		looks []glance
		want  int // in the end
	}{
		"nothing is zero": {
			Setup{Metrics: []Target{{Of: Queue, Value: 5, Nulls: true}}, Min: 2, Max: 9}, []glance{seen, dark}, 2,
		},
		"nothing is nothing": {
			Setup{Metrics: []Target{{Of: Queue, Value: 5}}, Min: 2, Max: 9}, []glance{seen, dark}, 8,
		},
		"what is unknown speaks against a fall": {
			Setup{Metrics: []Target{{Of: Queue, Value: 5}, {Of: Arrivals, Value: 1}}, Min: 2, Max: 9},
			[]glance{seen, {blind: true, spec: 8, rate: 3}},
			8,
		},
		"and not against a rise": {
			Setup{Metrics: []Target{{Of: Queue, Value: 5}, {Of: Arrivals, Value: 1}}, Min: 2, Max: 9},
			[]glance{seen, {blind: true, spec: 8, rate: 20}},
			9,
		},
		"nothing sleeps at zero": {
			Setup{Metrics: []Target{{Of: Queue, Value: 5, Nulls: true}}, Max: 9}, []glance{seen, dark}, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, got := NewSetup(tc.setup), 0
			for i, l := range tc.looks {
				got = s.Decide(&fluid.Observation{
					Tick: 1 + 21*i, Now: time.Unix(int64(21*i)*15, 0), Spec: l.spec, Ready: l.spec,
					Rate: l.rate, Known: l.rate > 0, Engines: l.engines, Blind: l.blind,
				})
			}
			if got != tc.want {
				t.Errorf("want %d, got %d", tc.want, got)
			}
		})
	}
}

// glance is a look at a fleet five minutes after the one before.
type glance struct {
	engines fluid.Engines
	rate    float64
	spec    int
	blind   bool
}
