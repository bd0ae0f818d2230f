package sim

import (
	"testing"
	"time"
)

// chat is a fleet under conversations.
func chat(t *testing.T, router Router, replicas int) *Fleet {
	t.Helper()
	n, err := WorkloadNamed("chat")
	if err != nil {
		t.Fatal(err)
	}
	wc := n.Config(1)
	wc.Sharpness, wc.Wander, wc.PeakRate = 0, 0, 4
	fc := DefaultFleet()
	fc.Router, fc.Replicas = router, replicas
	fc.Replica.KVBlocks = 12_000
	return world(t, fc, wc)
}

// hits is the share of prompt tokens found in prefix caches over an interval.
func hits(f *Fleet, length time.Duration) float64 {
	before := f.stats()
	f.Advance(f.Now().Add(length))
	after := f.stats()
	return (after.PrefixHits - before.PrefixHits) / (after.PrefixQueries - before.PrefixQueries)
}

func TestRoutersFindCachedPrefixes(t *testing.T) {
	share := map[Router]float64{}
	for r := range routers {
		f := chat(t, r, 4)
		f.Advance(f.Now().Add(10 * time.Minute))
		share[r] = hits(f, 30*time.Minute)
		if got := f.Totals(); !got.conserved() {
			t.Errorf("%s: %+v", r, got)
		}
	}
	if share[LeastLoaded] > 0.5 || share[SessionAffine] < 0.6 || share[PrefixAware] < 0.6 {
		t.Errorf("want few hits blindly and many by affinity or prefix, got %v", share)
	}
}

// TestShrinkLosesTheCache: replicas that go take their conversations' cache along; it fills again by use.
func TestShrinkLosesTheCache(t *testing.T) {
	f := chat(t, SessionAffine, 4)
	f.Advance(f.Now().Add(20 * time.Minute))
	before := hits(f, 10*time.Minute)
	f.Scale(2)
	at := hits(f, 15*time.Second)
	after := hits(f, 10*time.Minute)
	if at > before-0.15 || after < at+0.1 {
		t.Errorf("want hits to fall and to come back, got %.2f, %.2f, %.2f", before, at, after)
	}
}

func TestAffinityMovesOnlyWhatItMust(t *testing.T) {
	f := chat(t, SessionAffine, 4)
	home := map[uint64]*Pod{}
	for s := range uint64(1000) {
		home[s+1] = f.affine(s + 1)
	}
	f.Advance(f.Now().Add(time.Minute))
	f.Scale(3)
	moved := 0
	for s, p := range home {
		if now := f.affine(s); now != p {
			moved++
			if p.state == Ready {
				t.Fatalf("session %d moved although its replica is there", s)
			}
		}
	}
	if moved < 200 || moved > 300 {
		t.Errorf("want about a quarter of 1,000 sessions to move, got %d", moved)
	}
}
