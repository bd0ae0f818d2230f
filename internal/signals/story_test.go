package signals

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
)

const (
	storyScrapes = 9 // at 0, 15, ... 120 s
	storyEvery   = 15 * time.Second
)

var (
	storyStart = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	storyAt    = storyStart.Add(125 * time.Second)
)

// gap is a scrape that gave no sample.
const gap = -98765.4321

// story builds a window of scrapes: every pod is a target of job "vllm" that is up
// unless the story says otherwise.
type story struct {
	w    *Window
	told map[string]bool // pods whose up was told
	pods []string
}

func newStory() *story { return &story{w: NewWindow(), told: map[string]bool{}} }

// pod adds a series, "name{label=value,...}", to a pod. One value holds for all
// scrapes; else there is one for each. Labels in the expression replace those of
// the target; an empty value removes.
func (s *story) pod(pod, expr string, values ...float64) *story {
	name, rest, _ := strings.Cut(strings.TrimSuffix(expr, "}"), "{")
	metric := model.Metric{
		model.MetricNameLabel: model.LabelValue(name), "namespace": "llm", "pod": model.LabelValue(pod),
		"job": "vllm", "instance": model.LabelValue(pod + ":8000"),
	}
	for _, pair := range strings.Split(rest, ",") {
		if k, v, ok := strings.Cut(pair, "="); ok {
			metric[model.LabelName(k)] = model.LabelValue(v)
			if v == "" {
				delete(metric, model.LabelName(k))
			}
		}
	}
	stream := &model.SampleStream{Metric: metric}
	for i := range storyScrapes {
		v := values[0]
		if len(values) > 1 {
			v = values[i]
		}
		if v != gap {
			at := storyStart.Add(time.Duration(i) * storyEvery)
			stream.Values = append(stream.Values, model.SamplePair{
				Timestamp: model.TimeFromUnixNano(at.UnixNano()), Value: model.SampleValue(v),
			})
		}
	}
	s.w.Add(model.Matrix{stream})
	s.pods = append(s.pods, pod)
	return s
}

// up tells a pod's up series; expr may carry labels: "up{job=x}".
func (s *story) up(pod, expr string, values ...float64) *story {
	s.told[pod] = true
	return s.pod(pod, expr, values...)
}

// noUp says that there is no up series for a pod.
func (s *story) noUp(pod string) *story {
	s.told[pod] = true
	return s
}

// window ends the story: pods whose up was not told were up all the time.
func (s *story) window() *Window {
	for _, p := range s.pods {
		if !s.told[p] {
			s.up(p, UpSeries, 1)
		}
	}
	return s.w
}

// vllmPod is a healthy pod: two waiting, three running, half its cache in use, one
// completion and a hundred tokens each way per scrape.
func (s *story) vllmPod(pod string) *story {
	return s.
		pod(pod, "vllm:num_requests_waiting{model_name=m}", 2).
		pod(pod, "vllm:num_requests_running{model_name=m}", 3).
		pod(pod, "vllm:kv_cache_usage_perc{model_name=m}", 0.5).
		pod(pod, "vllm:request_success_total{model_name=m}", counting(10, 1)...).
		pod(pod, "vllm:prompt_tokens_total{model_name=m}", counting(1000, 100)...).
		pod(pod, "vllm:generation_tokens_total{model_name=m}", counting(1000, 100)...)
}

// counting is a counter that gains the same at every scrape.
func counting(from, by float64) []float64 {
	out := make([]float64, storyScrapes)
	for i := range out {
		out[i] = from + by*float64(i)
	}
	return out
}

// until keeps the first n scrapes.
func until(n int, values ...float64) []float64 {
	out := make([]float64, storyScrapes)
	for i := range out {
		v := values[0]
		if len(values) > 1 {
			v = values[i]
		}
		if i >= n {
			v = gap
		}
		out[i] = v
	}
	return out
}

// since leaves out the first n scrapes.
func since(n int, values ...float64) []float64 {
	out := make([]float64, storyScrapes)
	for i := range out {
		v := values[0]
		if len(values) > 1 {
			v = values[i]
		}
		if i < n {
			v = gap
		}
		out[i] = v
	}
	return out
}

// TestAPodWithASilentRankTellsTooLittle: one rank counts NaN. What the others say is a lower bound, and the pod says so.
func TestAPodWithASilentRankTellsTooLittle(t *testing.T) {
	silent := newStory().vllmPod("a").vllmPod("b").
		pod("a", "vllm:num_requests_waiting{model_name=m,engine=0}", 3, 3, 3, 3, 3, 3, 3, 3, 3).
		pod("a", "vllm:num_requests_waiting{model_name=m,engine=1}", math.NaN())
	got, _ := NewEvaluator(DefaultOptions()).Signals(engineBinding("vllm", "m"), silent.window(), storyAt, nil)
	if len(got.Pods) != 2 || !got.Pods[0].Partial || got.Pods[1].Partial || !got.Partial {
		t.Errorf("want pod a and the whole partial, b not, got %+v, partial %t", got.Pods, got.Partial)
	}
}
