//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/forewarm/forewarm/internal/app"
)

// Pods take long to load. What is needed is ordered before the first of them is ready, not ordered again meanwhile,
// and given back only after the backlog is worked off.
func TestSlowLoadingPodsDoNotFlap(t *testing.T) {
	s := tell(t, "slow-loading")
	m := s.serve("llama", options{variants: []variant{
		{name: "on-demand", replicas: 1, min: 1, max: 20, warmUp: 30 * time.Second},
	}})
	s.hpa("llama", 1, 20, desiredOf("llama"), exactly)
	s.ready("llama", 1)
	m.turn(4)
	s.wait(10 * time.Second)
	start := time.Now()
	m.turn(30)
	what, ok := atLeast(4)
	s.spec(time.Minute, "llama", what, ok)
	s.wait(150 * time.Second)
	course := since(s.of(s.ns, "llama"), start)
	if n := turns(course); n > 1 {
		t.Errorf("want replicas to go up and then perhaps down, got %d turns: %s", n, s.course(s.ns, "llama"))
	}
	s.hpaCondition(30*time.Second, "llama", "ScalingActive", "True", "ValidMetricFound")
	most := slices.Max(specs(s.of(s.ns, "llama")))
	summary.measured("slow loading (30 s), five replicas needed: %d asked for at most", most)
	if most > 16 { // five for what comes, the rest for what waits, on a machine that sees it late
		t.Errorf("want no more than 16 asked for where five are needed, got %s", s.course(s.ns, "llama"))
	}
	if p := s.last(s.ns, "llama"); p.ready < 5 || p.ready != p.spec {
		t.Errorf("want at least five replicas for 30 requests a second, all ready, got %d of %d", p.ready, p.spec)
	}
}

// The quota allows four GPUs and the load needs more. Forewarm asks for what is needed, sees that it is refused, says that
// the model starves, and asks for no more; when the quota is raised, what was asked for comes.
func TestQuotaStarves(t *testing.T) {
	s := tell(t, "quota")
	quota := func(gpus int) {
		s.apply(fmt.Sprintf("apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: gpus}\n"+
			"spec: {hard: {requests.nvidia.com/gpu: %d}}", gpus))
	}
	quota(4)
	m := s.serve("llama", options{variants: []variant{{name: "on-demand", replicas: 1, min: 1, max: 40}}})
	s.hpa("llama", 1, 40, desiredOf("llama"), exactly)
	m.turn(28)
	s.eventually(90*time.Second, "four are ready, and the quota refuses more", func(ctx context.Context) error {
		messages, err := s.events(ctx, "FailedCreate")
		if err != nil {
			return err
		}
		refused := strings.Contains(fmt.Sprint(messages), "exceeded quota: gpus")
		if p := s.last(s.ns, "llama"); p.ready != 4 || p.spec <= 4 || !refused {
			return fmt.Errorf("%d of %d are ready; events: %v", p.ready, p.spec, messages)
		}
		return nil
	})
	s.eventually(150*time.Second, "Forewarm says that it starves, why, and of how many", m.starves)
	asked, starved := s.last(s.ns, "llama").spec, time.Now()
	s.always(45*time.Second, "no more is asked for, nor less than is needed", func(context.Context) error {
		if p := s.last(s.ns, "llama"); p.spec > asked || p.spec < 5 || p.ready != 4 {
			return fmt.Errorf("%d of %d are ready, and %d were asked for", p.ready, p.spec, asked)
		}
		return nil
	})
	if n := turns(since(s.of(s.ns, "llama"), starved)); n > 0 {
		t.Errorf("want a wish that does not waver, got %s", s.course(s.ns, "llama"))
	}
	most := slices.Max(specs(s.of(s.ns, "llama")))
	summary.measured("quota of four, five replicas needed: %d asked for at most", most)
	if most > 25 { // five for what comes, the rest for what waits, on a machine that sees it late; a runaway goes to 40
		t.Errorf("want no more than 25 asked for where five are needed, got %s", s.course(s.ns, "llama"))
	}
	s.hpaCondition(30*time.Second, "llama", "ScalingActive", "True", "ValidMetricFound")
	quota(40)
	s.eventually(2*time.Minute, "the load is carried once the quota allows it", func(context.Context) error {
		if p := s.last(s.ns, "llama"); p.ready < 5 || m.totals().Waiting > 10 {
			return fmt.Errorf("%d of %d are ready, %d requests wait", p.ready, p.spec, m.totals().Waiting)
		}
		return nil
	})
	s.eventually(time.Minute, "it starves no longer", func(ctx context.Context) error {
		if m.starves(ctx) == nil {
			return errors.New("Forewarm says that it does")
		}
		return nil
	})
}

