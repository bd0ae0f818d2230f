package adapter

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/provider"

	"github.com/forewarm/forewarm/policy"
)

// BenchmarkPods is finding the answer for every pod of a model, without encoding.
func BenchmarkPods(b *testing.B) {
	for _, n := range []int{10, 1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var says []policy.Pod
			var list []*pod
			for i := range n {
				name := fmt.Sprintf("vllm-5d4f8b6c7-%05d", i)
				says = append(says, reports(name, "main", float64(i%7), float64(i%30)))
				list = append(list, &pod{name: name, labels: labels.Set{"app": "vllm"}, ready: noon.Add(-time.Hour), started: noon.Add(-time.Hour)})
			}
			s := snapshot(model("llm", "llama", "vllm", says, "main"))
			server := &Server{opts: DefaultOptions(), stats: newStats(func() time.Time { return noon }, realTime), view: View{
				Snapshot: func() *policy.Snapshot { return s },
				HoldFor:  func() time.Duration { return 10 * time.Minute }, MaxAge: func() time.Duration { return 90 * time.Second },
				Now: func() time.Time { return noon },
			}}
			server.pods = newPodSet(nil, nil, nil)
			space := &podSpace{}
			space.list.Store(&list)
			server.pods.spaces["llm"] = space
			info := provider.CustomMetricInfo{GroupResource: podResource, Metric: "inference_pending_requests", Namespaced: true}
			which := labels.SelectorFromSet(labels.Set{"app": "vllm"})
			b.ReportAllocs()
			for b.Loop() {
				out, err := server.GetMetricBySelector(b.Context(), "llm", which, info, labels.Everything())
				if err != nil || len(out.Items) != n {
					b.Fatal(len(out.Items), err)
				}
			}
		})
	}
}
