// Command floor is the least that a custom metrics API server can be: pods from an
// informer, values in a map that is read from Prometheus every few seconds, and the
// same library underneath. It knows neither readiness nor age, and is only there to
// be measured against: what it costs, nobody saves.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/metrics/pkg/apis/custom_metrics"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/cmd"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/provider"
)

const refresh = 5 * time.Second

// queries are the metrics that are read.
var queries = []string{"vllm:num_requests_waiting", "vllm:num_requests_running", "vllm:kv_cache_usage_perc"}

type podKey struct{ namespace, pod string }

// values are the newest of each metric.
type values map[string]map[podKey]float64

type floor struct {
	pods   listers.PodLister
	values atomic.Pointer[values]
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	base := &cmd.AdapterBase{Name: "floor"}
	prometheus := base.Flags().String("prometheus", "", "base URL of Prometheus")
	if err := base.Flags().Parse(os.Args[1:]); err != nil {
		return err
	}
	informers, err := base.Informers()
	if err != nil {
		return err
	}
	f := &floor{pods: informers.Core().V1().Pods().Lister()}
	f.values.Store(&values{})
	base.WithCustomMetrics(f)
	go f.follow(ctx, *prometheus)
	return base.Run(ctx)
}

// follow reads all metrics again and again.
func (f *floor) follow(ctx context.Context, prometheus string) {
	for ctx.Err() == nil {
		next := values{}
		for _, q := range queries {
			if got, err := ask(ctx, prometheus, q); err == nil {
				next[q] = got
			}
		}
		f.values.Store(&next)
		select {
		case <-ctx.Done():
		case <-time.After(refresh):
		}
	}
}

func ask(ctx context.Context, prometheus, metric string) (map[podKey]float64, error) {
	query := url.Values{"query": {fmt.Sprintf("sum by (namespace, pod) ({__name__=%q})", metric)}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, prometheus+"/api/v1/query?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	var doc struct {
		Data struct {
			Result []struct {
				Metric map[string]string `json:"metric"`
				Value  [2]any            `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.NewDecoder(r.Body).Decode(&doc); err != nil {
		return nil, err
	}
	out := map[podKey]float64{}
	for _, s := range doc.Data.Result {
		text, _ := s.Value[1].(string)
		if v, err := strconv.ParseFloat(text, 64); err == nil {
			out[podKey{s.Metric["namespace"], s.Metric["pod"]}] = v
		}
	}
	return out, nil
}

// GetMetricByName is not measured.
func (f *floor) GetMetricByName(
	_ context.Context, name types.NamespacedName, info provider.CustomMetricInfo, _ labels.Selector,
) (*custom_metrics.MetricValue, error) {
	return nil, provider.NewMetricNotFoundForError(info.GroupResource, info.Metric, name.Name)
}

// GetMetricBySelector joins the pods of the lister with the map.
func (f *floor) GetMetricBySelector(
	_ context.Context, namespace string, selector labels.Selector, info provider.CustomMetricInfo, _ labels.Selector,
) (*custom_metrics.MetricValueList, error) {
	pods, err := f.pods.Pods(namespace).List(selector)
	if err != nil {
		return nil, err
	}
	of := (*f.values.Load())[info.Metric]
	out := &custom_metrics.MetricValueList{Items: make([]custom_metrics.MetricValue, 0, len(pods))}
	now := metav1.Now()
	for _, p := range pods {
		v, ok := of[podKey{namespace, p.Name}]
		if !ok {
			continue
		}
		out.Items = append(out.Items, custom_metrics.MetricValue{
			DescribedObject: custom_metrics.ObjectReference{Kind: "Pod", APIVersion: "v1", Namespace: namespace, Name: p.Name},
			Metric:          custom_metrics.MetricIdentifier{Name: info.Metric},
			Timestamp:       now, Value: *resource.NewMilliQuantity(int64(v*1000), resource.DecimalSI),
		})
	}
	return out, nil
}

// ListAllMetrics is what is read.
func (f *floor) ListAllMetrics() []provider.CustomMetricInfo {
	var out []provider.CustomMetricInfo
	for _, q := range queries {
		info := provider.CustomMetricInfo{Metric: q, Namespaced: true}
		info.GroupResource.Resource = "pods"
		out = append(out, info)
	}
	return out
}
