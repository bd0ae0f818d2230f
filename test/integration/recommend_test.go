package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// maxAge is short in impatient configurations, so that samples age while we watch.
const maxAge = 6 * time.Second

// story is one model in a namespace of its own, what happens to it, and what the
// command must then print.
type story struct {
	fleet   func(f *fleet) *scene
	happens func(s *scene) // once it has been seen healthy; nil = nothing
	check   func(s stage)
}

// stage is where a story is checked.
type stage struct {
	*testing.T
	*scene
	prom *prometheus
}

// One Prometheus server scrapes all stories at once; none sees another.
func TestRecommend(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	scenes := map[string]*scene{}
	all := map[string]story{}
	for _, stories := range []map[string]story{plainStories, blindStories, oddStories, trapStories} {
		for sentence, s := range stories {
			all[sentence], scenes[sentence] = s, s.fleet(f)
		}
	}
	prom := f.scrape()
	for sentence, s := range all { // at once: then they also age at once
		if s.happens != nil {
			s.happens(scenes[sentence])
		}
	}
	// Three ticks of 15 s: what one tick learns takes effect at the next.
	prom.waitFor(t, 2*soon, `min(count_over_time(up{namespace="calm"}[2m])) >= 50`)
	for sentence, s := range all {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			s.check(stage{t, scenes[sentence], prom})
		})
	}
}

// plainStories are of models that are wholly seen.
var plainStories = map[string]story{
	"healthy load keeps what is there": {
		fleet: func(f *fleet) *scene { return f.add("calm", 2, 2, steady()) },
		check: func(s stage) {
			out, r := recommend(s.T, "--prometheus", s.prom.url)
			r.want(s.T, exitOK)
			m := out.model(s.T, s.name)
			v := m.only(s.T)
			if m.Engine != "vllm" || m.ModelName != "org/calm" || v.Name != "calm" || v.GPUs != 2 {
				s.Errorf("identity: want vllm, org/calm, variant calm of 2 GPUs, got %s", m)
			}
			for range 5 { // at five different fractions of a second
				again, _ := recommend(s.T, "--prometheus", s.prom.url)
				if g := again.model(s.T, s.name).only(s.T).GPUs; g != 2 {
					s.Errorf("want the same 2 GPUs from every run, got %d", g)
				}
			}
			if v.String() != "2 now, 2 recommended, ok" || text(v.Ready) != "2" {
				s.Errorf("want 2 now, 2 recommended, ok, 2 ready; got %s, %s ready: %s", v, text(v.Ready), v.Why)
			}
			if m.Partial || m.Hold || len(m.Faults) > 0 {
				s.Errorf("nothing is wrong with this model, got %s", m)
			}
			if !near(m.Work.Requests, 6) || !near(m.Work.OutputTokens, 1800) || !near(m.Work.PromptTokens, 3000) {
				s.Errorf("work: want 6 requests/s of 500 prompt and 300 output tokens, got %s", text(&m.Work))
			}
			if !near(m.KV, 0.4) || text(m.Pending) != "0" || text(m.Running) != "24" {
				s.Errorf("want kv 0.4, 0 pending, 24 running; got %s, %s, %s", text(m.KV), text(m.Pending), text(m.Running))
			}
			if m.TTFT == nil || *m.TTFT < 0.1 || *m.TTFT > 0.25 {
				s.Errorf("ttft: want it within the bucket from 0.1 to 0.25 s, got %s", text(m.TTFT))
			}
		},
	},
	"a model seen for one tick only is not taken for overloaded": {
		fleet: func(f *fleet) *scene { return f.add("new", 2, 2, steady()) },
		check: func(s stage) {
			out, _ := recommend(s.T, "--prometheus", s.prom.url, "--history", "0", "-n", s.name)
			m := out.model(s.T, s.name)
			if v := m.only(s.T); v.String() != "2 now, 2 recommended, ok" || !near(m.Work.OutputTokens, 1800) {
				s.Errorf("the pods carry this load, as their tokens show: want 2 now, 2 recommended, ok and 1800 tokens/s;"+
					" got %s and %s: %s", v, text(m.Work.OutputTokens), v.Why)
			}
		},
	},
	"a growing queue asks for more and says so": {
		fleet: func(f *fleet) *scene { return f.add("busy", 1, 1, overloaded()) },
		check: func(s stage) {
			out, r := recommend(s.T, "--prometheus", s.prom.url)
			r.want(s.T, exitOK)
			m := out.model(s.T, s.name)
			v := m.only(s.T)
			if text(v.Now) != "1" || v.Recommended == nil || *v.Recommended <= 1 {
				s.Errorf("want more than the 1 that is there, got %s", v)
			}
			if m.Pending == nil || *m.Pending < 40 {
				s.Errorf("pending: want at least the 40 it began with, got %s", text(m.Pending))
			}
			says(s.T, "why", v.Why, "wait")
			table := forewarm(s.T, "recommend", "--prometheus", s.prom.url)
			says(s.T, "table", lineOf(table.stdout, s.name), "wait")
		},
	},
	"old and new names side by side count once": {
		fleet: func(f *fleet) *scene {
			l := steady()
			l.names, l.waiting, l.kv = bothNames, 7, 0.5
			return f.add("both-names", 2, 2, l)
		},
		check: func(s stage) {
			out, _ := recommend(s.T, "--prometheus", s.prom.url)
			m := out.model(s.T, s.name)
			if text(m.Pending) != "14" || !near(m.KV, 0.5) || text(m.Running) != "24" || !near(m.Work.Requests, 6) {
				s.Errorf("want 14 pending, 24 running, kv 0.5, 6 requests/s; got %s, %s, %s, %s",
					text(m.Pending), text(m.Running), text(m.KV), text(m.Work.Requests))
			}
		},
	},
	"old names alone are read too": {
		fleet: func(f *fleet) *scene {
			l := steady()
			l.names = oldNames
			return f.add("old-names", 2, 2, l)
		},
		check: func(s stage) {
			out, _ := recommend(s.T, "--prometheus", s.prom.url)
			m := out.model(s.T, s.name)
			if v := m.only(s.T); v.String() != "2 now, 2 recommended, ok" || !near(m.KV, 0.4) || text(m.Pending) != "0" {
				s.Errorf("want 2 now, 2 recommended, ok, kv 0.4, 0 pending; got %s", m)
			}
		},
	},
}

// impatient is a configuration without models: they are discovered as with
// --prometheus alone, and judged second by second.
func impatient(t *testing.T, prom *prometheus) string {
	t.Helper()
	return configFile(t, fmt.Sprintf("sources: [{name: default, url: %q}]\ninterval: 1s\nhistory: 1m\nmaxAge: %s\n",
		prom.url, maxAge))
}

// notLowered checks the invariant of every blind case: an answer, if there is
// one, is not below what the cluster has, and so never zero.
func notLowered(t *testing.T, v variant, now int) {
	t.Helper()
	if v.Recommended != nil && *v.Recommended < now {
		t.Errorf("want no answer or at least %d, got %s: %s", now, v, v.Why)
	}
	if v.Why == "" {
		t.Error("want a reason, got none")
	}
}

// lineOf is the first line of a table that mentions a word.
func lineOf(table, word string) string {
	for line := range strings.Lines(table) {
		if strings.Contains(line, word) {
			return line
		}
	}
	return ""
}
