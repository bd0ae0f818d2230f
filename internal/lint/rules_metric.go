package lint

import (
	"fmt"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/forewarm/forewarm/policy"
)

// desired is the metric of decisions.
const desired = "forewarm_desired_replicas"

// used is one metric of an HPA.
type used struct {
	path   string // of the metric source, as spec.metrics[0].object
	id     autoscalingv2.MetricIdentifier
	target autoscalingv2.MetricTarget
	kind   autoscalingv2.MetricSourceType
	object *autoscalingv2.CrossVersionObjectReference
}

// metricsOf are the metrics of an HPA that come from an adapter.
func metricsOf(h HPA) []used {
	var out []used
	for i, m := range h.Spec.Metrics {
		at := func(kind string) string { return fmt.Sprintf("spec.metrics[%d].%s", i, kind) }
		switch {
		case m.Pods != nil:
			out = append(out, used{at("pods"), m.Pods.Metric, m.Pods.Target, m.Type, nil})
		case m.Object != nil:
			out = append(out, used{at("object"), m.Object.Metric, m.Object.Target, m.Type, &m.Object.DescribedObject})
		case m.External != nil:
			out = append(out, used{at("external"), m.External.Metric, m.External.Target, m.Type, nil})
		}
	}
	return out
}

// valueTarget: a Value target is multiplied by ready pods, so a loading fleet flaps.
func valueTarget(in *Input) []Finding {
	const problem = "Value is scaled by ready pods only: " +
		"while a replica loads, the count falls and rises again at every sync"
	const remedy = "use AverageValue: it divides by all replicas, ready or not"
	var out []Finding
	for _, h := range in.HPAs {
		for _, m := range metricsOf(h) {
			if m.target.Type == autoscalingv2.ValueMetricType {
				out = append(out, h.find(Error, m.path+".target.type",
					problem, remedy))
			}
		}
	}
	for _, s := range in.Scaled {
		for i, t := range s.Spec.Triggers {
			if t.MetricType == string(autoscalingv2.ValueMetricType) {
				out = append(out, s.find(Error, fmt.Sprintf("spec.triggers[%d].metricType", i),
					problem, remedy))
			}
		}
	}
	return out
}

// averageOfRatio: AverageValue divides an object's metric by the replicas; a ratio
// or a latency divided by them means nothing.
func averageOfRatio(in *Input) []Finding {
	ratios := map[string]bool{
		"inference_kv_utilization": true, "inference_ttft_p95_seconds": true, "inference_itl_p95_seconds": true,
	}
	var out []Finding
	for _, h := range in.HPAs {
		for _, m := range metricsOf(h) {
			ours, _ := in.Served(m.id.Name)
			if ratios[ours] && m.kind != autoscalingv2.PodsMetricSourceType &&
				m.target.Type == autoscalingv2.AverageValueMetricType {
				out = append(out, h.find(Error, m.path+".metric.name",
					m.id.Name+" is a ratio or a latency; AverageValue divides it by the replicas, so more replicas always look better",
					"use type Pods for the KV cache, and "+desired+" instead of a latency"))
			}
		}
	}
	return out
}

// podsOnlyZero: at zero there are no pods to measure.
func podsOnlyZero(in *Input) []Finding {
	var out []Finding
	for _, h := range in.HPAs {
		wakes := false
		for _, m := range h.Spec.Metrics {
			wakes = wakes || m.Type == autoscalingv2.ObjectMetricSourceType || m.Type == autoscalingv2.ExternalMetricSourceType
		}
		if h.min() == 0 && !wakes && !h.Partial {
			out = append(out, h.find(Error, "spec.minReplicas",
				"0 needs an Object or External metric: at zero there is no pod to measure, and the API server refuses it",
				"add type Object with "+desired+" on the scale target"))
		}
	}
	return out
}

// metricUnserved: an API has one server, so what ours does not know, nobody answers.
func metricUnserved(in *Input) []Finding {
	var out []Finding
	for _, h := range in.HPAs {
		for _, m := range metricsOf(h) {
			ours, ofPods := in.Served(m.id.Name)
			field := m.path + ".metric.name"
			switch {
			case ours == "" && m.kind == autoscalingv2.ExternalMetricSourceType && !looksOurs(m.id.Name):
			case ours == "":
				out = append(out, h.find(Error, field,
					m.id.Name+" is not served by Forewarm, and custom.metrics.k8s.io has one server",
					"docs/adapter.md lists the names"))
			case m.kind == autoscalingv2.PodsMetricSourceType && !ofPods:
				out = append(out, h.find(Error, field, m.id.Name+" is not served of pods",
					"use type Object and describe the scale target"))
			}
		}
	}
	return out
}

func looksOurs(name string) bool {
	return strings.HasPrefix(name, "inference_") || strings.HasPrefix(name, "forewarm_")
}

