package engine

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// asleep is a model at zero whose gateway shows nothing.
func asleep(m policy.Model, at time.Time) policy.Input {
	in := steady(m, at, 0, 0)
	in.Signals.ArrivalSource, in.Signals.GatewayQueue = policy.FromGateway, policy.Seen(0, time.Second)
	return in
}

// knocked is an engine on a sleeping model, with what is known beside its source.
func knocked(t *testing.T, queue *float64) (*Engine, *world) {
	t.Helper()
	w := newWorld(2)
	for i := range w.models {
		w.models[i].Gateway, w.models[i].Idle.ToZero, w.models[i].Variants[0].Min = true, true, 0
	}
	w.input = asleep
	e := engineOn(w)
	e.opts.Beside = func(in policy.Input) policy.Input {
		if in.Model == w.models[0].ID && *queue > 0 {
			in.Signals.GatewayQueue = policy.Seen(*queue, 0)
			in.Supply = []policy.Supply{{Variant: "main", Known: true}}
		}
		return in
	}
	tick(t, e, noon)
	return e, w
}

func replicas(s *policy.Snapshot) []int {
	var out []int
	for _, d := range s.Plan.Decisions {
		out = append(out, d.Replicas)
	}
	return out
}

func TestWhatIsSeenBesideTheSourceIsDecidedAtOnce(t *testing.T) {
	queue := 0.0
	e, w := knocked(t, &queue)
	before, newer := e.Board().Watch()
	learned := asJSON(t, e.states[w.models[0].ID].learned)
	queue = 3
	if !e.Reconsider([]policy.ModelID{w.models[0].ID}) {
		t.Fatal("nothing was published")
	}
	<-newer
	after := e.Board().Load()
	if got := replicas(after); !slices.Equal(got, []int{1, 0}) || !after.At.Equal(before.At) {
		t.Errorf("want the first woken at the same moment, got %v at %s", got, after.At)
	}
	if got := replicas(before); !slices.Equal(got, []int{0, 0}) {
		t.Errorf("a published snapshot was changed: %v", got)
	}
	if got := asJSON(t, e.states[w.models[0].ID].learned); got != learned {
		t.Error("something was learned")
	}
	if got := replicas(tick(t, e, noon.Add(15*time.Second))); !slices.Equal(got, []int{1, 0}) {
		t.Errorf("want the next tick to know it as well, got %v", got)
	}
}

func TestATickThatHangsDelaysNoWaking(t *testing.T) {
	queue := 0.0
	e, w := knocked(t, &queue)
	loading, free := make(chan struct{}), make(chan struct{})
	w.onLoad = func(context.Context, time.Time, time.Time) error {
		close(loading)
		<-free
		return errDown
	}
	done := make(chan error, 1)
	go func() { done <- e.Tick(t.Context(), noon.Add(15*time.Second)) }()
	<-loading
	queue = 1
	if !e.Reconsider([]policy.ModelID{w.models[0].ID}) {
		t.Error("want it published while the tick hangs")
	}
	close(free)
	if err := <-done; err == nil {
		t.Error("want the tick blind")
	}
	// The tick was blind; what is known beside the source is known to it, too.
	if got := replicas(e.Board().Load()); got[0] != 1 {
		t.Errorf("want the blind tick to keep it awake, got %v", got)
	}
}

func TestReconsideringNothingOrWithAPanicPublishesNothing(t *testing.T) {
	e := engineOn(newWorld(1))
	if e.Reconsider(nil) {
		t.Error("published before the first tick")
	}
	tick(t, e, noon)
	e.opts.Beside = func(policy.Input) policy.Input { panic("boom") }
	if e.Reconsider([]policy.ModelID{model("m0000").ID}) || e.Stats().Panics != 1 {
		t.Error("want the panic caught and counted")
	}
}
