package signals

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/forewarm/forewarm/policy"
)

// flowPod adds what arrivals are made of: running, waiting, completed.
func (s *story) flowPod(pod string, running, waiting, completed []float64) *story {
	return s.
		pod(pod, "vllm:num_requests_running{model_name=m}", running...).
		pod(pod, "vllm:num_requests_waiting{model_name=m}", waiting...).
		pod(pod, "vllm:request_success_total{model_name=m}", completed...)
}

var noRequests = counting(0, 0)

// TestArrivalStories counts over the scrapes at 15 s to 120 s: 105 s.
func TestArrivalStories(t *testing.T) {
	for name, tc := range map[string]struct {
		story *story
		want  float64 // requests within 105 s; negative = unknown
	}{
		"steady: what leaves has come": {
			newStory().flowPod("a", counting(3, 0), noRequests, counting(50, 10)), 70,
		},
		"a queue that builds up is demand that nobody has completed": {
			newStory().flowPod("a", counting(8, 0), counting(0, 5), counting(50, 2)), 14 + 35,
		},
		"a queue that drains is no demand": {
			newStory().flowPod("a", counting(8, 0), []float64{80, 80, 70, 60, 50, 40, 30, 20, 10}, counting(50, 10)), 0,
		},
		"the clamp is over the whole, not by pod": {
			newStory().flowPod("a", counting(3, 0), noRequests, counting(50, 10)).
				flowPod("b", counting(3, 0), []float64{30, 30, 20, 10, 0, 0, 0, 0, 0}, counting(50, 0)), 70 - 30,
		},
		"more leaves than came: never negative": {
			newStory().flowPod("a", []float64{9, 9, 8, 7, 6, 5, 4, 3, 2}, noRequests, counting(50, 0)), 0,
		},
		"a pod that vanished with work in flight is no negative demand": {
			newStory().flowPod("a", counting(3, 0), noRequests, counting(50, 10)).
				flowPod("b", until(5, 0, 1, 3, 5, 7, 7, 7, 7, 7), until(5, 0), until(5, 50)).up("b", "up", until(5, 1)...),
			70 + 6,
		},
		"a pod that appears counts from its first scrape": {
			newStory().flowPod("a", counting(3, 0), noRequests, counting(50, 10)).
				flowPod("b", since(5, 0, 0, 0, 0, 0, 4, 4, 4, 4), since(5, 0), since(5, counting(1e6, 2)...)).
				up("b", "up", since(5, 1)...),
			70 + 6,
		},
		"a restart loses what was in flight, and that is no negative demand": {
			newStory().flowPod("a", []float64{6, 6, 6, 6, 2, 2, 2, 2, 2}, noRequests,
				[]float64{500, 510, 520, 530, 3, 5, 7, 9, 11}), 20 + 3 + 2 + 8, // before; by the restart's scrape; after
		},
		"a counter's first sample explains the fall of what was in flight, no more": {
			newStory().flowPod("a", []float64{0, 0, 5, 5, 0, 0, 0, 0, 0}, noRequests, since(4, 5)), 5,
		},
		"a counter that was merely hidden is no spike": {
			newStory().flowPod("a", counting(5, 0), noRequests, since(4, 1e6)), 0,
		},
		"nobody has ever called": {
			newStory().flowPod("a", noRequests, noRequests, since(9, 0)), 0,
		},
		"nothing reports": {newStory(), -1},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := NewEvaluator(DefaultOptions()).Signals(engineBinding("vllm", "m"), tc.story.window(), storyAt, nil)
			if tc.want < 0 {
				if got.Arrivals.Known {
					t.Errorf("want unknown, got %+v", got.Arrivals)
				}
				return
			}
			requests := got.Arrivals.Value * 105
			if !got.Arrivals.Known || math.Abs(requests-tc.want) > 1e-9 || got.ArrivalSource != policy.FromCompletions {
				t.Errorf("want %g requests in 105 s, got %g (%+v, %q)", tc.want, requests, got.Arrivals, got.ArrivalSource)
			}
		})
	}
}

