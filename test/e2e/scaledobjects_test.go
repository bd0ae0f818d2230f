//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// asleepWithin is when a model is at zero at the latest: the rate of a gateway looks back for up to two minutes, and the
// idle window comes after that.
const asleepWithin = 5 * time.Minute

// scaled is what differs between ScaledObjects.
type scaled struct {
	push     bool
	metadata string // further trigger metadata, as ", key: 'value'"
	low      int
	high     int
	idle     string // idleReplicaCount; empty: none
	cooldown int
	polling  int // seconds; 0: 1
	triggers string
	scaler   int  // port; 0: the shared Forewarm's
	plain    bool // the HPA's own behaviour
}

// scaledObject applies a ScaledObject of a Deployment's name with our trigger, over mutual TLS.
func (s *story) scaledObject(deployment string, o scaled) {
	s.Helper()
	kind, idle := "external", ""
	if o.push {
		kind = "external-push"
	}
	if o.idle != "" {
		idle = "\n  idleReplicaCount: " + o.idle
	}
	port := s.scaler.Port
	if o.scaler != 0 {
		port = o.scaler
	}
	triggers := o.triggers
	if triggers == "" {
		triggers = fmt.Sprintf(`
  - type: %s
    metadata: {scalerAddress: 'localhost:%d', model: %s%s}
    authenticationRef: {name: forewarm, kind: ClusterTriggerAuthentication}`, kind, port, deployment, o.metadata)
	}
	advanced := `
  advanced:
    horizontalPodAutoscalerConfig:
      behavior:
        scaleUp: {tolerance: '0', stabilizationWindowSeconds: 0, policies: [{type: Pods, value: 100, periodSeconds: 15}]}
        scaleDown: {tolerance: '0', stabilizationWindowSeconds: 0, policies: [{type: Percent, value: 100, periodSeconds: 15}]}`
	if o.plain {
		advanced = ""
	}
	s.apply(fmt.Sprintf(`
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: %[1]s}
spec:
  scaleTargetRef: {name: %[1]s}
  pollingInterval: %[2]d
  cooldownPeriod: %[3]d
  minReplicaCount: %[4]d
  maxReplicaCount: %[5]d%[6]s%[7]s
  triggers:%[8]s
`, deployment, max(1, o.polling), o.cooldown, o.low, o.high, idle, advanced, triggers))
	s.scaledObjectIs(deployment, "Ready")
}

// scaledObjectIs waits for a condition of a ScaledObject to be true.
func (s *story) scaledObjectIs(name, kind string) {
	s.Helper()
	s.scaledObjectBecomes(name, kind, "True")
}

// scaledObjectBecomes waits for a condition of a ScaledObject.
func (s *story) scaledObjectBecomes(name, kind, status string) {
	s.Helper()
	s.eventually(time.Minute, fmt.Sprintf("ScaledObject %s has %s=%s", name, kind, status), func(ctx context.Context) error {
		return s.scaledObjectHas(ctx, name, kind, status)
	})
}

func (s *story) scaledObjectHas(ctx context.Context, name, kind, want string) error {
	o, err := s.get(ctx, s.ns, "ScaledObject.v1alpha1.keda.sh", name)
	if err != nil {
		return err
	}
	if status, reason, message := condition(o, kind); status != want {
		return fmt.Errorf("ScaledObject %s has %s=%s: %s %s", name, kind, status, reason, message)
	}
	return nil
}

// KEDA takes a sleeping model up when a request waits, to the replicas that Forewarm wants, and back to zero after
// proven silence.
func TestKEDAZeroToManyAndBack(t *testing.T) {
	s := tell(t, "keda-external")
	s.needKEDA()
	m := s.serve("llama", options{toZero: true, idle: 20 * time.Second, variants: []variant{
		{name: "on-demand", replicas: 0, min: 1, max: 10, warmUp: 3 * time.Second},
	}})
	s.scaledObject("llama", scaled{low: 0, high: 10, cooldown: 5})
	s.always(10*time.Second, "it sleeps", s.staysAt("llama", 0))
	m.turn(20)
	woken := time.Now()
	what, ok := atLeast(1)
	s.spec(time.Minute, "llama", what, ok)
	summary.measured("KEDA external (poll 1 s), request at zero -> spec.replicas: %.1f s", time.Since(woken).Seconds())
	what, ok = atLeast(3)
	s.spec(2*time.Minute, "llama", what, ok)
	s.scaledObjectIs("llama", "Active")
	m.turn(0)
	what, ok = exact(0)
	s.spec(asleepWithin, "llama", what, ok)
	s.asleep(m)
	if n := m.totals(); n.Dropped > 0 || n.Completed == 0 {
		t.Errorf("want nothing lost, got %+v", n)
	}
}

