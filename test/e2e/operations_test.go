//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// operations is what all of these stories look at: two replicas of Forewarm, as the manifests have them, and a model on
// each way from them to replicas.
type operations struct {
	*story
	llama  *model // an HPA follows, under load
	pinned *model // an HPA follows, exactly what is configured
	scaled *model // KEDA follows; nil without it. What KEDA takes for inactive goes to zero within seconds
	second *forewarm
}

// What everybody shares is killed and restarted here, so this runs before the other stories and one after the other.
// Replicas never become fewer than the load needs for it, and those that do not depend on load stay as they are.
func TestOperations(t *testing.T) {
	o := operate(t)
	for _, story := range []struct {
		name string
		tell func(o *operations)
	}{
		{"one of two Forewarms is killed", (*operations).oneIsKilled},
		{"Forewarm is killed", (*operations).allAreKilled},
		{"a rolling update leaves no gap", (*operations).rollingUpdate},
		{"kube-apiserver is killed", (*operations).apiServerIsKilled},
		{"KEDA is restarted", (*operations).kedaIsRestarted},
	} {
		t.Run(story.name, func(t *testing.T) {
			t.Cleanup(func() { summary.told(t.Name(), t.Failed(), t.Skipped()) })
			inner, all := *o.story, *o
			inner.T, all.story = t, &inner
			before := o.last(o.ns, "llama").spec
			story.tell(&all)
			o.check(all.carried(before)(t.Context()))
		})
	}
}

// operate starts the second Forewarm last: what has a connection by then has it with the first.
func operate(t *testing.T) *operations {
	t.Helper()
	o := &operations{story: tellAlone(t, "operations")}
	o.llama, o.pinned = o.serve("llama", options{}), o.serve("pinned", options{variants: exactlyThere(2)})
	o.hpa("llama", 1, 10, desiredOf("llama"), exactly)
	o.hpa("pinned", 1, 10, desiredOf("pinned"), exactly)
	if o.withKEDA() {
		o.scaled = o.serve("scaled", options{variants: exactlyThere(3), toZero: true, idle: time.Hour})
		o.scaled.turn(2)
		o.scaledObject("scaled", scaled{low: 0, high: 10, cooldown: 5})
	}
	o.loaded(o.llama)
	o.pin(2, 3)
	o.ready("llama", o.settled("llama"))
	var err error
	o.second, err = startForewarm(t.Context(), o.cluster, "forewarm-second")
	o.check(err)
	o.join(o.second)
	return o
}

// exactlyThere is a variant whose replicas are not a matter of load.
func exactlyThere(n int) []variant {
	return []variant{{name: "on-demand", replicas: 1, min: n, max: n}}
}

// pin configures other replicas and waits until the autoscalers have followed.
func (o *operations) pin(pinned, scaled int) {
	o.Helper()
	for m, n := range map[*model]int{o.pinned: pinned, o.scaled: scaled} {
		if m == nil {
			continue
		}
		m.options.variants = exactlyThere(n)
		m.configure()
		what, ok := exact(n)
		o.spec(time.Minute, m.name, what, ok)
	}
}

// follow is how an operation ends: what is configured now has to reach replicas by way of everything that was restarted,
// while a condition may be of before. The counts differ from those at the start and from the operation's before.
func (o *operations) follow(pinned, scaled int) {
	o.Helper()
	o.pin(pinned, scaled)
	o.eventually(time.Minute, "HPA and KEDA have answers", o.well)
}

// held is for always: from now on the replicas of models do not change.
func (o *operations) held(models ...*model) func(context.Context) error {
	var all []func(context.Context) error
	for _, m := range models {
		if m != nil {
			all = append(all, o.staysAt(m.name, o.last(o.ns, m.name).spec))
		}
	}
	return func(ctx context.Context) error {
		var errs []error
		for _, check := range all {
			errs = append(errs, check(ctx))
		}
		return errors.Join(errs...)
	}
}