// TestArrivalsConserveRequests plays random traffic on random pods, which appear,
// vanish and restart: no request that arrived at a pod between its scrapes is lost
// or invented.
func TestArrivalsConserveRequests(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, want := newStory(), 0.0
		for i := range rapid.IntRange(1, 4).Draw(t, "pods") {
			born, dies, restarts := 0, storyScrapes, -1
			if i > 0 { // the first pod is always there, so that the time is the whole window
				born = rapid.IntRange(0, 4).Draw(t, "born")
				if rapid.Bool().Draw(t, "does vanish") { // one that lags by a scrape or two is taken to go on
					dies = rapid.IntRange(born+2, 6).Draw(t, "dies")
				}
			}
			if rapid.Bool().Draw(t, "does restart") {
				restarts = rapid.IntRange(born+1, storyScrapes).Draw(t, "restarts")
			}
			arrived := s.randomPod(t, fmt.Sprintf("p%d", i), born, dies, restarts)
			want += arrived
		}
		got, _ := NewEvaluator(DefaultOptions()).Signals(engineBinding("vllm", "m"), s.window(), storyAt, nil)
		if requests := got.Arrivals.Value * 105; !got.Arrivals.Known || math.Abs(requests-want) > 1e-6 {
			t.Fatalf("want %g requests in 105 s, got %g", want, requests)
		}
	})
}

// randomPod plays one pod and returns the requests that arrived between its first
// and last scrape within the window (the scrape at 0 s is outside).
func (s *story) randomPod(t *rapid.T, name string, born, dies, restarts int) float64 {
	running, waiting := since(storyScrapes, 0), since(storyScrapes, 0)
	completed, up := since(storyScrapes, 0), since(storyScrapes, 0)
	arrived, inFlight, done := 0.0, 0.0, 10_000.0
	for i := born; i < dies; i++ {
		if i == restarts {
			inFlight, done = 0, 0
		}
		come := rapid.IntRange(0, 20).Draw(t, "come")
		inFlight += float64(come)
		leave := float64(rapid.IntRange(0, int(inFlight)).Draw(t, "leave"))
		inFlight, done = inFlight-leave, done+leave
		if i > max(born, 1) {
			arrived += float64(come)
		}
		running[i] = math.Min(inFlight, 8)
		waiting[i], completed[i], up[i] = inFlight-running[i], done, 1
	}
	s.flowPod(name, running, waiting, completed).up(name, UpSeries, up...)
	return arrived
}

