//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/prompb"
	"sigs.k8s.io/yaml"

	"github.com/forewarm/forewarm/test/remotewrite"
)

// rise is a load that goes from low to high at the same time every day and stays there for half an hour.
type rise struct {
	low, high float64 // requests/s
	at        time.Time
	ramp      time.Duration
}

// rate is the load at a moment of any day.
func (r rise) rate(at time.Time) float64 {
	since := at.Sub(r.at) % (24 * time.Hour)
	if since < 0 {
		since += 24 * time.Hour
	}
	if since > 30*time.Minute {
		return r.low
	}
	return r.low + (r.high-r.low)*min(1, float64(since)/float64(r.ramp))
}

// recording is what one target exposes over time: a function of the moment and of the requests that came until then.
type recording struct {
	labels map[string]string
	values map[string]func(rate, total float64) float64 // by name, with further labels in braces as name|key=value
}

// past writes days of a gateway and of one replica into Prometheus, as a scrape each 15 s would have: all that Forewarm
// expects of them, because what is known in part is not learned from.
func (s *story) past(m *model, r rise, days int) {
	s.Helper()
	constant := func(v float64) func(float64, float64) float64 { return func(float64, float64) float64 { return v } }
	counted := func(each float64) func(float64, float64) float64 {
		return func(_, total float64) float64 { return math.Floor(total * each) }
	}
	model := "|model_name=" + m.id
	target := model + "|target_model_name=" + m.id
	queue := "llm_d_epp_flow_control_queue_size|fairness_id=default|inference_pool=" + m.name + "|priority=0" + target
	ready := "llm_d_epp_ready_endpoints|name=" + m.name
	for _, rec := range []recording{{
		map[string]string{
			"container": "epp", "instance": s.engines.gateway(s.ns, m.key()), "job": s.ns + "/gateway", "namespace": s.ns,
			"pod": "gateway-" + m.key(),
		},
		map[string]func(float64, float64) float64{
			"up": constant(1), "llm_d_epp_request_total" + target: counted(1),
			queue: constant(0),
			ready: constant(1),
		},
	}, {
		map[string]string{
			"container": "vllm", "endpoint": "http", "instance": "127.0.0.1:1", "job": s.ns + "/engines", "namespace": s.ns,
			"pod": m.name + "-past",
		},
		map[string]func(float64, float64) float64{
			"up": constant(1), "vllm:kv_cache_usage_perc|engine=0" + model: constant(0.3),
			"vllm:num_requests_running|engine=0" + model:                       func(rate, _ float64) float64 { return math.Round(rate) },
			"vllm:num_requests_waiting|engine=0" + model:                       constant(0),
			"vllm:request_success_total|engine=0|finished_reason=stop" + model: counted(1),
			"vllm:prompt_tokens_total|engine=0" + model:                        counted(200),
			"vllm:generation_tokens_total|engine=0" + model:                    counted(60),
			"vllm:prefix_cache_queries_total|engine=0" + model:                 counted(200),
			"vllm:prefix_cache_hits_total|engine=0" + model:                    constant(0),
		},
	}} {
		s.write(rec, r, days)
	}
}

// write sends what a target exposed, until two minutes ago.
func (s *story) write(rec recording, r rise, days int) {
	s.Helper()
	const step = 15 * time.Second
	end := time.Now().Add(-2 * time.Minute)
	for spec, value := range rec.values {
		parts := strings.Split(spec, "|")
		labels := []prompb.Label{{Name: "__name__", Value: parts[0]}}
		for k, v := range rec.labels {
			labels = append(labels, prompb.Label{Name: k, Value: v})
		}
		for _, part := range parts[1:] {
			k, v, _ := strings.Cut(part, "=")
			labels = append(labels, prompb.Label{Name: k, Value: v})
		}
		slices.SortFunc(labels, func(a, b prompb.Label) int { return strings.Compare(a.Name, b.Name) })
		var samples []prompb.Sample
		total := 0.0
		for at := end.Add(-time.Duration(days) * 24 * time.Hour).Truncate(step); at.Before(end); at = at.Add(step) {
			rate := r.rate(at)
			total += rate * step.Seconds()
			samples = append(samples, prompb.Sample{Timestamp: at.UnixMilli(), Value: value(rate, total)})
		}
		for chunk := range slices.Chunk(samples, 5000) {
			s.check(remotewrite.Write(s.Context(), s.prom.url, []prompb.TimeSeries{{Labels: labels, Samples: chunk}}))
		}
	}
}