// carried is for always: llama has as many replicas as its load needs, and no more than twice as many, or than it had. What
// is beyond its need is asked for while little is known of a load, and released within minutes, whatever happens here.
func (o *operations) carried(before int) func(context.Context) error {
	return func(context.Context) error {
		if got := o.last(o.ns, "llama").spec; got < carriedBy || got > max(before, 2*carriedBy) {
			return fmt.Errorf("want %d to %d replicas, got %d: %s",
				carriedBy, max(before, 2*carriedBy), got, o.course(o.ns, "llama"))
		}
		return nil
	}
}

// carriedBy is how many replicas 20 requests/s need, at perReplica each.
const carriedBy = 4

// well is for always: no autoscaler misses an answer.
func (o *operations) well(ctx context.Context) error {
	errs := []error{
		o.hpaHas(ctx, "llama", "ScalingActive", "True", "ValidMetricFound"),
		o.hpaHas(ctx, "pinned", "ScalingActive", "True", "ValidMetricFound"),
	}
	if o.scaled != nil {
		errs = append(errs, o.hpaHas(ctx, "keda-hpa-scaled", "ScalingActive", "True", "ValidMetricFound"),
			o.scaledObjectHas(ctx, "scaled", "Ready", "True"), o.scaledObjectHas(ctx, "scaled", "Active", "True"))
	}
	return errors.Join(errs...)
}

// settled waits until a Deployment's replicas have not changed for a while.
func (s *story) settled(name string) int {
	s.Helper()
	s.eventually(3*time.Minute, "replicas of "+name+" have settled", func(context.Context) error {
		if p := s.last(s.ns, name); time.Since(p.at) < 15*time.Second || p.ready != p.spec {
			return fmt.Errorf("%d of %d are ready", p.ready, p.spec)
		}
		return nil
	})
	return s.last(s.ns, name).spec
}

// The one that is killed is the one that the API server and KEDA are connected with. They see nothing of it, and the other
// one answers with what is new.
func (o *operations) oneIsKilled() {
	before := o.last(o.ns, "llama").spec
	o.eventually(time.Minute, "HPA and KEDA have answers", o.well)
	asked := o.ask()
	o.check(o.forewarm.Kill())
	carried, held := o.carried(before), o.held(o.pinned, o.scaled)
	o.always(12*time.Second, "no autoscaler misses an answer, and replicas are what the load needs", func(ctx context.Context) error {
		return errors.Join(o.well(ctx), carried(ctx), held(ctx))
	})
	o.pin(3, 4)
	o.check(o.well(o.Context()))
	failed, all, err := asked()
	if all < 20 || failed > 1 { // the one that was under way
		o.Errorf("%d of %d requests failed: %v", failed, all, err)
	}
	summary.measured("one of two Forewarms killed: %d of %d requests one after another failed", failed, all)
	o.check(o.forewarm.Start())
	o.check(o.forewarm.ready(o.Context()))
}

func (o *operations) allAreKilled() {
	before := o.last(o.ns, "llama").spec
	o.check(errors.Join(o.forewarm.Kill(), o.second.Kill()))
	held := o.held(o.llama, o.pinned, o.scaled)
	for _, name := range []string{"llama", "pinned"} {
		o.hpaCondition(30*time.Second, name, "ScalingActive", "False", "FailedGetObjectMetric")
	}
	if o.scaled != nil {
		o.hpaCondition(30*time.Second, "keda-hpa-scaled", "ScalingActive", "False", "FailedGetExternalMetric")
		o.scaledObjectBecomes("scaled", "Ready", "False")
	}
	o.always(10*time.Second, "replicas are held", held)
	o.check(errors.Join(o.forewarm.Start(), o.second.Start()))
	o.check(errors.Join(o.forewarm.ready(o.Context()), o.second.ready(o.Context())))
	o.eventually(2*time.Minute, "HPA and KEDA have answers again", o.well)
	o.always(10*time.Second, "replicas are what the load needs", o.carried(before))
	o.follow(4, 5)
}

