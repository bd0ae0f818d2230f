package backtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/forewarm/forewarm/internal/sim/rival"
)

// Autoscaler is a HorizontalPodAutoscaler or a ScaledObject, as far as this world can run it.
type Autoscaler struct {
	Kind, Namespace, Name string
	Target                string // name of what it scales
	Setup                 rival.Setup
	Notes                 []string // what of it is left out
	variant               int      // of the model that it scales
}

// kedaMaxReplicas is KEDA's default; hpaDown and hpaTolerance are the controller's.
const (
	kedaMaxReplicas = 100
	hpaDown         = 5 * time.Minute
	hpaTolerance    = 0.1
)

// ParseAutoscalers reads YAML documents or JSON, single objects or lists, as kubectl prints them. HPAs that KEDA made
// are left out, because their ScaledObjects say the same; other kinds are passed over.
func ParseAutoscalers(data []byte) ([]Autoscaler, error) {
	var out []Autoscaler
	dec := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
	for {
		var o object
		if err := dec.Decode(&o); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, fmt.Errorf("read autoscalers: %w", err)
		}
		for _, item := range append([]object{o}, o.Items...) {
			// A list from the API does not repeat the kind of its items.
			if item.Kind == "" {
				item.Kind = strings.TrimSuffix(o.Kind, "List")
			}
			a, ok, err := item.autoscaler()
			if err != nil {
				return nil, fmt.Errorf("%s %s/%s: %w", item.Kind, item.Metadata.Namespace, item.Metadata.Name, err)
			}
			if ok {
				out = append(out, a)
			}
		}
	}
}

type object struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Namespace       string `json:"namespace"`
		Name            string `json:"name"`
		OwnerReferences []struct {
			Kind string `json:"kind"`
		} `json:"ownerReferences"`
	} `json:"metadata"`
	Spec  json.RawMessage `json:"spec"`
	Items []object        `json:"items"`
}

type scaleTarget struct {
	Name string `json:"name"`
}

type behavior struct {
	ScaleDown *struct {
		Window    *int               `json:"stabilizationWindowSeconds"`
		Tolerance *resource.Quantity `json:"tolerance"`
		Select    string             `json:"selectPolicy"`
		Policies  []struct {
			Type                 string
			Value, PeriodSeconds int
		} `json:"policies"`
	} `json:"scaleDown"`
	ScaleUp json.RawMessage `json:"scaleUp"`
}

func (o object) autoscaler() (Autoscaler, bool, error) {
	a := Autoscaler{Kind: o.Kind, Namespace: o.Metadata.Namespace, Name: o.Metadata.Name}
	if a.Namespace == "" {
		a.Namespace = "default"
	}
	a.Setup = rival.Setup{Window: hpaDown, Tolerance: hpaTolerance}
	var err error
	switch o.Kind {
	case "HorizontalPodAutoscaler":
		for _, r := range o.Metadata.OwnerReferences {
			if r.Kind == "ScaledObject" {
				return a, false, nil
			}
		}
		err = a.hpa(o.Spec)
	case "ScaledObject":
		err = a.keda(o.Spec)
	default:
		return a, false, nil
	}
	return a, err == nil, err
}

func (a *Autoscaler) hpa(spec []byte) error {
	type source struct {
		Metric struct{ Name string } `json:"metric"`
		Target struct {
			AverageValue *resource.Quantity `json:"averageValue"`
		} `json:"target"`
	}
	var s struct {
		Target   scaleTarget `json:"scaleTargetRef"`
		Min      *int        `json:"minReplicas"`
		Max      int         `json:"maxReplicas"`
		Behavior *behavior   `json:"behavior"`
		Metrics  []struct {
			Type                   string
			Pods, Object, External *source
		} `json:"metrics"`
	}
	if err := json.Unmarshal(spec, &s); err != nil {
		return err
	}
	a.Target, a.Setup.Min, a.Setup.Max = s.Target.Name, 1, s.Max
	if s.Min != nil {
		a.Setup.Min = *s.Min
	}
	for _, m := range s.Metrics {
		from := slices.IndexFunc([]*source{m.Pods, m.Object, m.External}, func(s *source) bool { return s != nil })
		if from < 0 {
			a.note("its %s metric is not simulated", m.Type)
			continue
		}
		x := []*source{m.Pods, m.Object, m.External}[from]
		if x.Target.AverageValue == nil {
			a.note("its metric %s has no averageValue, and is not simulated", x.Metric.Name)
			continue
		}
		a.follow(x.Metric.Name, x.Target.AverageValue.AsApproximateFloat64())
	}
	a.behave(s.Behavior)
	return a.check()
}