func TestGatewayStories(t *testing.T) {
	const epp = "{namespace=gw,job=epp,target_model_name=m,model_name=m}"
	bind := func(preset string, match map[string]string) Binding {
		b := engineBinding("vllm", "m")
		b.Gateway = &GatewayBinding{Preset: preset, Match: match}
		return b
	}
	eppBinding := bind("llm-d-epp", nil)
	endpoints := func(s *story) *story {
		return s.pod("epp", "llm_d_epp_ready_endpoints{namespace=gw,job=epp,name=pool}", 1)
	}
	keda := bind("keda-http-add-on", map[string]string{"route_name": "m"})
	for name, tc := range map[string]struct {
		story           *story
		binding         Binding
		expected        []string
		queue, arrivals string
		source          policy.ArrivalSource
		partial         bool
		faults          []string
	}{
		"a gateway counter is preferred to completions": {
			story: endpoints(newStory()).vllmPod("a").
				pod("epp", "llm_d_epp_request_total"+epp, counting(100, 30)...).
				pod("epp", "llm_d_epp_flow_control_queue_size"+epp, 4).up("epp", "up{namespace=gw,job=epp}", 1),
			binding: eppBinding, queue: "4", arrivals: "2", source: policy.FromGateway,
		},
		"never called and the gateway is up: a proven zero": {
			story:   endpoints(newStory()).up("epp", "up{namespace=gw,job=epp}", 1),
			binding: eppBinding, expected: []string{}, queue: "0", arrivals: "0", source: policy.FromGateway,
		},
		"never called and the gateway is down: not known": {
			story:   endpoints(newStory()).up("epp", "up{namespace=gw,job=epp}", 1, 1, 1, 1, 1, 1, 1, 1, 0),
			binding: eppBinding, expected: []string{}, queue: "?", arrivals: "?", partial: true,
			faults: []string{"series-absent arrivals", "series-absent queue", "target-down"},
		},
		"a gateway that has gone away is no idle gateway": {
			story: newStory().vllmPod("a").
				pod("epp", "llm_d_epp_request_total"+epp, until(4, counting(100, 30)...)...).
				up("epp", "up{namespace=gw,job=epp}", until(4, 1)...),
			binding: eppBinding, queue: "?", arrivals: "0.06667", source: policy.FromCompletions, partial: true,
			faults: []string{"series-absent arrivals", "series-absent queue"},
		},
		"one of two gateways silent about the model does not matter while the other speaks": {
			story: endpoints(newStory()).
				pod("epp2", "llm_d_epp_request_total"+epp, counting(100, 30)...).
				pod("epp2", "llm_d_epp_flow_control_queue_size"+epp, 1).
				up("epp", "up{namespace=gw,job=epp}", 1).up("epp2", "up{namespace=gw,job=epp}", 1),
			binding: eppBinding, expected: []string{}, queue: "1", arrivals: "2", source: policy.FromGateway,
		},
		"what the engines have is not held in front of them": {
			story: newStory().vllmPod("a").
				pod("icp", "interceptor_request_concurrency{namespace=keda,route_name=m,route_namespace=llm}", 9).
				pod("icp", "interceptor_request_count_total{namespace=keda,route_name=m,route_namespace=llm}",
					counting(0, 15)...).up("icp", "up{namespace=keda}", 1),
			binding: keda, queue: "4", arrivals: "1", source: policy.FromGateway, // 9 - 2 waiting - 3 running
		},
		"an engine that is silent makes the queue too large, and it says so": {
			story: newStory().vllmPod("a").
				pod("icp", "interceptor_request_concurrency{namespace=keda,route_name=m,route_namespace=llm}", 9).
				pod("icp", "interceptor_request_count_total{namespace=keda,route_name=m,route_namespace=llm}",
					counting(0, 15)...).up("icp", "up{namespace=keda}", 1),
			binding: keda, expected: []string{"a", "b"}, queue: "4", arrivals: "1", source: policy.FromGateway,
			partial: true, faults: []string{"pod-missing"},
		},
		"a counter of ended responses is completed by what the engines took up": {
			story: newStory().
				flowPod("a", counting(0, 7), noRequests, counting(0, 15)).
				pod("gw", "istio_requests_total{namespace=in,reporter=source,destination_service_name=m,"+
					"destination_service_namespace=llm}", counting(0, 15)...).
				pod("gw", "istio_requests_total{namespace=in,reporter=destination,destination_service_name=m,"+
					"destination_service_namespace=llm}", counting(0, 15)...).up("gw", "up{namespace=in}", 1),
			binding: bind("istio", map[string]string{"destination_service_name": "m"}),
			queue:   "?", arrivals: "1.467", source: policy.FromGateway, // (15 + 7) / 15
			faults: []string{"series-absent kv"},
		},
		"what died with a pod has ended, as the gateway saw: no demand": {
			story: newStory().flowPod("a", counting(3, 0), noRequests, counting(0, 0)).
				flowPod("b", until(5, 21), until(5, 0), until(5, 0)).up("b", "up", until(5, 1)...).
				pod("gw", "istio_requests_total{namespace=in,reporter=source,destination_service_name=m}",
					0, 0, 0, 0, 0, 21, 21, 21, 21).up("gw", "up{namespace=in}", 1),
			binding: bind("istio", map[string]string{"destination_service_name": "m"}),
			queue:   "?", arrivals: "0", source: policy.FromGateway, faults: []string{"series-absent kv"},
		},
		"gateway samples that are too old are stale": {
			story: endpoints(newStory()).vllmPod("a").
				pod("epp", "llm_d_epp_request_total"+epp, until(2, counting(100, 30)...)...).
				pod("epp", "llm_d_epp_flow_control_queue_size"+epp, until(2, 4)...).
				up("epp", "up{namespace=gw,job=epp}", 1, 1, 0, 0, 0, 0, 0, 0, 0),
			binding: eppBinding, queue: "?", arrivals: "0.06667", source: policy.FromCompletions, partial: true,
			faults: []string{"series-stale arrivals", "series-stale queue", "target-down"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, faults := NewEvaluator(DefaultOptions()).Signals(tc.binding, tc.story.window(), storyAt, tc.expected)
			if q := shown(got.GatewayQueue); q != tc.queue {
				t.Errorf("queue: want %s, got %s", tc.queue, q)
			}
			if a := shown(got.Arrivals); a != tc.arrivals || got.ArrivalSource != tc.source {
				t.Errorf("arrivals: want %s from %q, got %s from %q", tc.arrivals, tc.source, a, got.ArrivalSource)
			}
			if got.Partial != tc.partial {
				t.Errorf("partial: want %v, got %v", tc.partial, got.Partial)
			}
			ignore := map[string]bool{
				"series-absent promptTokens": true, "series-absent outputTokens": true, // stories that tell no tokens
			}
			var seen []string
			for _, c := range faultCodes(faults) {
				if !ignore[c] {
					seen = append(seen, c)
				}
			}
			if diff := cmp.Diff(tc.faults, seen, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("faults (-want +got):\n%s\n%v", diff, faults)
			}
		})
	}
}

