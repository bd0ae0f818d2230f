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
		look   func(s *story) looker
		rule   func() rule
	}{
		"an HPA on an Object metric": {
			scale: func(s *story, _ *model) {
				s.hpa("llama", 1, 20, `{type: Object, object: {describedObject: {apiVersion: apps/v1, kind: Deployment, name: llama}, `+
					`metric: {name: inference_pending_requests}, target: {type: AverageValue, averageValue: '5'}}}`, "")
			},
			look: objectValue,
			rule: func() rule {
				r := sim.NewReactive(target, 1, 20)
				return func(now time.Time, spec, _ int, in input) int { return r.Sync(now, spec, spec, in.value) }
			},
		},
		"an HPA on a Pods metric, with pods that load": {
			warmUp: 8 * time.Second,
			scale: func(s *story, _ *model) {
				s.hpa("llama", 1, 20, podsMetric("inference_pending_requests", "5"), "")
			},
			look: podsValue,
			rule: func() rule {
				r := sim.NewReactive(target, 1, 20)
				return func(now time.Time, spec, _ int, in input) int { return r.Sync(now, spec, in.pods, in.value) }
			},
		},
		"KEDA on the queue": {
			scale: func(s *story, m *model) {
				s.needKEDA()
				s.scaledObject("llama", scaled{low: 1, high: 20, cooldown: 5, plain: true, triggers: prometheusTrigger(s.prom.url, m, target)})
			},
			look: func(s *story) looker {
				return func(ctx context.Context) (float64, int, error) {
					v, _, err := s.prom.value(ctx, fmt.Sprintf(`sum(vllm:num_requests_waiting{model_name="%s/llama"})`, s.ns))
					return v, s.last(s.ns, "llama").ready, err
				}
			},
			rule: func() rule {
				r, err := rival.New("keda-queue", target, nil)
				if err != nil {
					panic(err)
				}
				tick := 0
				return func(now time.Time, spec, ready int, in input) int {
					tick++
					return min(20, r.Decide(&fluid.Observation{
						Tick: tick, Now: now, Spec: spec, Ready: ready, Engines: fluid.Engines{Pods: ready, Pending: in.value},
					}))
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := tell(t, "truth-"+slug(name))
			m := s.serve("llama", options{warmUp: tc.warmUp})
			m.say(2)
			s.ready("llama", 1)
			s.keepFirst()
			tc.scale(s, m)
			s.wait(15 * time.Second)
			seen, end := s.record(tc.look(s), m, []int{12, 27, 14, 62, 3})
			s.compare(seen, end, tc.warmUp, tc.rule)
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

// looker reads what the autoscaler sees: the sum of a metric, and how many pods have a part in it.
type looker func(context.Context) (sum float64, pods int, err error)

// rule is one sync of a simulated autoscaler.
type rule func(now time.Time, spec, ready int, in input) int

// objectValue is the sum that an HPA on our metric of an object sees; it is of all pods or of none.
func objectValue(s *story) looker {
	return func(ctx context.Context) (float64, int, error) {
		items, err := s.custom(ctx, "/deployments.apps/llama/inference_pending_requests")
		return items["llama"], s.last(s.ns, "llama").ready, err
	}
}

// podsValue is what an HPA on the metric of pods sees. A pod that is ready may have none yet.
func podsValue(s *story) looker {
	return func(ctx context.Context) (float64, int, error) {
		items, err := s.custom(ctx, "/pods/*/inference_pending_requests")
		sum := 0.0
		for _, v := range items {
			sum += v
		}
		return sum, len(items), err
	}
}

// input is what the autoscaler saw from a moment on.
type input struct {
	at     time.Time
	value  float64
	pods   int
	failed bool // it saw an error, on which it holds
}

// syncPeriod is the controller manager's, in test/plane.
const syncPeriod = 2 * time.Second

// record says one number after another and notes what the autoscaler could see. Each number stays for 20 s, and until
// all pods that were asked for are ready and tell of it; the last one until the five minutes have passed that an HPA
// waits before it shrinks. It returns when it stopped looking, too.
func (s *story) record(look looker, m *model, numbers []int) (seen []input, end time.Time) {
	s.Helper()
	note := func(within time.Duration, done func() bool) {
		for end := time.Now().Add(within); time.Now().Before(end); s.wait(100 * time.Millisecond) {
			v, pods, err := look(s.Context())
			in := input{time.Now(), v, pods, err != nil}
			if n := len(seen); n == 0 || seen[n-1].value != v || seen[n-1].pods != pods || seen[n-1].failed != in.failed {
				seen = append(seen, in)
			}
			if done() {
				return
			}
		}
	}
	note(time.Second, func() bool { return false })
	for _, n := range numbers {
		m.say(n)
		said := time.Now()
		note(2*time.Minute, func() bool {
			p, in := s.last(s.ns, "llama"), seen[len(seen)-1]
			whole := !in.failed && in.value == float64(n) && in.pods == p.spec && p.ready == p.spec
			return whole && time.Since(said) > 20*time.Second
		})
	}
	note(7*time.Minute, func() bool {
		p := s.last(s.ns, "llama")
		return p.spec == 1 && time.Since(p.at) > 2*syncPeriod
	})
	return seen, time.Now()
}

// compare runs the simulator's rule on the inputs, in every rhythm that the real syncs may have had (the controller
// manager counts its period from the end of a sync, so it is some milliseconds longer), and wants the same replicas, each
// change within a sync of the real one.
func (s *story) compare(seen []input, end time.Time, warmUp time.Duration, rule func() rule) {
	s.Helper()
	actual := since(s.of(s.ns, "llama"), seen[0].at)
	best := time.Hour
	var sequence []int
	for period := syncPeriod; period <= syncPeriod*21/20; period += time.Millisecond {
		for phase := time.Duration(0); phase < syncPeriod; phase += 100 * time.Millisecond {
			simulated := simulate(seen, end, actual[0].spec, rhythm{phase, period}, warmUp, rule())
			if sequence == nil || slices.Equal(specs(simulated), specs(actual)) {
				sequence = specs(simulated)
			}
			if slices.Equal(specs(simulated), specs(actual)) {
				best = min(best, furthest(simulated, actual))
			}
		}
	}
	s.Logf("inputs %s\nreal      %v\nsimulated %v\nfurthest apart %s", told(seen), specs(actual), sequence, best)
	if best > syncPeriod {
		s.Errorf("want the simulator's replicas within a sync of the real ones: real %v, simulated %v, apart %s",
			specs(actual), sequence, best)
		return
	}
	summary.measured("simulator and reality, %s: replicas %v in both, changes within %.1f s", s.Name(), sequence, best.Seconds())
}

// told is a text: seconds:sum/pods.
func told(seen []input) string {
	var b strings.Builder
	for _, in := range seen {
		at := in.at.Sub(seen[0].at).Seconds()
		if in.failed {
			fmt.Fprintf(&b, "%.1f:error ", at)
		} else {
			fmt.Fprintf(&b, "%.1f:%g/%d ", at, in.value, in.pods)
		}
	}
	return b.String()
}

// rhythm is when syncs are.
type rhythm struct{ phase, period time.Duration }

// simulate is the course that a rule gives on what was seen. What is ordered is ready a warm-up later; the youngest go
// first.
func simulate(seen []input, end time.Time, spec int, r rhythm, warmUp time.Duration, sync rule) []point {
	out := []point{{seen[0].at, spec, 0}}
	born := make([]time.Time, spec)
	i := 0
	for at := seen[0].at.Add(r.phase); at.Before(end); at = at.Add(r.period) {
		for i+1 < len(seen) && !seen[i+1].at.After(at) {
			i++
		}
		ready := 0
		for _, b := range born {
			if at.Sub(b) >= warmUp {
				ready++
			}
		}
		if seen[i].failed {
			continue
		}
		n := sync(at, spec, ready, seen[i])
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
