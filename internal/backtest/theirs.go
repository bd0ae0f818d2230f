package backtest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

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

// kedaMaxReplicas is KEDA's default.
const kedaMaxReplicas = 100

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
		Namespace       string            `json:"namespace"`
		Name            string            `json:"name"`
		Annotations     map[string]string `json:"annotations"`
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

func (o object) autoscaler() (Autoscaler, bool, error) {
	a := Autoscaler{Kind: o.Kind, Namespace: o.Metadata.Namespace, Name: o.Metadata.Name}
	if a.Namespace == "" {
		a.Namespace = "default"
	}
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
		for _, name := range slices.Sorted(maps.Keys(o.Metadata.Annotations)) {
			if strings.HasPrefix(name, "autoscaling.keda.sh/paused") || name == "autoscaling.keda.sh/force-activation" {
				a.note("its annotation %s is not honoured: it is simulated as if it scaled freely", name)
			}
		}
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
	if a.Setup.Min == 0 {
		a.note("its minReplicas of 0 is not simulated: it keeps one replica")
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
		a.follow(x.Metric.Name, rival.Target{Value: x.Target.AverageValue.AsApproximateFloat64()})
	}
	a.behave(s.Behavior)
	return a.check()
}

// scaled is a ScaledObject, as far as anything of it is used or said to be left out.
type scaled struct {
	Target   scaleTarget     `json:"scaleTargetRef"`
	Min      int             `json:"minReplicaCount"`
	Max      *int            `json:"maxReplicaCount"`
	Idle     *int            `json:"idleReplicaCount"`
	Cooldown *int            `json:"cooldownPeriod"`
	Fallback json.RawMessage `json:"fallback"`
	Advanced struct {
		HPA struct {
			Behavior *behavior `json:"behavior"`
		} `json:"horizontalPodAutoscalerConfig"`
		Modifiers struct {
			Formula string `json:"formula"`
		} `json:"scalingModifiers"`
	} `json:"advanced"`
	Triggers []struct {
		Type       string            `json:"type"`
		MetricType string            `json:"metricType"`
		Metadata   map[string]string `json:"metadata"`
	} `json:"triggers"`
}

func (a *Autoscaler) keda(spec []byte) error {
	var s scaled
	if err := json.Unmarshal(spec, &s); err != nil {
		return err
	}
	a.Target, a.Setup.Min, a.Setup.Max = s.Target.Name, s.Min, kedaMaxReplicas
	if s.Max != nil {
		a.Setup.Max = *s.Max
	}
	a.leaveOut(s)
	for _, t := range s.Triggers {
		threshold, err := strconv.ParseFloat(t.Metadata["threshold"], 64)
		if t.Type != "prometheus" || t.MetricType != "" && t.MetricType != "AverageValue" || err != nil {
			a.note("its trigger of type %s is not simulated", t.Type)
			continue
		}
		nulls, err := strconv.ParseBool(cmp.Or(t.Metadata["ignoreNullValues"], "true"))
		if err != nil {
			return fmt.Errorf("ignoreNullValues: want true or false, got %q", t.Metadata["ignoreNullValues"])
		}
		if v := t.Metadata["activationThreshold"]; v != "" {
			a.note("its activationThreshold of %s is not simulated: it says when to leave zero", v)
		}
		a.follow(t.Metadata["query"], rival.Target{Value: threshold, Nulls: nulls})
	}
	a.behave(s.Advanced.HPA.Behavior)
	return a.check()
}

// leaveOut says what of a ScaledObject is not run.
func (a *Autoscaler) leaveOut(s scaled) {
	if s.Min == 0 {
		a.note("its minReplicaCount of 0 is not simulated: it keeps one replica")
	}
	if s.Idle != nil {
		a.note("its idleReplicaCount of %d is not simulated: it never goes below its minimum", *s.Idle)
	}
	if s.Cooldown != nil {
		a.note("its cooldownPeriod of %d s is not simulated: it says when to go to zero", *s.Cooldown)
	}
	if len(s.Fallback) > 0 && string(s.Fallback) != "null" {
		a.note("its fallback is not simulated: without a metric it holds")
	}
	if s.Advanced.Modifiers.Formula != "" {
		a.note("its scalingModifiers are not simulated: each trigger counts on its own")
	}
}

// follow takes a metric or a query by what its name says.
func (a *Autoscaler) follow(name string, target rival.Target) {
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
			target.Of = w.of
			a.Setup.Metrics = append(a.Setup.Metrics, target)
			return
		}
	}
	a.note("its metric %q is nothing that this world shows, and is not simulated", name)
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
	if least := a.Setup.Least(); a.Setup.Max < least {
		return fmt.Errorf("maximum: want at least the minimum (%d), got %d", least, a.Setup.Max)
	}
	return nil
}

// setting says in few words how it is run.
func (a *Autoscaler) setting() string {
	var parts []string
	for _, m := range a.Setup.Metrics {
		parts = append(parts, fmt.Sprintf("%s %g", m.Of, m.Value))
	}
	return fmt.Sprintf("%s per replica, %d to %d, %s down",
		strings.Join(parts, ", "), a.Setup.Least(), a.Setup.Max, a.Setup.DownWindow())
}
