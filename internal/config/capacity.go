package config

import (
	"encoding/json"
	"reflect"

	"go.yaml.in/yaml/v3"

	"github.com/forewarm/forewarm/policy"
)

// Capacity is auto, or what one ready replica sustains within the SLO. Absent
// dimensions are not known.
type Capacity struct {
	// Auto leaves capacity to be learned.
	Auto bool `json:"-"`
	// Requests per second.
	RequestsPerSecond *float64 `json:"requestsPerSecond,omitempty" jsonschema:"exclusiveMinimum=0"`
	// Uncached prompt tokens per second.
	PromptTokensPerSecond *float64 `json:"promptTokensPerSecond,omitempty" jsonschema:"exclusiveMinimum=0"`
	// Output tokens per second.
	OutputTokensPerSecond *float64 `json:"outputTokensPerSecond,omitempty" jsonschema:"exclusiveMinimum=0"`
	// Requests in flight.
	Concurrency *float64 `json:"concurrency,omitempty" jsonschema:"exclusiveMinimum=0"`
}

// capacityFields is Capacity as a plain mapping.
type capacityFields Capacity

// dimension is one named value of a capacity.
type dimension struct {
	key   string
	value *float64
}

func (c Capacity) dimensions() []dimension {
	return []dimension{
		{"requestsPerSecond", c.RequestsPerSecond},
		{"promptTokensPerSecond", c.PromptTokensPerSecond},
		{"outputTokensPerSecond", c.OutputTokensPerSecond},
		{"concurrency", c.Concurrency},
	}
}

// fixed says that at least one dimension was configured.
func (c Capacity) fixed() bool {
	for _, d := range c.dimensions() {
		if d.value != nil {
			return true
		}
	}
	return false
}

// policy is the capacity as the policy reads it: 0 where nothing is known.
func (c Capacity) policy() policy.Capacity {
	return policy.Capacity{
		Requests:     or(c.RequestsPerSecond, 0),
		PromptTokens: or(c.PromptTokensPerSecond, 0),
		OutputTokens: or(c.OutputTokensPerSecond, 0),
		Concurrency:  or(c.Concurrency, 0),
	}
}

// MarshalJSON writes auto or the dimensions that are set.
func (c Capacity) MarshalJSON() ([]byte, error) {
	if c.Auto {
		return json.Marshal(auto)
	}
	return json.Marshal(capacityFields(c))
}

func (c *Capacity) read(dec *decoder, path string, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		if c.Auto = n.Value == auto; !c.Auto {
			dec.add(path, "want auto or a mapping, got %s", describe(n))
		}
		return
	}
	dec.decode(path, n, reflect.ValueOf((*capacityFields)(c)).Elem())
}

// or is *p, or a fallback if p is nil.
func or[T any](p *T, fallback T) T {
	if p == nil {
		return fallback
	}
	return *p
}
