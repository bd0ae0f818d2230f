package policy

import (
	"testing"
	"time"
)

func TestPrefixHitIsFrozenWhileCachesRefill(t *testing.T) {
	m := scene{}.model()
	look := func(minute, ready int, uncached, cached float64) Input {
		in := tick{running: 4, output: 600, completions: 2, replicas: ready}.input(m, noon.Add(time.Duration(minute)*time.Minute))
		in.Signals.Pods[0].PromptTokens = Seen(uncached, 0)
		if cached >= 0 {
			in.Signals.Pods[0].CachedTokens = Seen(cached, 0)
		}
		return in
	}
	for name, tc := range map[string]struct {
		ready            int // after an hour of 4
		uncached, cached float64
		minutes          int
		low, high        float64 // uncached prompt tokens per request
	}{
		"nothing changed: what is measured":            {4, 1600, 400, 4, 230, 280},
		"scaled up, caches cold: as before":            {5, 1800, 200, 4, 199, 201},
		"scaled down, prefixes spread anew: as before": {3, 1800, 200, 4, 199, 201},
		"longer prompts are learned all the same":      {5, 3600, 400, 4, 210, 240},
		"after the refill what is measured counts":     {5, 1600, 400, 60, 550, 790},
		"an engine that tells no hits has none":        {5, 2000, -1, 4, 999, 1001},
	} {
		t.Run(name, func(t *testing.T) {
			l, uncached, cached := Learned{}, 400.0, 1600.0
			if tc.cached < 0 {
				uncached, cached = tc.uncached, tc.cached
			}
			for i := range 60 {
				l = Observe(m, l, look(i, 4, uncached, cached))
			}
			for i := range tc.minutes {
				l = Observe(m, l, look(60+i, tc.ready, tc.uncached, tc.cached))
			}
			if got := WorkPerRequest(l).PromptTokens; got < tc.low || got > tc.high {
				t.Errorf("want %g to %g uncached prompt tokens per request, got %g", tc.low, tc.high, got)
			}
		})
	}
}

func TestShrinkPredictsTheCachesThatAreLeft(t *testing.T) {
	for name, tc := range map[string]struct {
		requests float64 // of 100 prompt tokens, half of them cached; a replica computes 100 a second
		kv       float64 // per pod; below zero = unknown
		hitless  bool
		want     int
		why      WhyCode
	}{
		"three would carry it with the caches of four": {5.8, 0.6, false, 0, "keep-cache"},
		"three carry it with their own":                {4.7, 0.6, false, 1, ""},
		"caches have room: hits stay":                  {5.8, 0.2, false, 1, ""},
		"room unknown is none":                         {5.8, -1, false, 0, "keep-cache"},
		"three would not carry it anyway":              {6.2, 0.6, false, 0, ""},
		"hits unknown: work as it is measured":         {5.8, 0.6, true, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := &draft{
				m: Model{Variants: []Variant{{Min: 1, Max: 9}}}, caps: []Capacity{{PromptTokens: 100}},
				counts: []int{4}, floors: []int{0}, order: []int{0},
			}
			d.l.Request = Request{Asked: 1000, Prompt: 500, Prompted: 10}
			if tc.hitless {
				d.l.Request.Asked = 500
			}
			for range 4 {
				p := Pod{KV: Seen(tc.kv, 0)}
				if tc.kv < 0 {
					p.KV = Reading{}
				}
				d.in.Signals.Pods = append(d.in.Signals.Pods, p)
			}
			d.census = takeCensus(&d.in)
			got, why := d.spare(Work{Requests: tc.requests, PromptTokens: 50 * tc.requests})[0], WhyCode("")
			if len(d.steps) > 0 {
				why = d.steps[0].Why
			}
			if got != tc.want || why != tc.why {
				t.Errorf("want %d released (%q), got %d (%q)", tc.want, tc.why, got, why)
			}
		})
	}
}
