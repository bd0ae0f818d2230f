package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/signals"
)

// ConvertOptions say what the converted trigger should name.
type ConvertOptions struct {
	Address string // of the scaler, host:port
	Model   string // configured model to name; empty = define it in the metadata
	Auth    string // ClusterTriggerAuthentication with the CA and the client certificate; empty = in the clear
}

// DefaultConvertOptions fit the manifests.
func DefaultConvertOptions() ConvertOptions {
	return ConvertOptions{Address: "forewarm-scaler.forewarm.svc.cluster.local:9443", Auth: "forewarm"}
}

// ErrNothingToConvert says that no ScaledObject has a trigger that can be replaced.
var ErrNothingToConvert = errors.New("no ScaledObject with a prometheus trigger on engine metrics")

// ConvertKEDA replaces prometheus triggers on engine metrics in the ScaledObjects of a
// YAML stream by one of ours. Every change is a comment in the result, and a note.
// Other documents pass unchanged.
func ConvertKEDA(in []byte, o ConvertOptions) (out []byte, notes []string, err error) {
	decoder := yaml.NewDecoder(bytes.NewReader(in))
	var result bytes.Buffer
	encoder := yaml.NewEncoder(&result)
	encoder.SetIndent(2)
	converted := 0
	for {
		var doc yaml.Node
		if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, nil, fmt.Errorf("read YAML: %w", err)
		}
		if len(doc.Content) == 1 && text(doc.Content[0], "kind") == "ScaledObject" {
			c := conversion{opts: o, root: doc.Content[0]}
			if c.convert() {
				converted++
			}
			notes = append(notes, c.notes...)
		}
		if err := encoder.Encode(&doc); err != nil {
			return nil, nil, fmt.Errorf("write YAML: %w", err)
		}
	}
	if converted == 0 {
		return nil, notes, ErrNothingToConvert
	}
	return result.Bytes(), notes, nil
}

// conversion is that of one ScaledObject.
type conversion struct {
	opts  ConvertOptions
	root  *yaml.Node
	notes []string
}

// note explains a change on the line above it, and in the notes.
func (c *conversion) note(at *yaml.Node, format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	c.notes = append(c.notes, text(field(c.root, "metadata"), "name")+": "+line)
	if at == nil {
		return
	}
	if at.HeadComment != "" {
		at.HeadComment += "\n"
	}
	at.HeadComment += "# " + line
}

func (c *conversion) convert() bool {
	spec := field(c.root, "spec")
	triggers := field(spec, "triggers")
	if triggers == nil || triggers.Kind != yaml.SequenceNode {
		return false
	}
	if slices.ContainsFunc(triggers.Content, asksUs) {
		c.note(nil, "It asks Forewarm already, and a ScaledObject scales one model.")
		return false
	}
	first, found, kept := c.sort(triggers.Content)
	if first == nil {
		return false
	}
	triggers.Content = kept
	c.trigger(first, found)
	c.rest(spec, len(kept))
	return true
}

// sort takes the triggers apart: the first that can be replaced, what it and those that it stands for read, and all that
// stay. One definition is of one model, so what reads another one stays.
func (c *conversion) sort(triggers []*yaml.Node) (first *yaml.Node, found []signals.Recognized, kept []*yaml.Node) {
	for _, t := range triggers {
		r, ok := c.recognize(t)
		other := func(have signals.Recognized) bool { return !alike(have, r) }
		switch {
		case !ok:
		case first == nil:
			first = t
			found = append(found, r)
		case slices.ContainsFunc(found, other):
			c.note(t, "Kept as it is: it is about %s, and Forewarm now decides for %s; a ScaledObject scales one model.",
				about(r), about(found[0]))
		default:
			c.note(first, "The trigger on %s is left out: Forewarm reads all signals of the engine.",
				strings.Join(r.Names, ", "))
			found = append(found, r)
			continue
		}
		kept = append(kept, t)
	}
	return first, found, kept
}

// recognize says whether a trigger is one that can be replaced.
func (c *conversion) recognize(t *yaml.Node) (signals.Recognized, bool) {
	if text(t, "type") != "prometheus" {
		return signals.Recognized{}, false
	}
	r, err := signals.Recognize(text(field(t, "metadata"), "query"))
	if err != nil {
		c.note(t, "Kept as it is: %v.", err)
		return r, false
	}
	if ns := text(field(c.root, "metadata"), "namespace"); r.Namespace != "" && ns != "" && r.Namespace != ns {
		c.note(t, "Kept as it is: it reads namespace %s, and Forewarm only answers for the ScaledObject's own.", r.Namespace)
		return r, false
	}
	return r, true
}

// trigger turns a trigger into ours.
func (c *conversion) trigger(t *yaml.Node, found []signals.Recognized) {
	old := field(t, "metadata")
	c.note(t, "It was type prometheus. Forewarm decides how many replicas are needed when a new one can be ready;")
	c.note(t, "external-push also wakes from zero at once. Prometheus is named in Forewarm's own configuration.")
	set(t, "type", scalar("external-push"))
	meta := &yaml.Node{Kind: yaml.MappingNode}
	put := func(key, value string) *yaml.Node {
		k := scalar(key)
		v := scalar(value)
		if _, err := strconv.ParseFloat(value, 64); err == nil || value == "true" {
			v.Style = yaml.DoubleQuotedStyle // metadata are strings
		}
		meta.Content = append(meta.Content, k, v)
		return k
	}
	put("scalerAddress", c.opts.Address)
	if c.opts.Auth != "" {
		put("enableTLS", "true")
	}
	var at *yaml.Node
	if c.opts.Model != "" {
		at = put("model", c.opts.Model)
		c.note(at, "The model as Forewarm's configuration has it; its promise and its gateway are there.")
	} else {
		at = c.define(put, found)
	}
	if q := text(old, "query"); q != "" {
		c.note(at, "Instead of: %s, threshold %s.", strings.Join(strings.Fields(q), " "), text(old, "threshold"))
	}
	var said []string
	for _, r := range found {
		said = append(said, r.Notes...)
	}
	for i, n := range said {
		if !slices.Contains(said[:i], n) {
			c.note(at, "Of the query, %s.", n)
		}
	}
	set(t, "metadata", meta)
	if remove(t, "metricType") {
		c.note(t, "metricType is left out: with AverageValue and a target of 1 the HPA takes the count as it is.")
	}
	if remove(t, "useCachedMetrics") {
		c.note(t, "useCachedMetrics is left out: answers come from memory.")
	}
	c.authentication(t)
}

