package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/forewarm/forewarm/policy"
)

// The metrics that a trigger can ask for.
const (
	MetricDesired = "desired" // replicas, target 1
	MetricPending = "pending" // requests waiting, gateway included
	MetricRunning = "running" // requests being served
	MetricKV      = "kv"      // KV-cache use, summed over pods
	MetricRPS     = "rps"     // arrivals per second
)

// The limits of metadata: far above any use, and below what costs memory.
const (
	maxTriggerKeys  = 64
	maxTriggerValue = 1024
)

// DefaultVariant is the name of the variant that a trigger defines if it names none.
const DefaultVariant = "main"

// Trigger is what the metadata of a KEDA trigger of type external or external-push
// asks for.
type Trigger struct {
	Model   string  // slug of the model, in the namespace of the ScaledObject
	Variant string  // empty = the model's only one
	Metric  string  // one of the Metric constants
	Target  float64 // per replica; 1 for MetricDesired
	Inline  bool    // the metadata defines the model as well

	fields triggerFields
}

// triggerFields are the keys of the metadata, dots being levels: those of the
// trigger itself, and those of Model and Variant under their own names.
type triggerFields struct {
	Model   string   `json:"model"`
	Variant string   `json:"variant"`
	Metric  string   `json:"metric"`
	Target  *float64 `json:"target"`

	Engine    string            `json:"engine"`
	ModelName string            `json:"modelName"`
	Source    string            `json:"source"`
	Gateway   *Gateway          `json:"gateway"`
	SLO       SLO               `json:"slo"`
	Priority  int               `json:"priority"`
	Idle      Idle              `json:"idle"`
	Matchers  map[string]string `json:"matchers"`

	GPUs         GPUs                `json:"gpus"`
	CapacityType policy.CapacityType `json:"capacityType"`
	Price        Price               `json:"price"`
	WarmUp       *WarmUp             `json:"warmUp"`
	Capacity     *Capacity           `json:"capacity"`
	Spot         *Spot               `json:"spot"`
	Tolerance    *float64            `json:"tolerance"`
}

// shortcuts are keys that stand for one further down.
var shortcuts = map[string]string{
	"gateway": "gateway.preset", "gpusPerReplica": "gpus.perReplica", "price": "price.usdPerGPUHour",
}

// kedas are keys of KEDA's own in the metadata of every external trigger.
var kedas = []string{"scalerAddress", "enableTLS", "unsafeSsl"}

// refusedKeys are keys that mean something and do not belong into metadata, by
// first level or whole, each with what to do instead.
var refusedKeys = map[string]string{
	"caCert": inAuthentication, "tlsClientCert": inAuthentication, "tlsClientKey": inAuthentication,
	"name": "want the model's name as model", "namespace": "not taken from metadata: it is that of the ScaledObject",
	"labels": "not taken from metadata, or a namespace could be read in the name of another: set labels on the " +
		"source",
	"replicas":    "not taken from metadata: use minReplicaCount and maxReplicaCount of the ScaledObject",
	"target.name": inScaleTargetRef, "target.kind": inScaleTargetRef, "target.apiVersion": inScaleTargetRef,
	"gateway.scrape": "not taken from metadata: no URL is; set it on a model of Forewarm's own configuration",
	"price.from":     "not supported, give price.usdPerGPUHour",
	"query":          noQueries, "serverAddress": noQueries, "threshold": "want target, and a metric other than desired",
}

const (
	inAuthentication = "want it in a TriggerAuthentication"
	inScaleTargetRef = "not taken from metadata: it is the scaleTargetRef of the ScaledObject"
	noQueries        = "no queries and no URLs are taken from metadata: name a model"
)

// ParseTrigger reads the metadata of a trigger as KEDA sends it, or as the
// ScaledObject called object has it. The error is Errors, each with the key as its
// field. Values are shown in errors, except those that came from an environment.
func ParseTrigger(object string, metadata map[string]string, cat Catalog) (*Trigger, error) {
	p := newProblems()
	t := &Trigger{Metric: MetricDesired, Target: 1}
	tree := triggerTree(metadata, p)
	d := decoder{problems: p, strings: true}
	d.decode("", tree, reflect.ValueOf(&t.fields).Elem())
	t.Model, t.Variant, t.Inline = t.fields.Model, t.fields.Variant, t.fields.Engine != ""
	if t.fields.Metric != "" {
		t.Metric = t.fields.Metric
	}
	c := checker{problems: p, cat: cat}
	c.trigger(t, tree)
	switch {
	case len(p.list) > 0:
	case t.Inline:
		fallback(&t.Model, object)
		fallback(&t.Variant, DefaultVariant)
		c.definition(t)
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return t, nil
}

// triggerTree turns dotted keys into a tree of strings.
func triggerTree(metadata map[string]string, p *problems) *yaml.Node {
	root := &yaml.Node{Kind: yaml.MappingNode}
	if len(metadata) > maxTriggerKeys {
		p.add("", "want at most %d keys, got %d", maxTriggerKeys, len(metadata))
		return root
	}
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		value := metadata[key]
		switch why := refusedKeys[key]; {
		case slices.Contains(kedas, key):
		case strings.HasSuffix(key, "FromEnv"):
			p.add(quote(key), "not supported: the environment of the scale target is not read; write the value as %s",
				quote(strings.TrimSuffix(key, "FromEnv")))
		case len(value) > maxTriggerValue:
			p.add(quote(key), "want at most %d bytes, got %d", maxTriggerValue, len(value))
		case why != "":
			p.add(quote(key), "%s", why)
		case refusedKeys[first(key)] != "":
			p.add(quote(key), "%s", refusedKeys[first(key)])
		default:
			path := key
			if long, ok := shortcuts[key]; ok {
				path = long
			}
			plant(root, path, value, p)
		}
	}
	return root
}

