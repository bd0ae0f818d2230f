package demo

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/forewarm/forewarm/internal/demo/promstore"
	"github.com/forewarm/forewarm/internal/sim"
)

// scrapeEvery is the common Prometheus interval, and the period of the HPA
// controller and of Forewarm.
const scrapeEvery = 15 * time.Second

// scraper reads a fleet as Prometheus would: every pod, the gateway and
// kube-state-metrics, as text. Without a store the text is only measured.
type scraper struct {
	store   *promstore.Store
	kube    *promstore.Target
	gateway *promstore.Target
	pods    map[string]*scraped
	round   int
	text    bytes.Buffer
}

// scraped is one pod as the scraper knows it.
type scraped struct {
	target *promstore.Target // nil without a store
	ttft   buckets           // as last read
	round  int
}

// reading is what one round of scrapes says of the ready pods.
type reading struct {
	pods     int     // that answered and are not on their way out
	inFlight float64 // requests running or waiting on them
	waiting  float64
	ttft     buckets // first tokens since the round before, all pods
}

func newScraper(store *promstore.Store) *scraper {
	s := &scraper{store: store, pods: map[string]*scraped{}}
	if store != nil {
		s.kube = store.Target(promstore.TargetOptions{
			Labels: map[string]string{"job": "kube-state-metrics", "instance": "10.0.0.2:8080"}, HonorLabels: true,
		})
		s.gateway = store.Target(promstore.TargetOptions{
			Labels: map[string]string{"job": "llm-d-epp", "instance": "10.0.0.3:9090"},
		})
	}
	return s
}

// read scrapes everything at the fleet's present moment.
func (s *scraper) read(f *sim.Fleet) (reading, error) {
	var r reading
	s.round++
	for _, p := range f.Pods() {
		if err := s.readPod(f, p, &r); err != nil {
			return r, err
		}
	}
	for name, p := range s.pods {
		if p.round != s.round {
			if p.target != nil {
				p.target.Close(f.Now())
			}
			delete(s.pods, name)
		}
	}
	if s.store == nil {
		return r, nil
	}
	if err := s.readOther(f, s.kube, sim.ExposeKube); err != nil {
		return r, err
	}
	return r, s.readOther(f, s.gateway, sim.ExposeEPP)
}

func (s *scraper) readOther(f *sim.Fleet, t *promstore.Target, expose func(io.Writer, ...*sim.Fleet) error) error {
	s.text.Reset()
	if err := expose(&s.text, f); err != nil {
		return err
	}
	return t.Scrape(f.Now(), s.text.Bytes())
}

func (s *scraper) readPod(f *sim.Fleet, p *sim.Pod, r *reading) error {
	known := s.pods[p.Name()]
	if known == nil {
		known = &scraped{}
		if s.store != nil {
			known.target = s.store.Target(promstore.TargetOptions{Labels: map[string]string{
				"job": "llm/vllm", "namespace": f.Config().Namespace, "pod": p.Name(),
				"instance": p.Instance(), "container": "vllm",
			}})
		}
		s.pods[p.Name()] = known
	}
	known.round = s.round
	if !p.Serving() { // the model is still loading: the connection is refused
		if known.target != nil {
			known.target.Fail(f.Now())
		}
		return nil
	}
	s.text.Reset()
	if err := p.Expose(&s.text); err != nil {
		return err
	}
	if known.target != nil {
		if err := known.target.Scrape(f.Now(), s.text.Bytes()); err != nil {
			return err
		}
	}
	return r.add(known, p.State() == sim.Ready, s.text.Bytes())
}

// add takes what one pod's exposition says.
func (r *reading) add(known *scraped, ready bool, text []byte) error {
	ttft, err := parseBuckets(text, "vllm:time_to_first_token_seconds_bucket{", known.ttft)
	if err != nil {
		return err
	}
	r.ttft.add(ttft.minus(known.ttft))
	known.ttft = ttft
	if !ready {
		return nil
	}
	running, err := parseGauge(text, "vllm:num_requests_running{")
	if err != nil {
		return err
	}
	waiting, err := parseGauge(text, "vllm:num_requests_waiting{")
	if err != nil {
		return err
	}
	r.pods++
	r.waiting += waiting
	r.inFlight += running + waiting
	return nil
}

// parseGauge reads the first sample whose line begins with a prefix.
func parseGauge(text []byte, prefix string) (float64, error) {
	i := bytes.Index(text, []byte("\n"+prefix))
	if i < 0 {
		return 0, fmt.Errorf("read %s...}: no such series", prefix)
	}
	line, _, _ := bytes.Cut(text[i+1:], []byte("\n"))
	return parseLast(line)
}
