//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/forewarm/forewarm/internal/app"
)

// story is one scenario, in a namespace of its own.
type story struct {
	*testing.T
	*cluster
	ns     string
	models []*model
	own    *forewarm // decides instead of the one that all stories share, where one is started
}

// tell starts a story beside the others. Its namespace has a node with as many GPUs as anybody wants.
func tell(t *testing.T, ns string) *story {
	t.Helper()
	t.Parallel()
	return tellAlone(t, ns)
}

// tellAlone starts a story that must not run beside others.
func tellAlone(t *testing.T, ns string) *story {
	t.Helper()
	s := &story{T: t, cluster: shared, ns: ns}
	t.Cleanup(func() { summary.told(t.Name(), t.Failed(), t.Skipped()) })
	t.Cleanup(func() {
		if s.own != nil {
			_ = s.own.Stop()
		}
	})
	t.Cleanup(s.logFailure) // asks the own one, so before that is stopped
	s.apply(fmt.Sprintf("apiVersion: v1\nkind: Namespace\nmetadata: {name: %s}", ns))
	s.check(s.node(t.Context(), "node-"+ns, ns, 512, nil))
	return s
}

// check fails the story on an error.
func (s *story) check(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// apply applies YAML in the story's namespace.
func (s *story) apply(text string) {
	s.Helper()
	s.check(s.applyText(s.Context(), s.ns, text))
}

// eventually waits for something.
func (s *story) eventually(within time.Duration, what string, check func(context.Context) error) {
	s.Helper()
	start := time.Now()
	if err := eventually(s.Context(), within, check); err != nil {
		s.Fatalf("%s: %v", what, err)
	}
	s.Logf("%6.1f s: %s", time.Since(start).Seconds(), what)
}

// always checks that something stays so for a while.
func (s *story) always(during time.Duration, what string, check func(context.Context) error) {
	s.Helper()
	end := time.Now().Add(during)
	for time.Now().Before(end) {
		if err := check(s.Context()); err != nil {
			s.Fatalf("%s, but after %s: %v", what, (during - time.Until(end)).Round(time.Second), err)
		}
		s.wait(200 * time.Millisecond)
	}
	s.Logf("%6.1f s: %s, all the time", during.Seconds(), what)
}

// wait lets time pass.
func (s *story) wait(d time.Duration) {
	select {
	case <-s.Context().Done():
	case <-time.After(d):
	}
}

// needKEDA starts KEDA, or skips the story where the run does without.
func (s *story) needKEDA() *keda {
	s.Helper()
	if why := os.Getenv("FOREWARM_E2E_WITHOUT_KEDA"); why != "" {
		summary.skip(s.Name(), why)
		s.Skip(why)
	}
	k, err := s.keda()
	s.check(err)
	return k
}

// withKEDA starts KEDA for a part of a story, or says that the part is left out.
func (s *story) withKEDA() bool {
	s.Helper()
	if why := os.Getenv("FOREWARM_E2E_WITHOUT_KEDA"); why != "" {
		summary.skip(s.Name()+" (what needs KEDA)", why)
		return false
	}
	_, err := s.keda()
	s.check(err)
	return true
}

// variant is one Deployment of a model.
type variant struct {
	name         string // also the Deployment's, after the model's
	replicas     int    // at the start
	min, max     int
	gpus         int // per replica; 0 means 1
	warmUp       time.Duration
	capacityType string
	pool         string // of nodes; empty: the namespace's own
	price        float64
}

// options are what differs between models.
type options struct {
	variants []variant // none: one of 1 to 10 replicas, ready at once
	capacity float64   // requests/s per replica as configured; 0: 6
	learn    bool      // capacity: auto
	warmUp   time.Duration
	toZero   bool
	idle     time.Duration
	gateway  bool
	source   string
	priority int
	ttft     time.Duration
	onBlind  string
	requests *requests    // nil: ordinary
	lws      bool         // a LeaderWorkerSet instead of a Deployment
	product  string       // of the GPUs
	untold   bool         // Forewarm does not know it until configure is called
	spec     func(object) // edits the pod spec
}

// model is a served model with its world.
type model struct {
	*world
	s       *story
	name    string
	id      string // as the engines call it
	options options
}

const perReplica = 6.0 // requests/s that a replica is said to carry; eight is what it can

// serve adds a model to the story: its Deployments, its world, its configuration.
func (s *story) serve(name string, o options) *model {
	s.Helper()
	if len(o.variants) == 0 {
		o.variants = []variant{{name: "on-demand", replicas: 1, min: 1, max: 10, warmUp: o.warmUp}}
	}
	m := &model{s: s, name: name, id: s.ns + "/" + name, options: o}
	var names []string
	for _, v := range o.variants {
		names = append(names, m.deployment(v.name))
	}
	if m.options.ttft == 0 {
		m.options.ttft = 2 * time.Second
	}
	asked := ordinary
	if o.requests != nil {
		asked = *o.requests
	}
	var err error
	m.world, err = newWorld(s.ns, m.id, m.options.ttft, asked, names...)
	s.check(err)
	s.check(s.engines.add(m.key(), m.world, s.ns))
	for i, v := range o.variants {
		workload := m.object(i, v)
		if o.lws {
			workload = m.group(i, v)
		}
		s.check(s.cluster.apply(s.Context(), s.ns, false, workload))
	}
	s.models = append(s.models, m)
	if !o.untold {
		m.configure()
	}
	return m
}

func (m *model) key() string { return m.s.ns + "." + m.name }

// deployment is the name of a variant's Deployment: the first variant has the model's.
func (m *model) deployment(variant string) string {
	if variant == m.options.variants[0].name {
		return m.name
	}
	return m.name + "-" + variant
}

// configure writes the model into the configuration that Forewarm reads while it runs.
func (m *model) configure() {
	m.s.Helper()
	m.s.check(m.s.config.change(func() { m.s.config.models[m.s.ns+"/"+m.name] = m.document() }))
}

// document is the model in Forewarm's configuration.
func (m *model) document() object {
	o := m.options
	capacity := any("auto")
	if !o.learn {
		rps := perReplica
		if o.capacity > 0 {
			rps = o.capacity
		}
		capacity = object{"requestsPerSecond": rps}
	}
	var variants []object
	kind := "Deployment"
	if o.lws {
		kind = "LeaderWorkerSet"
	}
	for _, v := range o.variants {
		gpus := object{"perReplica": max(1, v.gpus)}
		if o.product != "" {
			gpus["product"] = o.product
		}
		doc := object{
			"name": v.name, "target": object{"kind": kind, "name": m.deployment(v.name)},
			"replicas": object{"min": v.min, "max": v.max}, "gpus": gpus, "capacity": capacity,
		}
		doc["warmUp"] = max(v.warmUp, time.Second).String() // what to start learning from
		if v.capacityType != "" {
			doc["capacityType"] = v.capacityType
		}
		if v.price > 0 {
			doc["price"] = object{"usdPerGPUHour": v.price}
		}
		variants = append(variants, doc)
	}
	doc := object{
		"name": m.name, "namespace": m.s.ns, "engine": "vllm", "modelName": m.id,
		"slo": object{"ttftP95": o.ttft.String()}, "priority": o.priority, "variants": variants, "source": "default",
	}
	if o.source != "" {
		doc["source"] = o.source
	}
	if o.gateway || o.toZero {
		doc["gateway"] = object{"preset": "llm-d-epp"}
	}
	if o.toZero {
		idle := object{"toZero": true, "after": o.idle.String()}
		if o.onBlind != "" {
			idle["onBlind"] = o.onBlind
		}
		doc["idle"] = idle
	}
	return doc
}

// turn sets the load.
func (m *model) turn(rate float64) {
	m.s.Helper()
	m.s.check(m.setLoad(rate))
	m.s.Logf("          load of %s is %g requests/s now", m.name, rate)
}

// startOwn starts a Forewarm that decides for this story alone, until its end.
func (s *story) startOwn(name, config, pki string) *forewarm {
	s.Helper()
	var err error
	s.own, err = startForewarmWith(s.Context(), s.cluster, name, config, pki)
	s.check(err)
	return s.own
}

// decider is the Forewarm that decides for the story.
func (s *story) decider() *forewarm {
	if s.own != nil {
		return s.own
	}
	return s.forewarm
}

// forewarmSays is what the last tick says of the model.
func (m *model) forewarmSays(ctx context.Context) (app.ModelReport, error) {
	r, err := m.s.decider().report(ctx)
	if err != nil {
		return app.ModelReport{}, err
	}
	i := slices.IndexFunc(r.Models, func(r app.ModelReport) bool { return r.Namespace == m.s.ns && r.Name == m.name })
	if i < 0 {
		return app.ModelReport{}, errors.New("Forewarm does not know the model yet")
	}
	return r.Models[i], nil
}

// said waits until the decision log has a change of mind about a model with a certain reason, a regular expression.
func (s *story) said(f *forewarm, m *model, why string) {
	s.Helper()
	reason := regexp.MustCompile(why)
	s.eventually(time.Minute, "Forewarm says: "+why, func(context.Context) error {
		log, err := os.ReadFile(f.Log)
		if err != nil {
			return err
		}
		var all []string
		for line := range strings.Lines(string(log)) {
			if strings.Contains(line, " "+s.ns+"/"+m.name+"/") {
				if reason.MatchString(line) {
					return nil
				}
				all = append(all, line)
			}
		}
		return fmt.Errorf("it says\n%s", strings.Join(all, ""))
	})
}

// steps are the rules that led to the last decision, as sentences.
func steps(r app.ModelReport) string {
	var b strings.Builder
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "    %s %s: %s\n", s.Variant, s.Rule, s.Text)
	}
	return b.String()
}

// logFailure prints what one wants to know of a story that failed: what Forewarm decided, and why, and how
// replicas went.
func (s *story) logFailure() {
	if !s.Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, m := range s.models {
		for _, v := range m.options.variants {
			s.Logf("replicas of %s: %s", m.deployment(v.name), s.course(s.ns, m.deployment(v.name)))
		}
		s.Logf("world of %s: %+v", m.name, m.totals())
		r, err := m.forewarmSays(ctx)
		if err != nil {
			s.Logf("Forewarm says nothing of %s: %v", m.name, err)
			continue
		}
		text, err := json.Marshal(r)
		s.Logf("Forewarm says of %s:\n%s    %s %v", m.name, steps(r), text, err)
	}
	s.Logf("logs of all servers are in %s; it was %s.log that decided", s.dir, s.decider().Name)
}
