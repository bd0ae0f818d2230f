package adapter

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/metrics/pkg/apis/custom_metrics"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/provider"
)

// asked is a metric under the name that somebody used.
type asked struct {
	*metric
	name    string
	engines []string // that spell it so; empty = every engine
}

func (a asked) of(engine string) bool {
	return len(a.engines) == 0 || slices.Contains(a.engines, engine)
}

// find looks a metric up.
func (s *Server) find(name string) (asked, error) {
	ours, engines, ok := s.opts.Names.Canonical(name)
	if !ok {
		return asked{}, refuse(http.StatusNotFound, "no metric %s is served; docs/adapter.md lists the names", name)
	}
	return asked{byName[ours], name, engines}, nil
}

// refuse is an answer without a value: 404 for what can never be answered as it is
// asked, 503 for what is not known now. An HPA holds on both.
func refuse(code int32, format string, args ...any) error {
	reason := metav1.StatusReasonNotFound
	if code == http.StatusServiceUnavailable {
		reason = metav1.StatusReasonServiceUnavailable
	}
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: code, Reason: reason, Message: fmt.Sprintf(format, args...),
	}}
}

// GetMetricBySelector answers for pods; for other objects if all of them are meant.
func (s *Server) GetMetricBySelector(
	_ context.Context, namespace string, selector labels.Selector, info provider.CustomMetricInfo,
	metricSelector labels.Selector,
) (*custom_metrics.MetricValueList, error) {
	if info.GroupResource != podResource {
		done := s.stats.begin(objects)
		out, oldest, err := s.everyObject(namespace, selector, info, metricSelector)
		done(oldest, err)
		return out, err
	}
	done := s.stats.begin(pods)
	out, oldest, err := s.podValues(namespace, "", selector, info.Metric, metricSelector)
	done(oldest, err)
	return out, err
}

// GetMetricByName answers for one pod or one object.
func (s *Server) GetMetricByName(
	_ context.Context, name types.NamespacedName, info provider.CustomMetricInfo, metricSelector labels.Selector,
) (*custom_metrics.MetricValue, error) {
	if info.GroupResource != podResource {
		done := s.stats.begin(objects)
		out, oldest, err := s.oneObject(name, info, metricSelector)
		done(oldest, err)
		return out, err
	}
	done := s.stats.begin(pods)
	list, oldest, err := s.podValues(name.Namespace, name.Name, labels.Everything(), info.Metric, metricSelector)
	if err == nil && len(list.Items) != 1 {
		err = refuse(http.StatusNotFound, "pod %s has no value of %s now", name, info.Metric)
	}
	done(oldest, err)
	if err != nil {
		return nil, err
	}
	return &list.Items[0], nil
}

// podValues are the values of the pods that match, sorted by name; of one pod, if
// that is named. Whatever is not certain is left out.
func (s *Server) podValues(
	namespace, only string, selector labels.Selector, name string, metricSelector labels.Selector,
) (*custom_metrics.MetricValueList, time.Time, error) {
	m, err := s.find(name)
	if err != nil {
		return nil, time.Time{}, err
	}
	if m.pod == nil {
		return nil, time.Time{}, refuse(http.StatusNotFound,
			"%s is no metric of pods: use type Object and describe the scale target, or the Service", name)
	}
	x, err := s.index()
	if err != nil {
		return nil, time.Time{}, err
	}
	sp := x.spaces[namespace]
	if sp == nil {
		return nil, time.Time{}, refuse(http.StatusNotFound, "no model is served in namespace %s", namespace)
	}
	list, ok := s.pods.of(namespace)
	if !ok {
		return nil, time.Time{}, refuse(http.StatusServiceUnavailable,
			"the pods of namespace %s are not known: they are being listed, or list and watch on pods are not granted there",
			namespace)
	}
	if only != "" {
		i, found := slices.BinarySearchFunc(list, only, func(p *pod, n string) int { return strings.Compare(p.name, n) })
		if list = list[i:i]; found {
			list = list[i : i+1]
		}
	}
	fits, err := sp.fits(m, metricSelector)
	if err != nil {
		return nil, time.Time{}, err
	}
	c := collect{
		judge: s.judge(), asked: m, namespace: namespace, selector: selector, fits: fits, missing: &s.stats.missing,
	}
	c.identifier.Name, c.identifier.Selector, c.window = name, asLabelSelector(metricSelector), c.seconds(m.metric)
	c.join(list, sp.pods)
	return &custom_metrics.MetricValueList{Items: c.items}, c.oldest, nil
}

