package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/fleet"
	"github.com/forewarm/forewarm/policy"
)

// objects are ScaledObjects that a test changes.
type objects struct {
	mu      sync.Mutex
	list    []fleet.ScaledObject
	err     error
	version uint64
}

func (o *objects) List() ([]fleet.ScaledObject, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.list, o.err
}

func (o *objects) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

func (o *objects) Version() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.version
}

func (o *objects) set(list ...fleet.ScaledObject) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = list
	o.version++
}

// definition is the metadata that defines the model of a service of the world.
func definition(service string) map[string]string {
	return map[string]string{
		"scalerAddress": "forewarm:9443", "engine": "vllm", "modelName": "org/" + service, "slo.ttftP95": "2s",
	}
}

func scaledObject(name, target string, metadata map[string]string) fleet.ScaledObject {
	return fleet.ScaledObject{Namespace: "llm", Name: name, Target: target, Max: 10, Min: 1, Triggers: []map[string]string{metadata}}
}

// kedaClient is KEDA, connected to an App's scaler.
func kedaClient(t *testing.T, a *App, o KEDAOptions) pb.ExternalScalerClient {
	t.Helper()
	o.Address = "127.0.0.1:0"
	out, err := NewKEDA(o)(View{
		Watch: a.Engine().Board().Watch, Missing: a.scaled.missing, Claimed: a.scaled.claimed, Now: func() time.Time { return noon },
		HoldFor: func() time.Duration { return time.Hour },
		MaxAge:  func() time.Duration { return 90 * time.Second },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- out.Run(ctx) }()
	conn, err := grpc.NewClient(out.(*kedaOutput).listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return pb.NewExternalScalerClient(conn)
}

// poll is one turn of KEDA's loop, as text.
func poll(t *testing.T, c pb.ExternalScalerClient, name string, metadata map[string]string) string {
	t.Helper()
	ref := &pb.ScaledObjectRef{Name: name, Namespace: "llm", ScalerMetadata: metadata}
	spec, err := c.GetMetricSpec(t.Context(), ref)
	if err != nil {
		return status.Convert(err).Message()
	}
	m, err := c.GetMetrics(t.Context(), &pb.GetMetricsRequest{MetricName: spec.MetricSpecs[0].MetricName, ScaledObjectRef: ref})
	if err != nil {
		return status.Convert(err).Message()
	}
	active, err := c.IsActive(t.Context(), ref)
	if err != nil {
		return status.Convert(err).Message()
	}
	return fmt.Sprintf("%d %t", m.MetricValues[0].MetricValue, active.Result)
}

// opened is an App on the world at twenty minutes before noon, replayed.
func opened(t *testing.T, o Options, services ...service) (*App, *turning) {
	t.Helper()
	clock := &turning{now: noon.Add(-20 * time.Minute)}
	o.Prometheus, o.Now, o.QueryRate = world(t, 90*time.Minute, services...), clock.Now, 1000
	a, err := Open(t.Context(), o, clock.now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	if _, err := a.Recommend(t.Context(), clock.now); err != nil {
		t.Fatal(err)
	}
	return a, clock
}

// turns runs some ticks, and waits for what they started.
func turns(t *testing.T, a *App, clock *turning, n int, reload func(time.Time) (*config.Config, bool)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	clock.turns, clock.stop = n, func() {
		a.tasks.Wait()
		cancel()
	}
	if err := a.Run(ctx, clock, reload, func(Report) {}); err != nil {
		t.Fatal(err)
	}
}

func TestAModelComesAndGoesWithItsScaledObject(t *testing.T) {
	src := &objects{}
	a, clock := opened(t, Options{Scaled: src, Config: fileWith(t, "calm")},
		service{namespace: "llm", name: "calm", pods: 2, rate: 2}, service{namespace: "llm", name: "busy", pods: 2, rate: 2})
	c := kedaClient(t, a, KEDAOptions{})
	ask := func() string { return poll(t, c, "o", definition("busy")) }
	if got := ask(); !strings.Contains(got, "its definition was not seen yet") {
		t.Errorf("before: got %s", got)
	}
	src.set(scaledObject("o", "busy", definition("busy")))
	turns(t, a, clock, 4, nil)
	if got := ask(); !strings.HasSuffix(got, " true") {
		t.Errorf("want an answer, got %s", got)
	}
	id := policy.ModelID{Namespace: "llm", Name: "o"}
	e, ok := a.Registry().Find(id)
	if v := e.Model.Variants; !ok || e.Origin != config.FromScaledObject || v[0].Min != 1 || v[0].Max != 10 {
		t.Errorf("want it in the registry with the ScaledObject's bounds, got %+v", e)
	}
	turns(t, a, clock, 2, nil)
	_, newest := a.Engine().Board().Load(), clock.now
	for _, v := range a.Engine().Board().Load().Models {
		if v.Model.ID == id && newest.Sub(v.Learned.Since) < time.Hour {
			t.Errorf("want it to know the hour before it came, but it knows of %s", v.Learned.Since)
		}
	}
	// A new file without it leaves it alone.
	next := fileWith(t, "quiet")
	turns(t, a, clock, 2, func(time.Time) (*config.Config, bool) {
		got := next
		next = nil
		return got, got != nil
	})
	if got := ask(); !strings.HasSuffix(got, " true") {
		t.Errorf("after a reload: got %s", got)
	}
	if _, ok := a.Registry().Find(policy.ModelID{Namespace: "llm", Name: "calm"}); ok {
		t.Error("the new file was not taken")
	}
	src.set()
	turns(t, a, clock, 2, nil)
	if got := ask(); !strings.Contains(got, "was not seen yet") {
		t.Errorf("after it is gone: got %s", got)
	}
}

// fileWith is a configuration with one model of the world.
func fileWith(t *testing.T, name string) *config.Config {
	t.Helper()
	cfg, err := config.Parse([]byte(`
apiVersion: forewarm.dev/v1alpha1
kind: Config
models:
- {name: `+name+`, namespace: llm, engine: vllm, modelName: org/`+name+`, slo: {ttftP95: 1s},
   variants: [{name: main, target: {name: `+name+`}, replicas: {min: 2, max: 9}}]}
`), Catalog())
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestAScaledObjectThatIsNotTakenIsToldWhy(t *testing.T) {
	malformed := definition("busy")
	malformed["slo.ttftP95"] = "soon"
	stolen := definition("calm")
	for name, tc := range map[string]struct {
		source *objects
		off    bool
		ask    map[string]string
		want   string
	}{
		"no permission": {
			&objects{err: errors.New("scaledobjects is forbidden; grant list and watch on scaledobjects.keda.sh")}, false,
			definition("busy"), "model llm/o: what ScaledObjects define is not known: scaledobjects is forbidden; grant list and watch",
		},
		"no permission, and configured": {
			&objects{err: errors.New("forbidden")}, false, map[string]string{"model": "calm"}, "2 true",
		},
		"the file has it": {
			&objects{list: []fleet.ScaledObject{scaledObject("o", "calm", stolen)}}, false,
			stolen, "model llm/o: the configuration file serves the same series: name its model in the metadata",
		},
		"malformed": {
			&objects{list: []fleet.ScaledObject{scaledObject("o", "busy", malformed)}}, false,
			malformed, "trigger of ScaledObject llm/o: slo.ttftP95: want a duration such as 15s, got soon",
		},
		"one target for two": {
			&objects{list: []fleet.ScaledObject{scaledObject("o", "calm", definition("busy"))}}, false,
			definition("busy"), "model llm/o: ",
		},
		"turned off": {
			&objects{list: []fleet.ScaledObject{scaledObject("o", "busy", definition("busy"))}}, true,
			definition("busy"), "definitions are turned off here",
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, _ := opened(t, Options{Scaled: tc.source, NoInline: tc.off, Config: fileWith(t, "calm")},
				service{namespace: "llm", name: "calm", pods: 2, rate: 0.1}, service{namespace: "llm", name: "busy", pods: 2, rate: 2})
			if got := poll(t, kedaClient(t, a, KEDAOptions{NoInline: tc.off}), "o", tc.ask); !strings.Contains(got, tc.want) {
				t.Errorf("want %s, got %s", tc.want, got)
			}
			said := false
			for _, f := range a.Report().Faults {
				said = said || f.Code == faultScaledObjects
			}
			if said != (tc.source.err != nil) {
				t.Errorf("want the report to say that ScaledObjects are unread: %t, got %t", tc.source.err != nil, said)
			}
		})
	}
}

func TestWhatAScaledObjectDefinesIsNotDiscoveredAgain(t *testing.T) {
	src := &objects{list: []fleet.ScaledObject{scaledObject("mine", "calm", definition("calm"))}}
	a, _ := opened(t, Options{Scaled: src},
		service{namespace: "llm", name: "calm", pods: 2, rate: 2}, service{namespace: "llm", name: "busy", pods: 2, rate: 2})
	var got []string
	for _, e := range a.Registry().Entries {
		got = append(got, e.Model.ID.Name+" "+string(e.Origin))
	}
	if want := "mine ScaledObject,org-busy discovered"; strings.Join(got, ",") != want {
		t.Errorf("want %s, got %v", want, got)
	}
}

func TestAServerWithoutModelsWaitsForScaledObjects(t *testing.T) {
	src := &objects{}
	a, clock := opened(t, Options{Scaled: src}, service{namespace: "elsewhere", name: "x", pods: 1, rate: 1, nameless: true, until: noon.Add(-89 * time.Minute)})
	if len(a.Registry().Entries) > 1 {
		t.Fatalf("want no model yet, got %v", a.Registry().Entries)
	}
	src.set(scaledObject("o", "busy", definition("busy")))
	turns(t, a, clock, 3, nil)
	if _, ok := a.Registry().Find(policy.ModelID{Namespace: "llm", Name: "o"}); !ok {
		t.Error("the ScaledObject's model is not watched")
	}
}
