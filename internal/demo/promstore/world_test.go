package promstore

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/forewarm/forewarm/internal/sim"
)

// TestSimulatedFleetThroughPromQL asks the questions a scaler asks and compares the answers with the books
// of the fleet.
func TestSimulatedFleetThroughPromQL(t *testing.T) {
	s, f := history(t, 10*time.Hour)
	api := client(t, s, f.Now())
	totals := f.Totals()
	stamp := fmt.Sprintf(" @[%d]", f.Now().Unix())
	for text, want := range map[string]string{
		`sum(vllm:num_requests_running)`:                     fmt.Sprint("{} => ", totals.Running, stamp),
		`sum(vllm:num_requests_waiting)`:                     fmt.Sprint("{} => ", totals.Waiting, stamp),
		`count(up{job="vllm"} == 1)`:                         fmt.Sprint("{} => ", f.Count(sim.Ready), stamp),
		`max(vllm:kv_cache_usage_perc) <= bool 1`:            "{} => 1" + stamp,
		`sum(kube_pod_status_ready{condition="true"})`:       fmt.Sprint("{} => ", f.Count(sim.Ready), stamp),
		`count(vllm:cache_config_info{block_size="16"}) > 0`: fmt.Sprint("{} => ", f.Count(sim.Ready), stamp),
		`sum(rate(vllm:request_success_total[5m])) > bool 1`: "{} => 1" + stamp,
		`sum(vllm:e2e_request_latency_seconds_bucket{le="+Inf"} - ` +
			`ignoring(le) vllm:e2e_request_latency_seconds_count)`: "{} => 0" + stamp,
	} {
		if got := query(t, api, text, time.Time{}); got != want {
			t.Errorf("%s: want %s, got %s", text, want, got)
		}
	}
	warm := query(t, api, `max(kube_pod_status_ready_time - on (namespace, pod, uid) kube_pod_created)`, time.Time{})
	if !strings.HasPrefix(warm, "{} => 1") && !strings.HasPrefix(warm, "{} => 8") && !strings.HasPrefix(warm, "{} => 9") {
		t.Errorf("warm-up of a pod: want about 100 s, got %s", warm)
	}
}