// Every day at the same time the load is sixfold within a minute, and a replica takes a minute to load. Forewarm has
// read five days of it and has replicas ready before. KEDA's prometheus trigger on the rate of requests, at what a
// replica carries, acts when they are there.
func TestPredictedRise(t *testing.T) {
	s := tell(t, "predicted")
	s.needKEDA()
	r := rise{low: 4, high: 24, at: time.Now().Add(200 * time.Second), ramp: time.Minute}
	variants := []variant{{name: "on-demand", replicas: 1, min: 1, max: 10, warmUp: time.Minute}}
	ours := s.serve("ours", options{variants: variants, gateway: true})
	theirs := s.serve("theirs", options{variants: variants, gateway: true})
	ours.turn(r.low)
	theirs.turn(r.low)
	s.past(ours, r, 5)
	f := s.seer(ours)
	s.scaledObject("ours", scaled{low: 1, high: 10, cooldown: 5, scaler: f.scaler})
	s.scaledObject("theirs", scaled{low: 1, high: 10, cooldown: 5, triggers: fmt.Sprintf(`
  - type: prometheus
    metadata:
      serverAddress: %s
      threshold: "%g"
      query: sum(rate(llm_d_epp_request_total{target_model_name="%s"}[30s]))`, s.prom.url, perReplica, theirs.id)})
	if left := time.Until(r.at); left < 75*time.Second {
		t.Fatalf("this machine is too slow: %s are left until the rise, and a replica takes a minute", left)
	}
	s.serving(theirs)
	s.wait(time.Until(r.at) - 5*time.Second)
	before := s.last(s.ns, "ours")
	a, b := ours.books(), theirs.books()
	for end := r.at.Add(4 * time.Minute); time.Now().Before(end); s.wait(5 * time.Second) {
		s.check(ours.setLoad(r.rate(time.Now())))
		s.check(theirs.setLoad(r.rate(time.Now())))
	}
	metOurs, metTheirs := ours.books().since(a), theirs.books().since(b)
	summary.measured("known rise from 4 to 24 requests/s within a minute, warm-up 60 s, TTFT within 2 s: %.2f %% ours, "+
		"%.2f %% with a prometheus trigger on the rate; replicas ready when it began: %d",
		100*metOurs, 100*metTheirs, before.ready)
	s.scaledObjectIs("ours", "Active")
	report, err := f.report(t.Context())
	s.check(err)
	s.said(f, ours, "Ahead of a rise")
	if metOurs < 0.99 || metTheirs > 0.97 {
		t.Errorf("want 99 of 100 requests in time with ours, and fewer with a trigger that cannot look ahead: %.4f and %.4f\n"+
			"ours %s\ntheirs %s\n%s", metOurs, metTheirs, s.course(s.ns, "ours"), s.course(s.ns, "theirs"), steps(report.Models[0]))
	}
}

// seer is a Forewarm of the story's own, which reads five days before it answers.
func (s *story) seer(m *model) *forewarm {
	s.Helper()
	text, err := yaml.Marshal(object{
		"apiVersion": "forewarm.dev/v1alpha1", "kind": "Config", "interval": "10s", "history": "120h", "maxAge": "30s",
		"sources": []object{{"name": "default", "url": s.prom.url}}, "models": []object{m.document()},
	})
	s.check(err)
	path := filepath.Join(s.dir, "seer.yaml")
	s.check(os.WriteFile(path, text, 0o600))
	start := time.Now()
	f, err := startForewarmWith(s.Context(), s.cluster, "forewarm-seer", path)
	s.check(err)
	s.Cleanup(func() { _ = f.Stop() })
	s.eventually(2*time.Minute, "five days are replayed", func(ctx context.Context) error {
		_, err := f.report(ctx)
		return err
	})
	summary.measured("five days of one model read and replayed in %.0f s", time.Since(start).Seconds())
	return f
}

// books are the decided requests of a world.
type books struct{ met, decided float64 }

func (w *world) books() books {
	share, decided := w.attainment()
	return books{share * float64(decided), float64(decided)}
}

// since is the share in time of what was decided since earlier books.
func (b books) since(a books) float64 { return (b.met - a.met) / max(1, b.decided-a.decided) }
