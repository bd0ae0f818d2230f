package integration

import (
	"fmt"
	"time"
)

// blindStories are of models that Prometheus no longer sees, or sees in part.
var blindStories = map[string]story{
	"a model gone silent is held, visible, and hides nobody": {
		fleet: func(f *fleet) *scene { return f.add("silent", 2, 2, steady()) },
		happens: func(s *scene) {
			for _, p := range s.pods {
				p.kill()
			}
		},
		check: func(s stage) {
			s.prom.waitFor(s.T, soon, fmt.Sprintf(`count(up{namespace=%q} == 0) == 2`, s.name))
			s.prom.waitFor(s.T, soon, unheard(s.name))
			out, r := recommend(s.T, "--config", impatient(s.T, s.prom))
			r.want(s.T, exitOK) // others have answers, and so has a held row
			m := out.model(s.T, s.name)
			v := m.only(s.T)
			notLowered(s.T, v, 2)
			if v.State == "ok" || !m.Partial || !m.blind() {
				s.Errorf("nothing is known of a silent model, got %s", m)
			}
			for _, p := range s.pods {
				if !m.faulty(p.name) {
					s.Errorf("want a fault that names %s, got %s", p.name, text(&m.Faults))
				}
			}
			if calm := out.model(s.T, "calm").only(s.T); calm.String() != "2 now, 2 recommended, ok" {
				s.Errorf("calm: want 2 now, 2 recommended, ok; got %s", calm)
			}
			table := forewarm(s.T, "recommend", "--config", impatient(s.T, s.prom))
			says(s.T, "table", lineOf(table.stdout, s.name), "hold")
			says(s.T, "table", lineOf(table.stdout, "calm"), "calm", "req/s")
		},
	},
	"a stale target is not believed": {
		fleet: func(f *fleet) *scene { return f.add("stale", 2, 2, steady()) },
		happens: func(s *scene) {
			for _, p := range s.pods {
				p.hang()
			}
		},
		check: func(s stage) {
			s.prom.waitFor(s.T, soon, fmt.Sprintf(`count(up{namespace=%q} == 0) == 2`, s.name))
			s.prom.waitFor(s.T, soon, unheard(s.name))
			out, _ := recommend(s.T, "--config", impatient(s.T, s.prom))
			m := out.model(s.T, s.name)
			notLowered(s.T, m.only(s.T), 2)
			if !m.blind() {
				s.Errorf("samples older than %s are unknown, got %s", maxAge, m)
			}
			for _, sig := range m.Signals {
				if sig.Pod != "" && (sig.State == "fresh" || sig.Value != nil) {
					s.Errorf("%s of %s: want it not fresh, got %s, %s", sig.Name, sig.Pod, sig.State, text(sig.Value))
				}
			}
			for _, p := range s.pods {
				if !m.faulty(p.name) {
					s.Errorf("want a fault that names %s, got %s", p.name, text(&m.Faults))
				}
			}
		},
	},
	"a target that is up and repeats old samples is not believed": {
		fleet: func(f *fleet) *scene {
			l := steady()
			l.stamped = true
			return f.add("frozen", 1, 1, l)
		},
		happens: func(s *scene) { s.pods[0].freeze() },
		check: func(s stage) {
			// No staleness mark is written here: an instant query still answers.
			s.prom.waitFor(s.T, soon, unheard(s.name))
			s.prom.waitFor(s.T, soon, fmt.Sprintf(`vllm:num_requests_running{namespace=%q}`, s.name))
			s.prom.waitFor(s.T, soon, fmt.Sprintf(`up{namespace=%q} == 1`, s.name))
			out, _ := recommend(s.T, "--config", impatient(s.T, s.prom))
			m := out.model(s.T, s.name)
			notLowered(s.T, m.only(s.T), 1)
			if !m.blind() || !m.Hold {
				s.Errorf("samples older than %s are unknown, got %s", maxAge, m)
			}
		},
	},
	"one of two pods missing may not lower": {
		fleet: func(f *fleet) *scene {
			return f.add("half", 2, 1, load{running: 1, kv: 0.1, requests: 0.5, prompt: 100, output: 100, ttft: 0.1})
		},
		check: func(s stage) {
			out, r := recommend(s.T, "--prometheus", s.prom.url)
			r.want(s.T, exitOK)
			m := out.model(s.T, s.name)
			if v := m.only(s.T); v.String() != "2 now, 2 recommended, hold" || !m.Partial || !m.Hold {
				s.Errorf("want 2 now, 2 recommended, hold; got %s, partial %t: %s", v, m.Partial, v.Why)
			}
			missing := podName(s.name, 1)
			if !m.faulty(missing) {
				s.Errorf("want a fault that names %s, got %s", missing, text(&m.Faults))
			}
			explained := forewarm(s.T, "recommend", "--prometheus", s.prom.url, "--explain", s.name+"/"+m.Name)
			explained.want(s.T, exitOK)
			says(s.T, "explanation", explained.stdout, missing, "may rise but not fall")
		},
	},
	"one of two pods missing may raise": {
		fleet: func(f *fleet) *scene { return f.add("half-hot", 2, 1, overloaded()) },
		check: func(s stage) {
			out, _ := recommend(s.T, "--prometheus", s.prom.url)
			m := out.model(s.T, s.name)
			if v := m.only(s.T); v.Recommended == nil || *v.Recommended <= 2 || !m.Partial {
				s.Errorf("want more than 2 although partial, got %s, partial %t: %s", v, m.Partial, v.Why)
			}
		},
	},
}

// unheard waits until the newest sample of a namespace is older than maxAge, with
// room for the clock that ticks are aligned to.
func unheard(namespace string) string {
	return fmt.Sprintf(`time() - max(max_over_time(timestamp(vllm:num_requests_running{namespace=%q})[15m:1s])) > %g`,
		namespace, (maxAge + 3*time.Second).Seconds())
}
