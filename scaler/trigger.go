package scaler

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/forewarm/forewarm/policy"
)

// Metric is what a trigger asks for.
type Metric string

// The metrics. Raw ones are for those who want to scale on a signal themselves.
const (
	Desired Metric = "desired"
	Pending Metric = "pending"
	Running Metric = "running"
	KV      Metric = "kv"
	RPS     Metric = "rps"
)

// Trigger is what the metadata of one trigger asks for, checked.
type Trigger struct {
	Model   string // slug, in the namespace of the ScaledObject
	Variant string // empty = the model's only one
	Metric  Metric
	Target  float64 // per replica, above 0; 1 for Desired
	Inline  bool    // the metadata defines the model as well

	namespace, object string // of the ScaledObject
}

// Claim names what a trigger of a ScaledObject defines: a variant of a model.
type Claim struct{ Namespace, Object, Model, Variant string }

func (t Trigger) claim() Claim { return Claim{t.namespace, t.object, t.Model, t.Variant} }

// name is the metric's name: a function of the metadata, so that it never changes
// under an HPA, of letters that KEDA does not rewrite.
func (t Trigger) name() string {
	name := "forewarm-" + string(t.Metric) + "-" + t.Model
	if t.Variant != "" {
		name += "-" + t.Variant
	}
	return name
}

// The cache starts anew beyond either bound: KEDA's own triggers are far below, and
// whoever makes up others cannot fill our memory.
const (
	maxTriggers = 20_000
	maxKept     = 32 << 20 // bytes of metadata and errors
)

// triggers remembers what metadata meant, since KEDA sends the same with each call.
// What was refused is remembered, too, and logged once.
type triggers struct {
	parse func(object string, metadata map[string]string) (Trigger, error)
	log   *zap.Logger

	mu    sync.RWMutex
	known map[string]parsed
	kept  int // bytes in known
}

type parsed struct {
	trigger Trigger
	err     error
}

func (c *triggers) of(namespace, object string, metadata map[string]string) (Trigger, error) {
	key, ok := cacheKey(namespace, object, metadata)
	if !ok {
		return c.read(namespace, object, metadata)
	}
	c.mu.RLock()
	p, hit := c.known[key]
	c.mu.RUnlock()
	if hit {
		return p.trigger, p.err
	}
	p.trigger, p.err = c.read(namespace, object, metadata)
	size := len(key)
	if p.err != nil {
		size += len(p.err.Error())
		c.log.Warn("a trigger is refused",
			zap.String("namespace", namespace), zap.String("scaledObject", object), zap.Error(p.err))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= maxTriggers || c.kept+size > maxKept {
		c.known, c.kept = map[string]parsed{}, 0
	}
	if _, raced := c.known[key]; !raced {
		c.kept += size
	}
	c.known[key] = p
	return p.trigger, p.err
}

func (c *triggers) read(namespace, object string, metadata map[string]string) (Trigger, error) {
	t, err := c.parse(object, metadata)
	t.namespace, t.object = namespace, object
	return t, err
}

// maxKey bounds what one entry may hold, and maxPrefix the bytes of a length up to it.
const (
	maxKey    = 8 << 10
	maxPrefix = 2
)

// cacheKey is the whole question as one string. What may hold a secret, or is too
// large to be any good, is neither kept nor logged.
func cacheKey(namespace, object string, metadata map[string]string) (string, bool) {
	size := len(namespace) + len(object) + 2*maxPrefix
	for k, v := range metadata {
		if size += len(k) + len(v) + 2*maxPrefix; size > maxKey || strings.HasSuffix(k, "FromEnv") {
			return "", false
		}
	}
	var b strings.Builder
	b.Grow(size)
	add := func(s string) { // with its length, since it may hold any byte
		var n [maxPrefix]byte
		b.Write(binary.AppendUvarint(n[:0], uint64(len(s))))
		b.WriteString(s)
	}
	add(namespace)
	add(object)
	var few [8]string // of most triggers, without an allocation
	for _, k := range sorted(few[:0], metadata) {
		add(k)
		add(metadata[k])
	}
	return b.String(), true
}

func sorted(into []string, metadata map[string]string) []string {
	keys := slices.AppendSeq(into, maps.Keys(metadata))
	slices.Sort(keys)
	return keys
}

// id is the model's identity: the namespace is that of the ScaledObject, always.
func (t Trigger) id() policy.ModelID {
	return policy.ModelID{Namespace: t.namespace, Name: t.Model}
}
