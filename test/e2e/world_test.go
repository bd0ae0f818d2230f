//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/forewarm/forewarm/internal/sim"
)

// world is the load on one model and what its replicas do with it. Replicas are real pods: the cluster says
// which there are, and the simulator's replica model lives in each.
type world struct {
	mu    sync.Mutex
	fleet *sim.Fleet
	load  *dial
	pods  map[string]*sim.Pod // by namespace/name
	queue *int                // if set, what the pods say is waiting, all of them together
}

// dial is a load whose rate can be turned.
type dial struct {
	seed   uint64
	from   *sim.Workload // nil: nobody sends anything
	prompt sim.Lengths
	output sim.Lengths
}

// Next implements sim.Arrivals.
func (d *dial) Next(until time.Time) (sim.Arrival, bool) {
	if d.from == nil {
		return sim.Arrival{}, false
	}
	return d.from.Next(until)
}

func (d *dial) turn(rate float64, from time.Time) error {
	d.from = nil
	if rate == 0 {
		return nil
	}
	d.seed++
	cfg := sim.DefaultWorkload()
	cfg.Seed, cfg.Start, cfg.PeakRate = d.seed, from, rate
	cfg.Trough, cfg.Weekend, cfg.Wander, cfg.Crowds, cfg.Burst = 1, 1, 0, sim.Crowds{}, 1
	cfg.Prompt, cfg.Output = d.prompt, d.output
	w, err := sim.NewWorkload(cfg)
	d.from = w
	return err
}

// requests are what is asked for, and how many a replica works on at a time.
type requests struct {
	prompt, output sim.Lengths
	seqs           int
}

// ordinary requests take about a second of decoding, so that a replica carries about eight of them a second.
var ordinary = requests{
	prompt: sim.Lengths{Mean: 200, Sigma: 0.3, Max: 2000}, output: sim.Lengths{Mean: 60, Sigma: 0.3, Max: 400}, seqs: 8,
}

// newWorld makes a model's world at this moment, without replicas and without load.
func newWorld(ns, model string, ttft time.Duration, r requests, deployments ...string) (*world, error) {
	d := &dial{prompt: r.prompt, output: r.output}
	cfg := sim.DefaultFleet()
	cfg.Namespace, cfg.Deployment, cfg.Model, cfg.TTFT = ns, deployments[0], model, ttft
	cfg.Replicas, cfg.Start, cfg.Grace = 0, time.Now(), 0
	cfg.Replica.MaxSeqs, cfg.Replica.KVBlocks = r.seqs, 25*r.seqs
	for _, name := range deployments[1:] {
		v := sim.VariantConfig{Deployment: name, Replica: cfg.Replica, WarmUp: cfg.WarmUp, GPUs: cfg.GPUs}
		cfg.More = append(cfg.More, v)
	}
	f, err := sim.NewFleet(cfg, d)
	if err != nil {
		return nil, err
	}
	return &world{fleet: f, load: d, pods: map[string]*sim.Pod{}}, nil
}

// now brings the world to the present and does something there.
func (w *world) now(do func(f *sim.Fleet)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fleet.Advance(time.Now())
	do(w.fleet)
}

// setLoad turns the load to a number of requests per second.
func (w *world) setLoad(rate float64) error {
	var err error
	w.now(func(f *sim.Fleet) { err = w.load.turn(rate, f.Now()) })
	return err
}

// adopt lets a pod serve; dismiss ends it.
func (w *world) adopt(variant int, name string) {
	w.now(func(f *sim.Fleet) {
		if w.pods[name] == nil {
			w.pods[name] = f.Adopt(variant, name)
		}
	})
}

func (w *world) dismiss(name string, killed bool) {
	w.now(func(f *sim.Fleet) {
		if p := w.pods[name]; p != nil {
			f.Dismiss(p, killed)
			delete(w.pods, name)
		}
	})
}

// say makes the pods tell of so many waiting requests, whatever there are.
func (w *world) say(waiting int) {
	w.now(func(*sim.Fleet) { w.queue = &waiting })
}

// waitingSample is the queue in an exposition.
var waitingSample = regexp.MustCompile(`(?m)^(vllm:num_requests_waiting\{[^}]*\}) .*$`)

// exposePod writes what a scrape of a pod gets.
func (w *world) exposePod(out *bytes.Buffer, name string) error {
	err := fmt.Errorf("scrape %s: no such pod", name)
	w.now(func(*sim.Fleet) {
		if p := w.pods[name]; p != nil {
			err = p.Expose(out)
		}
		if w.queue == nil || err != nil {
			return
		}
		mine := 0 // the first pod has it all: the sum does not depend on how many there are, and the first goes last
		if w.pods[name] == w.fleet.Pods()[0] {
			mine = *w.queue
		}
		text := waitingSample.ReplaceAll(out.Bytes(), fmt.Appendf(nil, "$1 %d", mine))
		out.Reset()
		_, _ = out.Write(text) // a buffer takes everything
	})
	return err
}

// exposeGateway writes what a scrape of the gateway gets.
func (w *world) exposeGateway() []byte {
	var b bytes.Buffer
	w.now(func(f *sim.Fleet) { _ = sim.ExposeEPP(&b, f) }) // a buffer takes everything
	return b.Bytes()
}

// totals are the books since the start.
func (w *world) totals() sim.Totals {
	var out sim.Totals
	w.now(func(f *sim.Fleet) { out = f.Totals() })
	return out
}

// attainment is the share of first attempts in time, and how many are decided.
func (w *world) attainment() (share float64, decided uint64) {
	w.now(func(f *sim.Fleet) { share, decided = f.Attainment() })
	return share, decided
}
