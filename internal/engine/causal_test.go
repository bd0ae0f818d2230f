package engine

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/policy"
)

// A source could answer for any moment, later ones too. Two that differ from a moment on
// give the same ticks up to it, whole: inputs, what was learned, forecasts and plans.
func TestTheFutureChangesNoEarlierTick(t *testing.T) {
	const shared = 13 * time.Hour // a forecaster begins anew within
	turn := noon.Add(shared)
	calm, wild := newWorld(2), newWorld(2)
	wild.input = func(m policy.Model, at time.Time) policy.Input {
		in := wave(m, at)
		if at.After(turn) {
			in.Signals.Arrivals.Value *= 5
		}
		return in
	}
	a, b := engineOn(calm), engineOn(wild)
	for at := noon.Add(15 * time.Second); !at.After(turn); at = at.Add(15 * time.Second) {
		x, y := tick(t, a, at), tick(t, b, at)
		if turn.Sub(at) > time.Hour && at.Minute() != 0 {
			continue // a look now and then, and at all of the last hour
		}
		if diff := cmp.Diff(asJSON(t, x), asJSON(t, y)); diff != "" {
			t.Fatalf("at %s, before they part: %s", at, diff)
		}
	}
	at := turn.Add(15 * time.Second)
	if x, y := tick(t, a, at), tick(t, b, at); asJSON(t, x.Plan) == asJSON(t, y.Plan) {
		t.Error("five times the load changes nothing once it is there: the comparison sees nothing")
	}
}