// asleep checks that KEDA takes the model for inactive, and that Forewarm says why it sleeps.
func (s *story) asleep(m *model) {
	s.Helper()
	s.eventually(time.Minute, "KEDA takes "+m.name+" for inactive, and Forewarm says that it sleeps", func(ctx context.Context) error {
		r, err := m.forewarmSays(ctx)
		if err == nil && (r.Active || !strings.Contains(steps(r), "stays at zero")) {
			err = fmt.Errorf("active: %v, steps:\n%s", r.Active, steps(r))
		}
		return errors.Join(err, s.scaledObjectHas(ctx, m.name, "Active", "False"))
	})
}

// staysAt is for always: a Deployment's replicas do not change.
func (s *story) staysAt(name string, n int) func(context.Context) error {
	return func(context.Context) error {
		if p := s.last(s.ns, name); p.spec != n {
			return fmt.Errorf("there are %d, want %d", p.spec, n)
		}
		return nil
	}
}

// KEDA polls every ten minutes only, and yet a request at zero wakes the model at once: the scaler pushes.
func TestKEDAPushWakes(t *testing.T) {
	s := tell(t, "keda-push")
	s.needKEDA()
	m := s.serve("llama", options{toZero: true, idle: 20 * time.Second, variants: []variant{
		{name: "on-demand", replicas: 0, min: 1, max: 10, warmUp: time.Second},
	}})
	s.scaledObject("llama", scaled{push: true, low: 0, high: 10, cooldown: 5, polling: 600})
	s.always(10*time.Second, "it sleeps", s.staysAt("llama", 0))
	m.turn(4)
	woken := time.Now()
	what, ok := atLeast(1)
	s.spec(time.Minute, "llama", what, ok)
	took := time.Since(woken)
	s.scaledObjectIs("llama", "Active")
	summary.measured("KEDA external-push (poll 10 min), request at zero -> spec.replicas: %.1f s", took.Seconds())
	s.serving(m)
	s.eventually(time.Minute, "what waited is served", func(context.Context) error {
		if n := m.totals(); n.Held > 0 || n.Completed == 0 {
			return fmt.Errorf("%+v", n)
		}
		return nil
	})
}

// Two replicas while there is work, none while there is not: idleReplicaCount leaves out what is between.
func TestKEDAIdleReplicaCount(t *testing.T) {
	s := tell(t, "keda-idle")
	s.needKEDA()
	m := s.serve("llama", options{toZero: true, idle: 20 * time.Second, variants: []variant{
		{name: "on-demand", replicas: 0, min: 1, max: 10},
	}})
	s.scaledObject("llama", scaled{low: 2, high: 10, idle: "0", cooldown: 5})
	s.always(5*time.Second, "it sleeps", s.staysAt("llama", 0))
	m.turn(3)
	what, ok := exact(2)
	s.spec(time.Minute, "llama", what, ok)
	m.turn(0)
	what, ok = exact(0)
	s.spec(asleepWithin, "llama", what, ok)
	s.asleep(m)
	for _, p := range s.of(s.ns, "llama") {
		if p.spec == 1 {
			t.Errorf("want no, or at least two replicas: %s", s.course(s.ns, "llama"))
		}
	}
}

// The trigger that guides print, a threshold of 50 on what waits, beside ours on the same load: it acts when fifty
// wait already.
func TestKEDAThresholdBesideOurs(t *testing.T) {
	s := tell(t, "keda-beside")
	s.needKEDA()
	variants := func() []variant {
		return []variant{{name: "on-demand", replicas: 1, min: 1, max: 10, warmUp: 10 * time.Second}}
	}
	ours := s.serve("ours", options{variants: variants(), gateway: true})
	theirs := s.serve("theirs", options{variants: variants(), gateway: true})
	s.scaledObject("ours", scaled{low: 1, high: 10, cooldown: 5})
	s.scaledObject("theirs", scaled{low: 1, high: 10, cooldown: 5, triggers: fmt.Sprintf(`
  - type: prometheus
    metadata:
      serverAddress: %s
      metricName: vllm_pending_requests
      threshold: "50"
      query: sum(vllm:num_requests_waiting{model_name="%s"})`, s.prom.url, theirs.id)})
	both := func(rate float64) { ours.turn(rate); theirs.turn(rate) }
	s.ready("ours", 1)
	s.ready("theirs", 1)
	both(3)
	s.wait(30 * time.Second)
	before, beforeTheirs := ours.books(), theirs.books()
	for _, rate := range []float64{10, 15, 20, 25, 30} { // a rise of four minutes
		both(rate)
		s.wait(40 * time.Second)
	}
	after := ours.books()
	a, b, n := after.since(before), theirs.books().since(beforeTheirs), after.decided-before.decided
	summary.measured("rise from 3 to 30 requests/s, warm-up 10 s, TTFT within 2 s: %.2f %% with our trigger, "+
		"%.2f %% with vllm_pending_requests at 50 (%.0f requests)", 100*a, 100*b, n)
	if a <= b {
		t.Errorf("want more requests in time than a threshold on the queue: %.4f and %.4f\nours:   %s\ntheirs: %s",
			a, b, s.course(s.ns, "ours"), s.course(s.ns, "theirs"))
	}
}