// starves checks that Forewarm says so in the state, in a sentence and in a metric, with the same count.
func (m *model) starves(ctx context.Context) error {
	r, err := m.forewarmSays(ctx)
	if err != nil {
		return err
	}
	v, p := r.Variants[0], m.s.last(m.s.ns, m.name)
	if v.State != app.StateStarved || v.Starved == nil || *v.Starved != p.spec-p.ready {
		return fmt.Errorf("its state is %s, starved are %s of %d asked for", v.State, known(v.Starved), p.spec)
	}
	if !strings.Contains(steps(r), "have been given no pod") || !strings.Contains(steps(r), "quota") {
		return fmt.Errorf("no step says why:\n%s", steps(r))
	}
	page, err := m.s.forewarm.fetch(ctx, "/metrics")
	want := fmt.Sprintf(`forewarm_starved_replicas{model=%q,namespace=%q,variant=%q} %d`, m.name, m.s.ns, v.Name, *v.Starved)
	if err == nil && !strings.Contains(string(page), want) {
		err = fmt.Errorf("no metric %s", want)
	}
	return err
}

// Two models share six GPUs. The important one gets what it needs, the other the rest and never less than its
// minimum; while the important one is quiet the other may have its GPUs.
func TestBudgetGoesByPriority(t *testing.T) {
	s := tell(t, "budget")
	s.check(s.config.change(func() {
		s.config.budgets["e2e"] = object{"name": "e2e", "product": "E2E-A100", "limit": 6}
	}))
	serve := func(name string, priority int) *model {
		m := s.serve(name, options{product: "E2E-A100", priority: priority, variants: []variant{
			{name: "on-demand", replicas: 1, min: 1, max: 6},
		}})
		s.hpa(name, 1, 6, desiredOf(name), exactly)
		return m
	}
	important, other := serve("important", 100), serve("other", 1)
	replicas := func() (int, int) { return s.last(s.ns, "important").spec, s.last(s.ns, "other").spec }
	s.ready("important", 1)
	s.ready("other", 1)
	other.turn(40)
	s.eventually(2*time.Minute, "the other has what the important one does not need", func(context.Context) error {
		if a, b := replicas(); a != 1 || b != 5 {
			return fmt.Errorf("%d and %d", a, b)
		}
		return nil
	})
	important.turn(22)
	s.eventually(2*time.Minute, "the important one takes what it needs", func(context.Context) error {
		if a, b := replicas(); a < 4 || a+b > 6 || b < 1 {
			return fmt.Errorf("%d and %d", a, b)
		}
		return nil
	})
	inPart := time.Now() // since when the HPAs have not followed: one of them is always the first
	s.always(20*time.Second, "the important one keeps it, and six GPUs are not exceeded", func(ctx context.Context) error {
		wants, err := s.wanted(ctx)
		if a, b := wants["important"], wants["other"]; err != nil || a < 4 || b < 1 || a+b > 6 {
			return errors.Join(fmt.Errorf("Forewarm wants %v", wants), err)
		}
		a, b := replicas()
		if a+b <= 6 {
			inPart = time.Now()
		}
		if a < 4 || time.Since(inPart) > 15*time.Second {
			return fmt.Errorf("there are %d and %d, for %s", a, b, time.Since(inPart))
		}
		return nil
	})
	for _, name := range []string{"important", "other"} {
		s.hpaCondition(30*time.Second, name, "ScalingActive", "True", "ValidMetricFound")
	}
	r, err := other.forewarmSays(t.Context())
	s.check(err)
	if !strings.Contains(steps(r), "budget") {
		t.Errorf("want the budget among the steps of the other model:\n%s", steps(r))
	}
}

// wanted is what one tick wants of each model of the namespace.
func (s *story) wanted(ctx context.Context) (map[string]int, error) {
	r, err := s.forewarm.report(ctx)
	out := map[string]int{}
	for _, m := range r.Models {
		if n := m.Variants[0].Recommended; m.Namespace == s.ns && n != nil {
			out[m.Name] = *n
		}
	}
	return out, err
}

// A group of two pods with eight GPUs each is one replica to the HPA and to Forewarm, and groups come and go whole.
func TestLeaderWorkerSet(t *testing.T) {
	s := tell(t, "lws")
	s.check(s.lws())
	m := s.serve("llama", options{lws: true, variants: []variant{
		{name: "on-demand", replicas: 1, min: 1, max: 5, gpus: 16},
	}})
	target := "apiVersion: leaderworkerset.x-k8s.io/v1, kind: LeaderWorkerSet"
	s.apply(fmt.Sprintf(`
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: llama}
spec:
  scaleTargetRef: {%s, name: llama}
  minReplicas: 1
  maxReplicas: 5
  metrics: [%s]
%s`, target, strings.Replace(desiredOf("llama"), "apiVersion: apps/v1, kind: Deployment", target, 1), exactly))
	m.turn(16) // three carry it; what is expected of a load that came just now may ask for a fourth
	s.eventually(3*time.Minute, "at least three groups serve, whole, as many as Forewarm wants", func(ctx context.Context) error {
		n, err := s.groups(ctx, "llama")
		if err == nil && n < 3 {
			err = fmt.Errorf("there are %d", n)
		}
		return errors.Join(err, m.follows(ctx, n))
	})
	s.hpaCondition(30*time.Second, "llama", "ScalingActive", "True", "ValidMetricFound")
	m.turn(0)
	s.eventually(4*time.Minute, "one group is left, whole", func(ctx context.Context) error {
		n, err := s.groups(ctx, "llama")
		if err == nil && n != 1 {
			err = fmt.Errorf("there are %d", n)
		}
		return err
	})
}
