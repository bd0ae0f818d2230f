package policy

import (
	"testing"

	"pgregory.net/rapid"
)

// A capacity may be configured in a dimension in which nothing is known of requests. It is no leave to release.
func TestCapacityThatSaysNothingOfRequests(t *testing.T) {
	late := with(3, scene{arrivals: 100, running: 96, pending: 900, queue: 500, completed: 9, ttft: 60, flew: 1496, maxReplicas: 100})
	served := late
	served.service = 10
	busy := with(12, scene{arrivals: 100, maxReplicas: 100})
	counted := with(3, scene{arrivals: 10})
	counted.service = 2
	for name, tc := range map[string]struct {
		scene
		capacity Capacity
		tokens   float64 // of output, per request; 0 = not known
		want     int
		says     WhyCode
	}{
		"output tokens of an engine that counts none":       {busy, Capacity{OutputTokens: 1280}, 0, 50, "capacity-unbound"},
		"prompt tokens of one":                              {busy, Capacity{PromptTokens: 8000}, 0, 50, "capacity-unbound"},
		"prompt tokens where only output is counted":        {busy, Capacity{PromptTokens: 8000}, 64, 9, "capacity-unbound"},
		"output tokens that are counted":                    {busy, Capacity{OutputTokens: 1280}, 128, 10, "capacity-configured"},
		"requests in flight, for how long is known":         {served, Capacity{Concurrency: 32}, 0, 57, "capacity-in-flight"},
		"requests in flight, for how long is not known":     {late, Capacity{Concurrency: 32}, 0, 90, "capacity-unbound"},
		"and while nothing is wrong":                        {counted, Capacity{Concurrency: 8}, 0, 3, "capacity-in-flight"},
		"requests in flight beside tokens that are counted": {busy, Capacity{OutputTokens: 1280, Concurrency: 32}, 128, 10, "capacity-configured"},
		"requests in flight beside tokens that are not":     {served, Capacity{OutputTokens: 1280, Concurrency: 32}, 0, 57, "capacity-in-flight"},
		"requests, whatever is known of tokens":             {busy, Capacity{Requests: 10}, 128, 10, "capacity-configured"},
	} {
		t.Run(name, func(t *testing.T) {
			m, l := tc.model(), tc.learned()
			m.Variants[0].Capacity = tc.capacity
			if tc.tokens > 0 {
				l.Request.Count, l.Request.Output, l.Request.Settled = 1000, 1000*tc.tokens, true
			}
			p := Propose(m, l, tc.input(), tc.forecast(t))
			if p.Variants[0].Want != tc.want || !said(p.Steps, tc.says) {
				t.Errorf("wants %d, want %d; %v", p.Variants[0].Want, tc.want, codes(p.Steps))
			}
		})
	}
}

// TestCapacityIsNeverInfinite: whichever dimensions are configured and whatever is known of requests, a replica carries so
// many, and what is wanted carries the load now or is the maximum.
func TestCapacityIsNeverInfinite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anyScene(t)
		s.service = rapid.SampledFrom([]float64{0, 0.5, 20}).Draw(t, "service")
		dim := func(name string, of float64) float64 {
			return rapid.SampledFrom([]float64{0, of, 10 * of}).Draw(t, name)
		}
		m, l := s.model(), s.learned()
		c := Capacity{dim("requests", 1), dim("prompt", 1000), dim("output", 500), dim("concurrency", 8)}
		m.Variants[0].Capacity, m.Variants[0].CapacityFixed = c, c != Capacity{}
		if rapid.Bool().Draw(t, "tokens") {
			l.Request.Count, l.Request.Output, l.Request.Settled = 1000, 300_000, true
		}
		if rapid.Bool().Draw(t, "prompts") {
			l.Request.Prompted, l.Request.Prompt = 1000, 900_000
		}
		plan, _ := PlanCapacity(m, l, 0)
		per := plan.carries(WorkPerRequest(l))
		if per <= 0 {
			t.Fatalf("a replica configured as %+v carries any number of requests", c)
		}
		p := Propose(m, l, s.input(), s.forecast(t))
		want, most := p.Variants[0].Want, p.Variants[0].Max
		if carries := float64(want) * per; !s.blind && s.starved == 0 && s.stepUp == 0 && s.tolerance == 0 && want < most && carries < s.arrivals-1e-6 {
			t.Fatalf("%d replicas carry %g of %g req/s: %v", want, carries, s.arrivals, codes(p.Steps))
		}
	})
}
