package integration

import (
	"math"
	"strings"
)

// oddStories are of exporters that say what cannot be.
var oddStories = map[string]story{
	"NaN and infinity never pass": {
		fleet: func(f *fleet) *scene {
			l := steady()
			l.running, l.waiting, l.kv = math.NaN(), math.NaN(), math.Inf(1)
			return f.add("not-a-number", 2, 2, l)
		},
		check: func(s stage) {
			out, r := recommend(s.T, "--prometheus", s.prom.url)
			m := out.model(s.T, s.name)
			notLowered(s.T, m.only(s.T), 2)
			if m.Running != nil || m.Pending != nil || m.KV != nil {
				s.Errorf("want running, pending and kv unknown, got %s, %s, %s",
					text(m.Running), text(m.Pending), text(m.KV))
			}
			for _, signal := range []string{"running", "pending", "kv"} {
				if !m.faulty(signal) {
					s.Errorf("want a fault about %s, got %s", signal, text(&m.Faults))
				}
			}
			r = forewarm(s.T, "recommend", "--prometheus", s.prom.url, "-o", "wide")
			if line := lineOf(r.stdout, s.name); strings.Contains(line, "NaN") || strings.Contains(line, "Inf") || line == "" {
				s.Errorf("want the row without NaN or Inf, got %q", line)
			}
		},
	},
	"KV use in percent is refused, not clamped": {
		fleet: func(f *fleet) *scene {
			l := steady()
			l.kv = 85
			return f.add("percent", 2, 2, l)
		},
		check: func(s stage) {
			out, _ := recommend(s.T, "--prometheus", s.prom.url)
			m := out.model(s.T, s.name)
			if m.KV != nil {
				s.Errorf("kv: want it unknown, got %s", text(m.KV))
			}
			if !m.faulty("kv", "85") {
				s.Errorf("want a fault that shows the 85, got %s", text(&m.Faults))
			}
			if v := m.only(s.T); text(v.Recommended) != "2" {
				s.Errorf("85 %% must not order 95 replicas: want 2, got %s: %s", v, v.Why)
			}
		},
	},
	"negative values never pass": {
		fleet: func(f *fleet) *scene {
			l := steady()
			l.running, l.waiting, l.kv = -3, -1, -0.5
			return f.add("negative", 2, 2, l)
		},
		check: func(s stage) {
			out, _ := recommend(s.T, "--prometheus", s.prom.url)
			m := out.model(s.T, s.name)
			notLowered(s.T, m.only(s.T), 2)
			if m.Running != nil || m.Pending != nil || m.KV != nil || len(m.Faults) == 0 {
				s.Errorf("want running, pending and kv unknown and a fault, got %s", m)
			}
		},
	},
	"a hostile model name does not command the terminal": {
		fleet: func(f *fleet) *scene {
			return f.addCalled("hostile", "org/\x1b[2J\x1b]0;owned\x07|<script>", 1, 1, steady())
		},
		check: func(s stage) {
			for _, format := range []string{"table", "wide", "markdown", "csv", "json", "yaml"} {
				r := forewarm(s.T, "recommend", "--prometheus", s.prom.url, "-o", format)
				r.want(s.T, exitOK)
				if strings.ContainsAny(r.stdout+r.stderr, "\x1b\x07") {
					s.Errorf("-o %s: want no control character, got %q", format, r.stdout+r.stderr)
				}
				if lineOf(r.stdout, s.name) == "" {
					s.Errorf("-o %s: want the model shown all the same\n%s", format, r)
				}
			}
		},
	},
}
