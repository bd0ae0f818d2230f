package integration

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// gateway is a fake llm-d endpoint picker: it counts requests, and holds them
// while no replica exists.
type gateway struct {
	server *httptest.Server

	mu    sync.Mutex
	flows map[string]*flow
}

// flow is the demand for one model.
type flow struct {
	requests float64 // per second
	total    float64 // counted by since
	queue    float64 // held now
	since    time.Time
}

func startGateway(t *testing.T) *gateway {
	t.Helper()
	g := &gateway{flows: map[string]*flow{}}
	g.server = httptest.NewServer(http.HandlerFunc(g.metrics))
	t.Cleanup(func() {
		g.server.CloseClientConnections()
		g.server.Close()
	})
	return g
}

// send makes requests for a model arrive, and so many of them wait.
func (g *gateway) send(model string, requests, queue float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	next := &flow{requests: requests, queue: queue, since: time.Now()}
	if was := g.flows[model]; was != nil {
		next.total = was.total + was.requests*next.since.Sub(was.since).Seconds()
	} else {
		next.since, next.total = processStart, requests*podAge.Seconds()
	}
	g.flows[model] = next
}

// target has the labels of the gateway's own pod, not of the models'.
func (g *gateway) target() target {
	return target{
		address: g.server.Listener.Addr().String(),
		labels: map[string]string{
			"job": "gateway/epp", "namespace": "gateway", "pod": "epp-0", "endpoint": "metrics",
		},
		expose: g.expose,
	}
}

func (g *gateway) metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	g.expose(w, time.Now())
}

func (g *gateway) expose(w io.Writer, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	fmt.Fprintln(w, "# TYPE llm_d_epp_request_total counter")
	for model, f := range g.flows {
		sample(w, "llm_d_epp_request_total", fmt.Sprintf(`model_name=%q,target_model_name=%q`, model, model),
			math.Floor(f.total+f.requests*at.Sub(f.since).Seconds()))
	}
	fmt.Fprintln(w, "# TYPE llm_d_epp_flow_control_queue_size gauge")
	for model, f := range g.flows {
		sample(w, "llm_d_epp_flow_control_queue_size", fmt.Sprintf(
			`fairness_id="default",priority="0",inference_pool="pool",model_name=%q,target_model_name=%q`, model, model),
			f.queue)
	}
	fmt.Fprintln(w, "# TYPE llm_d_epp_ready_endpoints gauge")
	sample(w, "llm_d_epp_ready_endpoints", `name="pool"`, 0)
}