// modelUnknown: a selector, an object or a trigger that means no model.
func modelUnknown(in *Input) []Finding {
	if !in.Complete {
		return nil
	}
	var out []Finding
	for _, h := range in.HPAs {
		for _, m := range metricsOf(h) {
			if ours, _ := in.Served(m.id.Name); ours == "" {
				continue
			}
			out = append(out, in.selectorFindings(h, m)...)
			out = append(out, in.objectFindings(h, m)...)
		}
	}
	for _, s := range in.Scaled {
		for i, t := range s.Spec.Triggers {
			name := t.Metadata["model"]
			if !t.ours() || name == "" || t.Metadata["engine"] != "" || in.has(s.Namespace, name, t.Metadata["variant"]) {
				continue // what it defines itself is no question, and what it does not say another rule asks for
			}
			out = append(out, s.find(Error, fmt.Sprintf("spec.triggers[%d].metadata.model", i),
				fmt.Sprintf("no model %s in namespace %s%s", name, s.Namespace, in.known(s.Namespace)),
				"correct model and variant, or define the model inline"))
		}
	}
	return out
}

func (in *Input) selectorFindings(h HPA, m used) []Finding {
	if m.id.Selector == nil {
		return nil
	}
	sel, err := metav1.LabelSelectorAsSelector(m.id.Selector)
	if err != nil {
		return []Finding{h.find(Error, m.path+".metric.selector", err.Error(), "correct the selector")}
	}
	for _, model := range in.Models {
		if model.ID.Namespace != h.Namespace {
			continue
		}
		set := labels.Set{"model": model.ID.Name, "engine": model.Engine}
		if sel.Matches(set) {
			return nil
		}
		for _, v := range model.Variants {
			set["variant"] = v.Name
			if sel.Matches(set) {
				return nil
			}
		}
	}
	return []Finding{h.find(Error, m.path+".metric.selector",
		fmt.Sprintf("%s matches no model in namespace %s%s", sel, h.Namespace, in.known(h.Namespace)),
		"the labels are model, variant and engine")}
}

// objectFindings judges a described object that can only be a scale target.
func (in *Input) objectFindings(h HPA, m used) []Finding {
	if m.object == nil || m.object.Kind == "Service" || m.object.Kind == "InferencePool" || m.object.Kind == "Namespace" {
		return nil
	}
	for _, model := range in.Models {
		for _, v := range model.Variants {
			if model.ID.Namespace == h.Namespace && v.Target.Kind == m.object.Kind && v.Target.Name == m.object.Name {
				return nil
			}
		}
	}
	return []Finding{h.find(Error, m.path+".describedObject.name",
		fmt.Sprintf("no variant scales %s %s/%s%s", m.object.Kind, h.Namespace, m.object.Name, in.known(h.Namespace)),
		"describe what a variant scales, or a Service with a metric selector")}
}

// has says whether a model, and a variant of it if one is named, is there.
func (in *Input) has(namespace, name, variant string) bool {
	for _, m := range in.Models {
		if m.ID == (policy.ModelID{Namespace: namespace, Name: name}) {
			for _, v := range m.Variants {
				if variant == "" || v.Name == variant {
					return true
				}
			}
		}
	}
	return false
}

// known lists the models of a namespace in a message.
func (in *Input) known(namespace string) string {
	var names []string
	for _, m := range in.Models {
		if m.ID.Namespace == namespace {
			names = append(names, m.ID.Name)
		}
	}
	if len(names) == 0 {
		return "; it has none"
	}
	return "; it has " + strings.Join(names, ", ")
}

// mixedMetrics: an HPA takes the highest of its metrics.
func mixedMetrics(in *Input) []Finding {
	var out []Finding
	for _, h := range in.HPAs {
		decides, raw := "", ""
		for _, m := range metricsOf(h) {
			if m.id.Name == desired {
				decides = m.path + ".metric.name"
			} else if raw == "" {
				raw = m.id.Name
			}
		}
		out = append(out, h.mixed(decides, raw)...)
	}
	for _, s := range in.Scaled {
		decides, raw := "", ""
		for i, t := range s.Spec.Triggers {
			if t.decides() {
				decides = fmt.Sprintf("spec.triggers[%d]", i)
			} else if raw == "" && t.Type != "cron" {
				raw = "a trigger of type " + t.Type
			}
		}
		out = append(out, s.mixed(decides, raw)...)
	}
	return out
}

// mixed is the finding of an autoscaler with a decision and a raw metric.
func (r Ref) mixed(decides, raw string) []Finding {
	if decides == "" || raw == "" {
		return nil
	}
	return []Finding{r.find(Warning, decides,
		"the decision stands beside "+raw+": the highest count wins, "+
			"so a queue that the decision has already answered is answered twice",
		"leave the decision alone in its autoscaler")}
}