func first(key string) string {
	level, _, _ := strings.Cut(key, ".")
	return level
}

// plant puts a value at its place in the tree.
func plant(root *yaml.Node, path, value string, p *problems) {
	at := root
	levels := strings.Split(path, ".")
	if len(levels) > 3 { // what the model knows has at most two
		levels = []string{path}
	}
	for i, level := range levels {
		last := i == len(levels)-1
		next := child(at, level)
		if next == nil {
			next = &yaml.Node{Kind: yaml.MappingNode}
			if last {
				next = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
			}
			at.Content = append(at.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: level}, next)
		} else if last || next.Kind != yaml.MappingNode {
			p.add(quote(path), "given twice, or both as a value and with further levels")
			return
		}
		at = next
	}
}

// child is the value of a key; nil if it is not there.
func child(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// referring are the keys of a trigger that names a model defined elsewhere.
var referring = []string{"model", "variant", "metric", "target"}

// trigger checks the keys of the trigger itself.
func (c *checker) trigger(t *Trigger, tree *yaml.Node) {
	known := []string{MetricDesired, MetricPending, MetricRunning, MetricKV, MetricRPS}
	c.oneOf("metric", "a metric", t.Metric, known)
	switch target := t.fields.Target; {
	case t.Metric == MetricDesired && target != nil:
		c.need(*target == 1, "target", "1, or a metric other than desired", *target)
	case t.Metric != MetricDesired && target == nil:
		c.add("target", "want what one replica should carry of %s, got nothing", quote(t.Metric))
	case target != nil:
		c.need(*target >= 0.001 && *target <= 1e9, "target", "0.001 to 1000000000", *target)
		t.Target = *target
	}
	if t.Model != "" {
		c.label("model", t.Model)
	}
	if t.Variant != "" {
		c.label("variant", t.Variant)
	}
	if t.Inline {
		return
	}
	c.need(t.Model != "", "model", "the name of a model, or a definition that begins with engine", "")
	for i := 0; i < len(tree.Content); i += 2 {
		if key := tree.Content[i].Value; !slices.Contains(referring, key) {
			c.add(key, "is part of a definition: want engine with it, or only model (and variant)")
		}
	}
}

// definition checks the model that the metadata defines, as one of the file is,
// with stand-ins for what the ScaledObject adds.
func (c *checker) definition(t *Trigger) {
	if g := t.fields.Gateway; g != nil {
		for _, label := range slices.Sorted(maps.Keys(g.Match)) {
			if slices.Contains(c.cat.Tenancy, label) {
				c.add("gateway.match."+label, "not taken from metadata, or what another namespace is asked could be read: "+
					"it is that of the ScaledObject")
			}
		}
	}
	m := t.Define("namespace", Target{Name: "target"}, 0, 1)
	m.Variants[0].Replicas.Max = new(maxReplicas)
	m.fill()
	inner := checker{problems: newProblems(), cat: c.cat}
	inner.model("models[0]", &m)
	for _, e := range inner.list {
		field := strings.TrimPrefix(strings.TrimPrefix(e.Field, "models[0]."), "variants[0].")
		if field == "name" { // the ScaledObject's, as the model's own was checked
			field = "model"
		}
		c.add(field, "%s", e.Problem)
	}
}

// Define is the model that the metadata of an inline trigger defines, completed by
// what the ScaledObject says. Where zero replicas are allowed there and a gateway
// is named, they are allowed to the model as well, unless it says otherwise.
func (t *Trigger) Define(namespace string, target Target, least, most int) Model {
	f := t.fields
	m := Model{
		Name: t.Model, Namespace: namespace, Engine: f.Engine, ModelName: f.ModelName, Source: f.Source,
		SLO: f.SLO, Priority: f.Priority, Idle: f.Idle, Matchers: maps.Clone(f.Matchers), Origin: FromScaledObject,
		Variants: []Variant{{
			Name: t.Variant, Target: target, Replicas: Replicas{Min: &least, Max: &most},
			GPUs: f.GPUs, CapacityType: f.CapacityType, Price: f.Price, WarmUp: clone(f.WarmUp), Capacity: clone(f.Capacity),
			Spot: clone(f.Spot), Tolerance: clone(f.Tolerance),
		}},
	}
	if f.Gateway != nil {
		m.Gateway = &Gateway{Preset: f.Gateway.Preset, Match: maps.Clone(f.Gateway.Match)}
	}
	switch {
	case m.Idle.ToZero != nil || least > 0:
	case m.Gateway != nil:
		m.Idle.ToZero = new(true)
	default:
		m.Assumed = append(m.Assumed, "minReplicaCount is 0, but no gateway is named that would show demand at zero "+
			"replicas, so one replica is kept.")
	}
	return m
}

func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}
