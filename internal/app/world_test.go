package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/demo/promstore"
)

// service is one served model of a test world: pods that each serve rate
// requests per second of 500 prompt and 300 output tokens.
type service struct {
	namespace, name string
	pods            int
	rate            float64   // per pod, served
	waiting         float64   // per pod
	until           time.Time // silent from here
	back            time.Time // and heard again from here
	plain           bool      // pods are named as no controller does
	ksm             bool      // kube-state-metrics is scraped and says who owns the pods
	owner           string    // kind of that owner
	nameless        bool      // the series have no model name
	also            string    // a further model on the same pods
}

// world is a Prometheus that scraped services every 15 s up to noon.
func world(t *testing.T, span time.Duration, services ...service) *config.Source {
	t.Helper()
	store := promstore.New(0)
	for _, s := range services {
		for i := range s.pods {
			target := store.Target(promstore.TargetOptions{Labels: map[string]string{
				"job": s.name, "instance": fmt.Sprintf("10.0.0.%d:8000", i), "namespace": s.namespace, "pod": s.pod(i),
			}})
			for at := noon.Add(-span); !at.After(noon); at = at.Add(15 * time.Second) {
				if !s.until.IsZero() && at.After(s.until) && (s.back.IsZero() || at.Before(s.back)) {
					continue
				}
				if err := target.Scrape(at, s.exposition(at.Sub(noon.Add(-span)))); err != nil {
					t.Fatal(err)
				}
			}
		}
		s.owners(t, store, span)
	}
	server := httptest.NewServer(promstore.Handler(store, func() time.Time { return noon }))
	t.Cleanup(server.Close)
	return source(t, server.URL)
}

func source(t *testing.T, url string) *config.Source {
	t.Helper()
	src, err := NewSource(url, Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	return &src
}

func (s service) pod(i int) string {
	if s.plain {
		return fmt.Sprintf("%s.%c", s.name, 'a'+i)
	}
	return fmt.Sprintf("%s-5d4f8b6c7-x%dq2z", s.name, i)
}

// owners is kube-state-metrics, if the service says who owns its pods.
func (s service) owners(t *testing.T, store *promstore.Store, span time.Duration) {
	t.Helper()
	if !s.ksm {
		return
	}
	target := store.Target(promstore.TargetOptions{
		HonorLabels: true, Labels: map[string]string{"job": "ksm", "instance": "ksm:8080"},
	})
	var b strings.Builder
	for metric, extra := range map[string]string{
		"kube_pod_created": "", "kube_pod_status_ready": `,condition="true"`,
		"kube_pod_owner": `,owner_kind="` + s.owner + `",owner_name="` + s.name + `"`,
	} {
		fmt.Fprintf(&b, "# TYPE %s gauge\n", metric)
		for i := range s.pods {
			fmt.Fprintf(&b, "%s{namespace=%q,pod=%q,uid=%q%s} 1\n", metric, s.namespace, s.pod(i), s.pod(i), extra)
		}
	}
	for at := noon.Add(-span); !at.After(noon); at = at.Add(15 * time.Second) {
		if err := target.Scrape(at, []byte(b.String())); err != nil {
			t.Fatal(err)
		}
	}
}

func (s service) exposition(elapsed time.Duration) []byte {
	done := s.rate * elapsed.Seconds()
	l := fmt.Sprintf(`{model_name="org/%s",engine="0"}`, s.name)
	if s.nameless {
		l = `{engine="0"}`
	}
	var b strings.Builder
	for name, v := range map[string]float64{
		"vllm:num_requests_running": 8 * s.rate, "vllm:num_requests_waiting": s.waiting, "vllm:kv_cache_usage_perc": 0.4,
	} {
		fmt.Fprintf(&b, "# TYPE %s gauge\n%s%s %g\n", name, name, l, v)
		if s.also != "" {
			fmt.Fprintf(&b, "%s{model_name=%q,engine=\"0\"} %g\n", name, s.also, v)
		}
	}
	for name, v := range map[string]float64{
		"vllm:prompt_tokens_total": 500 * done, "vllm:generation_tokens_total": 300 * done,
	} {
		fmt.Fprintf(&b, "# TYPE %s counter\n%s%s %g\n", name, name, l, v)
	}
	fmt.Fprintf(&b, "# TYPE vllm:request_success_total counter\nvllm:request_success_total%s %g\n",
		strings.Replace(l, "}", `,finished_reason="stop"}`, 1), done)
	b.WriteString("# TYPE vllm:time_to_first_token_seconds histogram\n")
	for _, le := range []string{"0.1", "0.25", "1", "2.5", "+Inf"} {
		n := done
		if le == "0.1" {
			n = 0
		}
		fmt.Fprintf(&b, "vllm:time_to_first_token_seconds_bucket%s %g\n", strings.Replace(l, "}", `,le="`+le+`"}`, 1), n)
	}
	fmt.Fprintf(&b, "vllm:time_to_first_token_seconds_sum%s %g\nvllm:time_to_first_token_seconds_count%s %g\n",
		l, 0.2*done, l, done)
	return []byte(b.String())
}

// page answers everything with HTML.
func page(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprint(w, "<html>sign in</html>")
	}))
	t.Cleanup(s.Close)
	return s
}

func past() time.Time { return noon }
