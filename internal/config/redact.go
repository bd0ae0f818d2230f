package config

import (
	"fmt"

	sigsyaml "sigs.k8s.io/yaml"
)

// secret stands for a value that is not shown, as in Prometheus.
const secret = "<secret>"

// Redacted is the complete configuration as YAML, defaults included, without
// secrets. Values of query parameters are masked too, because nobody can tell
// which of them are keys.
func (c *Config) Redacted() ([]byte, error) {
	shown := *c
	shown.Sources = append([]Source(nil), c.Sources...)
	for i := range shown.Sources {
		s := &shown.Sources[i]
		s.QueryParameters, s.URL = mask(s.QueryParameters), redactURL(s.URL)
	}
	b, err := sigsyaml.Marshal(&shown)
	if err != nil {
		return nil, fmt.Errorf("show configuration: %w", err)
	}
	return b, nil
}

// mask replaces the values of a map.
func mask(m map[string]string) map[string]string {
	if m == nil {
		return nil
	}
	out := make(map[string]string, len(m))
	for k := range m {
		out[k] = secret
	}
	return out
}