// define writes the definition of a model.
func (c *conversion) define(put func(key, value string) *yaml.Node, found []signals.Recognized) *yaml.Node {
	all := signals.Recognized{Matchers: map[string]string{}}
	for _, r := range found {
		all.Engine, all.Gateway = or(all.Engine, r.Engine), or(all.Gateway, r.Gateway)
		all.ModelName = or(all.ModelName, r.ModelName)
		maps.Copy(all.Matchers, r.Matchers)
	}
	at := put("engine", or(all.Engine, "vllm"))
	if all.Engine == "" {
		c.note(at, "The query is of a gateway: check the engine.")
	}
	if all.ModelName != "" {
		put("modelName", all.ModelName)
	} else {
		c.note(at, "The query names no model, so every %s pod of the namespace counts; narrow it with modelName.",
			or(all.Engine, "vllm"))
	}
	for _, name := range slices.Sorted(maps.Keys(all.Matchers)) {
		put("matchers."+name, all.Matchers[name])
	}
	if all.Gateway != "" {
		put("gateway", all.Gateway)
	}
	slo := put("slo.ttftP95", config.Duration(config.DefaultTTFTP95).String())
	c.note(slo, "Your promise instead of a threshold: time to first token that 95 %% of requests stay under. An "+
		"assumption: set yours.")
	if all.Gateway == "" && zero(field(c.root, "spec")) {
		c.note(slo, "minReplicaCount is 0: name the gateway that holds requests (gateway: llm-d-epp, ...), or one replica "+
			"is kept.")
	}
	return at
}

// authentication replaces Prometheus' credentials by those of the scaler.
func (c *conversion) authentication(t *yaml.Node) {
	had := remove(t, "authenticationRef")
	if c.opts.Auth == "" {
		if had {
			c.note(t, "authenticationRef is left out: it was for Prometheus, whose credentials Forewarm has.")
		}
		return
	}
	ref := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{
		scalar("kind"), scalar("ClusterTriggerAuthentication"), scalar("name"), scalar(c.opts.Auth),
	}}
	set(t, "authenticationRef", ref)
	c.note(key(t, "authenticationRef"), "A ClusterTriggerAuthentication with caCert, tlsClientCert and tlsClientKey for "+
		"Forewarm: see docs/keda.md.")
}

// rest changes what would undo the answers.
func (c *conversion) rest(spec *yaml.Node, triggers int) {
	if text(field(spec, "fallback"), "replicas") == "0" && remove(spec, "fallback") {
		c.note(key(spec, "triggers"), "fallback.replicas 0 is left out: it takes the fleet to zero in an outage. Forewarm "+
			"answers an error then, on which KEDA holds.")
	}
	if triggers > 1 {
		c.note(key(spec, "triggers"), "The HPA takes the highest of all triggers, and any active one keeps a replica.")
	}
	if field(field(field(spec, "advanced"), "scalingModifiers"), "formula") != nil {
		c.note(key(spec, "advanced"), "scalingModifiers: a formula replaces each trigger's own activity; check it, or "+
			"leave it out.")
	}
	c.behavior(spec)
}

// behavior takes the HPA's own damping away, since the policy has one.
func (c *conversion) behavior(spec *yaml.Node) {
	advanced := field(spec, "advanced")
	hpa := field(advanced, "horizontalPodAutoscalerConfig")
	if b := field(hpa, "behavior"); b != nil {
		c.note(key(hpa, "behavior"), "Kept. Forewarm damps by itself: best is a window of 0, tolerance 0, and a scaleUp "+
			"policy of all replicas per 15 s.")
		return
	}
	most := or(text(spec, "maxReplicaCount"), "100")
	var b yaml.Node
	if err := yaml.Unmarshal([]byte(fmt.Sprintf(`
scaleUp:
  stabilizationWindowSeconds: 0
  tolerance: "0"
  policies: [{type: Pods, value: %s, periodSeconds: 15}]
scaleDown:
  stabilizationWindowSeconds: 0
  tolerance: "0"
`, most)), &b); err != nil || len(b.Content) != 1 {
		return
	}
	if advanced == nil {
		advanced = &yaml.Node{Kind: yaml.MappingNode}
		set(spec, "advanced", advanced)
	}
	if hpa == nil {
		hpa = &yaml.Node{Kind: yaml.MappingNode}
		set(advanced, "horizontalPodAutoscalerConfig", hpa)
	}
	set(hpa, "behavior", b.Content[0])
	c.note(key(hpa, "behavior"), "Forewarm damps by itself: the HPA should neither wait nor round. Leave tolerance out "+
		"before Kubernetes 1.35.")
}

// zero says whether the ScaledObject allows zero replicas.
func zero(spec *yaml.Node) bool {
	return or(text(spec, "minReplicaCount"), "0") == "0" || text(spec, "idleReplicaCount") == "0"
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
