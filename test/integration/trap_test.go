package integration

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// trapStories are of fleets in which adding up what is there gives a wrong sum.
var trapStories = map[string]story{
	"a pod that two monitors scrape counts once": {
		fleet: func(f *fleet) *scene {
			l := steady()
			l.waiting = 3
			s := f.add("twice", 2, 2, l)
			for _, p := range s.pods {
				again := p.target()
				again.labels["job"], again.labels["service"] = "vllm-service", "vllm"
				f.targets = append(f.targets, again)
				f.expect++
			}
			return s
		},
		check: func(s stage) {
			out, _ := recommend(s.T, "--prometheus", s.prom.url)
			m := out.model(s.T, s.name)
			if text(m.Pending) != "6" || text(m.Running) != "24" || !near(m.Work.Requests, 6) {
				s.Errorf("want 6 pending, 24 running, 6 requests/s; got %s, %s, %s",
					text(m.Pending), text(m.Running), text(m.Work.Requests))
			}
		},
	},
	"a router that repeats the engines' gauges is not counted": {
		fleet: func(f *fleet) *scene {
			l := steady()
			l.waiting = 5
			s := f.add("routed", 2, 2, l)
			f.targets = append(f.targets, startRouter(f.t, s, l))
			return s
		},
		check: func(s stage) {
			s.prom.waitFor(s.T, soon, `count(vllm:num_requests_waiting{namespace="routed"}) == 4`)
			out, _ := recommend(s.T, "--prometheus", s.prom.url)
			m := out.model(s.T, s.name)
			if text(m.Pending) != "10" || text(m.Running) != "24" {
				s.Errorf("want 10 pending, 24 running; got %s, %s", text(m.Pending), text(m.Running))
			}
		},
	},
	"a restarted pod is no burst and no lull": {
		fleet:   func(f *fleet) *scene { return f.add("restarted", 2, 2, steady()) },
		happens: func(s *scene) { s.pods[0].restart() },
		check: func(s stage) {
			s.prom.waitFor(s.T, soon, `sum(resets(vllm:generation_tokens_total{namespace="restarted"}[5m])) >= 1`)
			out, _ := recommend(s.T, "--prometheus", s.prom.url)
			m := out.model(s.T, s.name)
			if v := m.only(s.T); !near(m.Work.Requests, 6) || text(v.Recommended) != "2" {
				s.Errorf("want 6 requests/s and 2 recommended, got %s and %s: %s", text(m.Work.Requests), v, v.Why)
			}
		},
	},
	"a replica that still loads is neither missing nor ordered again": {
		fleet: func(f *fleet) *scene {
			s := f.add("loading", 2, 2, steady())
			s.pods[1].kill() // its port is closed until the model is loaded
			f.kube.put(deployment{
				namespace: s.name, name: s.name, spec: 2, gpus: 2, pods: []string{podName(s.name, 0), podName(s.name, 1)},
				unready: map[string]bool{podName(s.name, 1): true},
			})
			return s
		},
		check: func(s stage) {
			out, _ := recommend(s.T, "--prometheus", s.prom.url)
			m := out.model(s.T, s.name)
			v := m.only(s.T)
			if v.String() != "2 now, 2 recommended, ok" || text(v.Ready) != "1" || text(v.Starting) != "1" {
				s.Errorf("want 2 now, 2 recommended, ok, 1 ready, 1 starting; got %s, %s, %s: %s",
					v, text(v.Ready), text(v.Starting), v.Why)
			}
			if m.Partial {
				s.Errorf("nothing is expected of a pod that is not ready, got %s", text(&m.Faults))
			}
		},
	},
}

// startRouter is the production stack's router: it scrapes the engines itself
// and exports their gauges again, by server.
func startRouter(t *testing.T, s *scene, l load) target {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		for name, v := range map[string]float64{
			"vllm:num_requests_running": l.running, "vllm:num_requests_waiting": l.waiting,
		} {
			fmt.Fprintf(w, "# TYPE %s gauge\n", name)
			for _, p := range s.pods {
				sample(w, name, fmt.Sprintf(`server=%q`, p.server.URL), v)
			}
		}
	}))
	t.Cleanup(server.Close)
	return target{address: server.Listener.Addr().String(), labels: map[string]string{
		"job": s.name + "/router", "namespace": s.name, "pod": "router-0", "container": "router", "endpoint": "metrics",
	}}
}
