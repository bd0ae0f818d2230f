package adapter

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/forewarm/forewarm/policy"
)

// Each test here is one thing that the HPA or the library does and an adapter can fall for.

// The controller manager asks in protobuf unless told otherwise, so that is what an HPA sends.
func TestTheHPAAsksInProtobuf(t *testing.T) {
	c, v := twoPods(t)
	w := start(t, c, snapshot(v), nil)
	cfg := c.as(t, w.addr, hpaUser, "system:serviceaccounts")
	cfg.ContentType, cfg.AcceptContentTypes = runtime.ContentTypeProtobuf, runtime.ContentTypeProtobuf
	var answered atomic.Int64
	cfg.WrapTransport = func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(r)
			if err == nil && strings.HasPrefix(resp.Header.Get("Content-Type"), runtime.ContentTypeProtobuf) {
				answered.Add(1)
			}
			return resp, err
		})
	}
	custom, _ := w.clients(cfg)
	pods, err := custom.NamespacedMetrics("llm").GetForObjects(podKind, selector(t, "app=vllm"),
		"vllm:num_requests_waiting", labels.Everything())
	if err != nil || len(pods.Items) != 2 || pods.Items[0].Value.String() != "2" {
		t.Errorf("want the pods as in JSON, got %v (%v)", pods, err)
	}
	one, err := custom.NamespacedMetrics("llm").GetForObject(deployment, "main", Desired, labels.Everything())
	if err != nil || one.Value.String() != "3" {
		t.Errorf("want the decision as in JSON, got %v (%v)", one, err)
	}
	if answered.Load() < 2 {
		t.Errorf("want answers in protobuf, got %d", answered.Load())
	}
}

// The library asks the API server 5 times a second unless told otherwise, reviews of callers among it, which throttles
// an adapter of a large cluster.
func TestTheAPIServerIsNotAskedAtTheLibrarysPace(t *testing.T) {
	c, v := twoPods(t)
	w := start(t, c, snapshot(v), nil)
	limit := w.server.client.Discovery().RESTClient().GetRateLimiter()
	if got := limit.QPS(); got != DefaultOptions().QPS || got < 50 {
		t.Errorf("want our %g requests a second, got %g", DefaultOptions().QPS, got)
	}
}

// An index is built from a snapshot in whichever order models come; what it lists is sorted, so that replicas of the
// adapter say the same.
func TestTargetsAreListedInOneOrder(t *testing.T) {
	views := []policy.ModelView{
		model("llm", "llama", "vllm", nil, "zebra", "main"), model("llm", "qwen", "sglang", nil, "alpha"),
	}
	var first string
	for _, order := range [][]policy.ModelView{{views[0], views[1]}, {views[1], views[0]}} {
		w := start(t, newCluster(t), snapshot(order...), nil)
		custom, _ := w.hpa()
		_, err := custom.NamespacedMetrics("llm").GetForObject(deployment, "none", Desired, labels.Everything())
		if err == nil || !strings.Contains(err.Error(), "scaled here: alpha, main, zebra") {
			t.Fatalf("want the targets sorted, got %v", err)
		}
		if first == "" {
			first = err.Error()
		}
		if err.Error() != first {
			t.Errorf("one says %s, the other %s", first, err)
		}
	}
}
