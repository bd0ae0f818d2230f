package engine

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/policy"
)

func TestFleetingSnapshotsSayTheSameWhileTheyStand(t *testing.T) {
	lasting, fleeting := engineOn(newWorld(3)), engineOn(newWorld(3))
	fleeting.opts.Fleeting = true
	for i := range 700 {
		at := noon.Add(time.Duration(i) * 15 * time.Second)
		if i == 300 { // one more model joins
			for _, e := range []*Engine{lasting, fleeting} {
				w := newWorld(4)
				e.source = w
				e.SetModels(w.models, nil)
			}
		}
		want, got := tick(t, lasting, at), tick(t, fleeting, at)
		if i%20 != 0 && i < 690 {
			continue
		}
		if diff := cmp.Diff(asJSON(t, want), asJSON(t, got)); diff != "" {
			t.Fatalf("tick %d (-lasting +fleeting):\n%s", i, diff)
		}
	}
}

func TestASourceOutOfOrderIsStillReadByModel(t *testing.T) {
	a, b := newWorld(4), newWorld(4)
	tidy, untidy := engineOn(a), engineOn(b)
	untidy.source = reversed{b}
	want, got := tick(t, tidy, noon), tick(t, untidy, noon)
	if diff := cmp.Diff(asJSON(t, want), asJSON(t, got)); diff != "" {
		t.Errorf("(-in order +out of it):\n%s", diff)
	}
}

type reversed struct{ *world }

func (r reversed) At(at time.Time) []policy.Input {
	all := r.world.At(at)
	slices.Reverse(all)
	return all
}