// Each new replica is ready before an old one goes, and that serves until requests do not come any more. One is left: the
// other stories compare what it says with what becomes of it.
func (o *operations) rollingUpdate() {
	next, err := startForewarm(o.Context(), o.cluster, "forewarm-next")
	o.check(err)
	asked := o.ask()
	o.wait(time.Second)
	o.join(next)
	for _, old := range []*forewarm{o.forewarm, o.second} {
		o.check(old.Stop())
		o.leave(old)
		o.wait(2 * time.Second)
	}
	failed, all, err := asked()
	if failed > 0 || all < 20 {
		o.Errorf("%d of %d requests failed during the update: %v", failed, all, err)
	}
	summary.measured("rolling update: %d of %d requests failed", failed, all)
	o.forewarm = next
	o.check(o.well(o.Context()))
	o.follow(3, 4)
}

func (o *operations) apiServerIsKilled() {
	before := o.last(o.ns, "llama").spec
	o.check(o.APIServer.Kill())
	o.wait(5 * time.Second)
	o.check(o.APIServer.Start())
	o.check(o.WaitAPI(o.Context()))
	o.hpaCondition(time.Minute, "llama", "ScalingActive", "True", "ValidMetricFound")
	o.always(15*time.Second, "replicas are what the load needs", o.carried(before))
	o.eventually(time.Minute, "Forewarm sees the cluster again", func(ctx context.Context) error {
		r, err := o.llama.forewarmSays(ctx)
		if err == nil && r.Hold { // for some seconds after a new pod it may
			err = fmt.Errorf("it holds:\n%s", steps(r))
		}
		return err
	})
	o.follow(4, 5)
}

// A KEDA that has just started and takes a trigger for inactive would have the model at zero within its cooldown of five
// seconds: the minimum of this ScaledObject is zero.
func (o *operations) kedaIsRestarted() {
	k := o.needKEDA()
	o.check(errors.Join(k.operator.Kill(), k.adapter.Kill()))
	held := o.held(o.scaled)
	o.hpaCondition(30*time.Second, "keda-hpa-scaled", "ScalingActive", "False", "FailedGetExternalMetric")
	o.always(10*time.Second, "replicas are held without KEDA", held)
	o.check(errors.Join(k.operator.Start(), k.adapter.Start()))
	o.check(k.adapter.WaitFor(o.Context(), time.Minute, o.available("v1beta1.external.metrics.k8s.io")))
	o.eventually(2*time.Minute, "the HPA and KEDA have answers again", o.well)
	o.always(12*time.Second, "a KEDA that has just started takes nothing away", func(ctx context.Context) error {
		return errors.Join(held(ctx), o.scaledObjectHas(ctx, "scaled", "Ready", "True"),
			o.scaledObjectHas(ctx, "scaled", "Active", "True"))
	})
	o.pin(2, 6)
	o.pin(2, 2)
}

// ask asks for the metric of a Deployment through the aggregator, again and again, until the function that it returns is
// called. That says how many failed, of how many, and the last error, with the moments of the first and of the last.
func (s *story) ask() func() (failed, asked int, last error) {
	ctx, cancel := context.WithCancel(s.Context())
	done := make(chan struct{})
	failed, asked := 0, 0
	var first time.Time
	var last error
	go func() {
		defer close(done)
		for ; ctx.Err() == nil; asked++ {
			_, err := s.custom(ctx, "/deployments.apps/llama/forewarm_desired_replicas")
			if err == nil || ctx.Err() != nil {
				continue
			}
			if failed++; failed == 1 {
				first = time.Now()
			}
			last = fmt.Errorf("from %s to %s: %w", first.Format(time.TimeOnly), time.Now().Format(time.TimeOnly), err)
		}
	}()
	return func() (int, int, error) {
		cancel()
		<-done
		return failed, asked, last
	}
}