func TestFaultsNameTheTarget(t *testing.T) {
	b := engineBinding("vllm", "m")
	b.Gateway = &GatewayBinding{Preset: "llm-d-epp"}
	w := newStory().pod("epp", "llm_d_epp_ready_endpoints{namespace=gw,job=epp,name=pool}", 1).
		up("epp", "up{namespace=gw,job=epp}", 0).window()
	_, faults := NewEvaluator(DefaultOptions()).Signals(b, w, storyAt, []string{})
	for _, f := range faults {
		if f.Code == FaultTargetDown && f.Object == "gw/epp/epp/epp:8000" {
			return
		}
	}
	t.Errorf("want the target named, got %v", faults)
}

// BenchmarkEvaluate reads a fleet of 2000 models with four pods each.
func BenchmarkEvaluate(b *testing.B) {
	s := newStory()
	const models = 2000
	bindings := make([]Binding, models)
	for i := range bindings {
		name := fmt.Sprintf("m%d", i)
		bindings[i] = engineBinding("vllm", name)
		for p := range 4 {
			pod := fmt.Sprintf("%s-%d", name, p)
			label := "{model_name=" + name + ",engine=0}"
			s.pod(pod, "vllm:num_requests_waiting"+label, 2).pod(pod, "vllm:num_requests_running"+label, 3).
				pod(pod, "vllm:kv_cache_usage_perc"+label, 0.5).
				pod(pod, "vllm:request_success_total"+label, counting(10, 1)...).
				pod(pod, "vllm:prompt_tokens_total"+label, counting(10, 1)...).
				pod(pod, "vllm:generation_tokens_total"+label, counting(10, 1)...).up(pod, UpSeries, 1)
		}
	}
	w := s.w
	e := NewEvaluator(DefaultOptions())
	e.Signals(bindings[0], w, storyAt, nil) // the index is built once
	step := 0
	b.ReportAllocs()
	for b.Loop() {
		step++
		for i := range bindings {
			e.Signals(bindings[i], w, storyAt.Add(time.Duration(step)*time.Millisecond), nil)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/tick")
}
