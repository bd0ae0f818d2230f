package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/policy"
)

// A model at zero is woken by its gateway's own page between two ticks, whatever
// Prometheus knows, and the ticks that follow do not put it to sleep again.
func TestAModelAtZeroIsWokenByItsGateway(t *testing.T) {
	var queue atomic.Int64
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, "llm_d_epp_flow_control_queue_size{target_model_name=\"org/m\"} %d\n", queue.Load())
	}))
	t.Cleanup(gateway.Close)
	cfg, err := config.Parse([]byte(`
apiVersion: forewarm.dev/v1alpha1
kind: Config
models:
- {name: m, namespace: llm, engine: vllm, modelName: org/m, slo: {ttftP95: 1s}, idle: {toZero: true},
   gateway: {preset: llm-d-epp, scrape: "`+gateway.URL+`/metrics"},
   variants: [{name: main, target: {name: m}, replicas: {min: 0, max: 9}}]}
`), Catalog())
	if err != nil {
		t.Fatal(err)
	}

	cluster := &fakeCluster{supply: []policy.Supply{{Variant: "main", Known: true}}}
	a, clock := opened(t, Options{Config: cfg, Cluster: cluster}, service{namespace: "llm", name: "other", pods: 1, rate: 1})
	replicas := func() int { return a.Engine().Board().Load().Plan.Decisions[0].Replicas }
	a.knock(t.Context(), clock.now)
	if got := replicas(); got != 0 {
		t.Fatalf("want it asleep, got %d", got)
	}
	queue.Store(1)
	a.knock(t.Context(), clock.now.Add(time.Second))
	if got := replicas(); got != 1 {
		t.Fatalf("want it woken at once, got %d", got)
	}
	queue.Store(0) // the client gave up, or the queue is short-lived
	turns(t, a, clock, 2, nil)
	if got := replicas(); got != 1 {
		t.Errorf("want the next tick to know why it was woken, got %d", got)
	}
}
