//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/internal/sim/fluid"
	"github.com/forewarm/forewarm/internal/sim/rival"
)

// What the simulator says of HPA and KEDA is what they do: the same numbers, in real time, give the same replicas one
// after another, and each change comes within a sync of the simulator's.
func TestSimulatorIsTrue(t *testing.T) {
	t.Parallel()
	const target = 5
	for name, tc := range map[string]struct {
		warmUp time.Duration
		scale  func(s *story, m *model)
		value  func(s *story) func(context.Context) (float64, error)
		rule   func() func(now time.Time, spec, ready int, v float64) int
	}{
		"an HPA on an Object metric": {
			scale: func(s *story, _ *model) {
				s.hpa("llama", 1, 20, `{type: Object, object: {describedObject: {apiVersion: apps/v1, kind: Deployment, name: llama}, `+
					`metric: {name: inference_pending_requests}, target: {type: AverageValue, averageValue: '5'}}}`, "")
			},
			value: objectValue,
			rule: func() func(time.Time, int, int, float64) int {
				r := sim.NewReactive(target, 1, 20)
				return func(now time.Time, spec, _ int, v float64) int { return r.Sync(now, spec, spec, v) }
			},
		},
		"an HPA on a Pods metric, with pods that load": {
			warmUp: 8 * time.Second,
			scale: func(s *story, _ *model) {
				s.hpa("llama", 1, 20, podsMetric("inference_pending_requests", "5"), "")
			},
			value: objectValue,
			rule: func() func(time.Time, int, int, float64) int {
				r := sim.NewReactive(target, 1, 20)
				return func(now time.Time, spec, ready int, v float64) int { return r.Sync(now, spec, ready, v) }
			},
		},
		"KEDA on the queue": {
			scale: func(s *story, m *model) {
				s.needKEDA()
				s.scaledObject("llama", scaled{low: 1, high: 20, cooldown: 5, plain: true, triggers: prometheusTrigger(s, m, target)})
			},
			value: func(s *story) func(context.Context) (float64, error) {
				return func(ctx context.Context) (float64, error) {
					v, _, err := s.prom.value(ctx, fmt.Sprintf(`sum(vllm:num_requests_waiting{model_name="%s/llama"})`, s.ns))
					return v, err
				}
			},
			rule: func() func(time.Time, int, int, float64) int {
				r, err := rival.New("keda-queue", target, nil)
				if err != nil {
					panic(err)
				}
				tick := 0
				return func(now time.Time, spec, ready int, v float64) int {
					tick++
					return min(20, r.Decide(&fluid.Observation{
						Tick: tick, Now: now, Spec: spec, Ready: ready, Engines: fluid.Engines{Pods: ready, Pending: v},
					}))
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := tell(t, "truth-"+slug(name))
			m := s.serve("llama", options{warmUp: tc.warmUp})
			m.say(2)
			s.ready(time.Minute, "llama", 1)
			s.keepFirst()
			tc.scale(s, m)
			s.wait(15 * time.Second)
			seen := s.record(tc.value(s), m, []int{12, 27, 14, 62, 3})
			s.compare(seen, tc.warmUp, tc.rule)
		})
	}
}

// keepFirst makes the only pod the last to go: it is the one that tells of the queue.
func (s *story) keepFirst() {
	s.Helper()
	pods, err := s.Client.CoreV1().Pods(s.ns).List(s.Context(), metav1.ListOptions{})
	s.check(err)
	s.check(s.patch(s.Context(), s.ns, "Pod", pods.Items[0].Name,
		`{"metadata":{"annotations":{"controller.kubernetes.io/pod-deletion-cost":"1000"}}}`))
}

func slug(name string) string {
	out := []byte(name)
	for i, c := range out {
		if c >= 'A' && c <= 'Z' {
			out[i] = c + 'a' - 'A'
		} else if c < 'a' || c > 'z' {
			out[i] = '-'
		}
	}
	return strings.Trim(string(out[:min(len(out), 30)]), "-")
}

// objectValue is the sum that an HPA on our metric sees.
func objectValue(s *story) func(context.Context) (float64, error) {
	return func(ctx context.Context) (float64, error) {
		items, err := s.custom(ctx, "/deployments.apps/llama/inference_pending_requests")
		return items["llama"], err
	}
}

// input is what the autoscaler saw from a moment on; a value below zero is an error.
type input struct {
	at    time.Time
	value float64
}

// syncPeriod is the controller manager's, in test/plane.
const syncPeriod = 2 * time.Second

// record says one number after another and notes when the autoscaler could see it. The last one stays for longer
// than the five minutes that an HPA waits before it shrinks.
func (s *story) record(value func(context.Context) (float64, error), m *model, numbers []int) []input {
	s.Helper()
	var seen []input
	note := func(d time.Duration) {
		for end := time.Now().Add(d); time.Now().Before(end); s.wait(100 * time.Millisecond) {
			v, err := value(s.Context())
			if err != nil {
				v = -1 // an error, on which an autoscaler holds
			}
			if len(seen) == 0 || seen[len(seen)-1].value != v {
				seen = append(seen, input{time.Now(), v})
			}
		}
	}
	note(time.Second)
	for _, n := range numbers {
		m.say(n)
		note(20 * time.Second)
	}
	note(5*time.Minute + 10*time.Second)
	return seen
}

// compare runs the simulator's rule on the inputs, with every phase that the real sync may have had, and wants the same
// replicas, each change within a sync of the real one.
func (s *story) compare(seen []input, warmUp time.Duration, rule func() func(time.Time, int, int, float64) int) {
	s.Helper()
	actual := since(s.of(s.ns, "llama"), seen[0].at)
	best := time.Hour
	var sequence []int
	for phase := time.Duration(0); phase < syncPeriod; phase += 100 * time.Millisecond {
		simulated := simulate(seen, actual[0].spec, phase, warmUp, rule())
		sequence = specs(simulated)
		if slices.Equal(sequence, specs(actual)) {
			best = min(best, furthest(simulated, actual))
		}
	}
	s.Logf("inputs %v\nreal      %v\nsimulated %v\nfurthest apart %s", seen, specs(actual), sequence, best)
	if best > syncPeriod {
		s.Errorf("want the simulator's replicas within a sync of the real ones: real %v, simulated %v, apart %s",
			specs(actual), sequence, best)
		return
	}
	summary.measured("simulator and reality, %s: replicas %v in both, changes within %.1f s", s.Name(), sequence, best.Seconds())
}

// simulate is the course that a rule gives on what was seen. What is ordered is ready a warm-up later; the youngest go
// first.
func simulate(seen []input, spec int, phase, warmUp time.Duration,
	rule func(time.Time, int, int, float64) int,
) []point {
	out := []point{{seen[0].at, spec, 0}}
	born := make([]time.Time, spec)
	end := seen[len(seen)-1].at.Add(5*time.Minute + 20*time.Second)
	i := 0
	for at := seen[0].at.Add(phase); at.Before(end); at = at.Add(syncPeriod) {
		for i+1 < len(seen) && !seen[i+1].at.After(at) {
			i++
		}
		ready := 0
		for _, b := range born {
			if at.Sub(b) >= warmUp {
				ready++
			}
		}
		if seen[i].value < 0 {
			continue
		}
		n := rule(at, spec, ready, seen[i].value)
		if n == spec {
			continue
		}
		for len(born) < n {
			born = append(born, at)
		}
		born, spec = born[:n], n
		out = append(out, point{at, n, 0})
	}
	return out
}

// furthest is the largest distance of the same change in two courses.
func furthest(a, b []point) time.Duration {
	change := func(all []point) []time.Time {
		var out []time.Time
		for i := 1; i < len(all); i++ {
			if all[i].spec != all[i-1].spec {
				out = append(out, all[i].at)
			}
		}
		return out
	}
	x, y := change(a), change(b)
	most := time.Duration(0)
	for i := range x {
		most = max(most, x[i].Sub(y[i]).Abs())
	}
	return most
}