func (a *Autoscaler) keda(spec []byte) error {
	var s struct {
		Target   scaleTarget `json:"scaleTargetRef"`
		Min      int         `json:"minReplicaCount"`
		Max      *int        `json:"maxReplicaCount"`
		Advanced struct {
			HPA struct {
				Behavior *behavior `json:"behavior"`
			} `json:"horizontalPodAutoscalerConfig"`
		} `json:"advanced"`
		Triggers []struct {
			Type       string            `json:"type"`
			MetricType string            `json:"metricType"`
			Metadata   map[string]string `json:"metadata"`
		} `json:"triggers"`
	}
	if err := json.Unmarshal(spec, &s); err != nil {
		return err
	}
	a.Target, a.Setup.Min, a.Setup.Max, a.Setup.Nulls = s.Target.Name, s.Min, kedaMaxReplicas, true
	if s.Max != nil {
		a.Setup.Max = *s.Max
	}
	for _, t := range s.Triggers {
		threshold, err := strconv.ParseFloat(t.Metadata["threshold"], 64)
		if t.Type != "prometheus" || t.MetricType != "" && t.MetricType != "AverageValue" || err != nil {
			a.note("its trigger of type %s is not simulated", t.Type)
			continue
		}
		a.follow(t.Metadata["query"], threshold)
	}
	a.behave(s.Advanced.HPA.Behavior)
	return a.check()
}

// follow takes a metric or a query by what its name says.
func (a *Autoscaler) follow(name string, target float64) {
	lower := strings.ToLower(name)
	for _, w := range []struct {
		of    rival.Signal
		words []string
	}{
		{rival.Queue, []string{"waiting", "pending", "queue"}},
		{rival.KV, []string{"kv_cache", "cache_usage", "kv_util", "kv-util"}},
		{rival.Running, []string{"running", "in_flight", "inflight", "concurren"}},
		{rival.Arrivals, []string{"requests_per_second", "request_rate", "rps", "requests_total", "request_total", "rate("}},
	} {
		if strings.Contains(lower, "token") {
			break // counted in tokens, of which this world knows too little
		}
		if slices.ContainsFunc(w.words, func(word string) bool { return strings.Contains(lower, word) }) {
			a.Setup.Metrics = append(a.Setup.Metrics, rival.Target{Of: w.of, Value: target})
			return
		}
	}
	a.note("its metric %q is nothing that this world shows, and is not simulated", name)
}

func (a *Autoscaler) behave(b *behavior) {
	if b == nil {
		return
	}
	if len(b.ScaleUp) > 0 {
		a.note("its scaleUp behavior is not simulated: it may double, or add four, each time")
	}
	d := b.ScaleDown
	if d == nil {
		return
	}
	if d.Window != nil {
		a.Setup.Window = time.Duration(*d.Window) * time.Second
	}
	if d.Tolerance != nil {
		a.note("its tolerance of scaleDown is not simulated")
	}
	switch {
	case len(d.Policies) == 1 && d.Policies[0].Type == "Pods" && d.Policies[0].Value > 0:
		a.Setup.DownStep = d.Policies[0].Value
		a.Setup.DownEvery = time.Duration(d.Policies[0].PeriodSeconds) * time.Second
	case d.Select == "Disabled", len(d.Policies) > 1, len(d.Policies) == 1 && d.Policies[0].Value != 100:
		a.note("its scaleDown policies are not simulated: any number may go at once")
	}
}

func (a *Autoscaler) note(format string, args ...any) {
	a.Notes = append(a.Notes, fmt.Sprintf(format, args...))
}

func (a *Autoscaler) check() error {
	for _, m := range a.Setup.Metrics {
		if !(m.Value > 0) {
			return fmt.Errorf("target of %s: want above 0, got %g", m.Of, m.Value)
		}
	}
	if a.Setup.Max < max(a.Setup.Min, 1) {
		return fmt.Errorf("maximum: want at least the minimum (%d), got %d", a.Setup.Min, a.Setup.Max)
	}
	return nil
}

// setting says in few words how it is set.
func (a *Autoscaler) setting() string {
	var parts []string
	for _, m := range a.Setup.Metrics {
		parts = append(parts, fmt.Sprintf("%s %g", m.Of, m.Value))
	}
	return fmt.Sprintf("%s per replica, %d to %d, %s down", strings.Join(parts, ", "), a.Setup.Min, a.Setup.Max, a.Setup.Window)
}