// fits says which label sets of a namespace a metric selector means; nil = all. A
// selector that means none is a mistake.
func (sp *space) fits(m asked, selector labels.Selector) (func(*podRef) bool, error) {
	engine := func(r *podRef) bool { return m.of(r.model.view.Model.Engine) }
	if selector == nil || selector.Empty() {
		if len(m.engines) == 0 {
			return nil, nil //nolint:nilnil // everything fits
		}
		return engine, nil
	}
	hit := false
	for _, model := range sp.models {
		hit = hit || selector.Matches(model.set)
		for _, v := range model.variants {
			hit = hit || selector.Matches(v.set)
		}
	}
	if !hit {
		return nil, refuse(http.StatusNotFound, "no model here matches %s: %s", selector, sp.names())
	}
	return func(r *podRef) bool { return engine(r) && selector.Matches(r.set) }, nil
}

// names lists the models of a namespace in a message.
func (sp *space) names() string {
	var out []string
	for _, m := range sp.models {
		out = append(out, fmt.Sprintf("model=%s,engine=%s", m.view.Model.ID.Name, m.view.Model.Engine))
	}
	return "there are " + strings.Join(out, "; ")
}

// asLabelSelector is the selector as an answer repeats it; nil = none, or one that
// a LabelSelector cannot say.
func asLabelSelector(sel labels.Selector) *metav1.LabelSelector {
	if sel == nil || sel.Empty() {
		return nil
	}
	out, err := metav1.ParseToLabelSelector(sel.String())
	if err != nil {
		return nil
	}
	return out
}

// oneObject is the value of one object.
func (s *Server) oneObject(
	name types.NamespacedName, info provider.CustomMetricInfo, selector labels.Selector,
) (*custom_metrics.MetricValue, time.Time, error) {
	m, err := s.find(info.Metric)
	if err != nil {
		return nil, time.Time{}, err
	}
	x, err := s.index()
	if err != nil {
		return nil, time.Time{}, err
	}
	kind, ok := x.kindOf(info.GroupResource)
	if !ok {
		return nil, time.Time{}, refuse(http.StatusNotFound, "no metric is served of %s", info.GroupResource)
	}
	scopes, err := x.resolve(name, info.GroupResource, m, selector)
	if err != nil {
		return nil, time.Time{}, err
	}
	j := s.judge()
	v, err := j.fold(m.metric, scopes)
	if err != nil {
		return nil, time.Time{}, refuse(http.StatusServiceUnavailable, "%v", err)
	}
	return &custom_metrics.MetricValue{
		DescribedObject: custom_metrics.ObjectReference{
			Kind: kind.kind, APIVersion: schema.GroupVersion{Group: info.GroupResource.Group, Version: kind.version}.String(),
			Namespace: name.Namespace, Name: name.Name,
		},
		Metric:    custom_metrics.MetricIdentifier{Name: m.name, Selector: asLabelSelector(selector)},
		Timestamp: metav1.Time{Time: v.at}, WindowSeconds: j.seconds(m.metric), Value: quantity(v.v),
	}, v.at, nil
}

// everyObject is the value of every scale target of one kind. Labels of other
// objects than pods are not watched.
func (s *Server) everyObject(
	namespace string, selector labels.Selector, info provider.CustomMetricInfo, metricSelector labels.Selector,
) (*custom_metrics.MetricValueList, time.Time, error) {
	if selector != nil && !selector.Empty() {
		return nil, time.Time{}, apierrors.NewBadRequest(
			"labels of " + info.GroupResource.String() + " are not watched: name one object")
	}
	x, err := s.index()
	if err != nil {
		return nil, time.Time{}, err
	}
	out, oldest := &custom_metrics.MetricValueList{}, s.view.Now()
	for _, name := range x.named(namespace, info.GroupResource) {
		one, at, err := s.oneObject(types.NamespacedName{Namespace: namespace, Name: name}, info, metricSelector)
		if err != nil {
			return nil, time.Time{}, err
		}
		out.Items, oldest = append(out.Items, *one), older(oldest, at)
	}
	return out, oldest, nil
}

// ListAllMetrics is what discovery shows. Every metric is there from the start.
func (s *Server) ListAllMetrics() []provider.CustomMetricInfo {
	x, err := s.index()
	if err != nil {
		x = &index{}
	}
	var out []provider.CustomMetricInfo
	kinds := x.resources()
	for _, name := range s.names(x) {
		ours, _, _ := s.opts.Names.Canonical(name)
		for _, gr := range kinds {
			out = append(out, provider.CustomMetricInfo{
				GroupResource: gr, Metric: name, Namespaced: gr.Resource != "namespaces" || gr.Group != "",
			})
		}
		if PodMetric(ours) {
			out = append(out, provider.CustomMetricInfo{GroupResource: podResource, Metric: name, Namespaced: true})
		}
	}
	return out
}

// names are the metrics' names: ours, those that people copy, and those of the
// engines that are there.
func (s *Server) names(x *index) []string {
	var own, other []string
	for _, m := range published {
		own = append(own, m.name)
	}
	for alias := range copied {
		other = append(other, alias)
	}
	for engine := range x.engines {
		for alias := range s.opts.Names[engine] {
			other = append(other, alias)
		}
	}
	slices.Sort(other)
	return append(own, slices.Compact(other)...)
}
