package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// auto is what warmUp and capacity say to be learned.
const auto = "auto"

// Duration reads 90s, 1h30m, 100ms, and Prometheus' 7d and 2w.
type Duration time.Duration

// ParseDuration reads a duration in Go's or in Prometheus' notation.
func ParseDuration(s string) (Duration, error) {
	if d, err := time.ParseDuration(s); err == nil {
		return Duration(d), nil
	}
	if d, err := model.ParseDuration(s); err == nil {
		return Duration(d), nil
	}
	return 0, fmt.Errorf("want a duration such as 15s, got %s", quote(s))
}

// Std is d as the standard library's type; nil is 0.
func (d *Duration) Std() time.Duration {
	if d == nil {
		return 0
	}
	return time.Duration(*d)
}

// String drops the trailing zeros of Go's notation: 24h, not 24h0m0s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalJSON writes the notation that is read.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	var err error
	*d, err = ParseDuration(s)
	return err
}

func (d *Duration) read(dec *decoder, path string, n *yaml.Node) {
	s, ok := dec.text(path, n, "a duration such as 15s")
	if !ok {
		return
	}
	var err error
	if *d, err = ParseDuration(s); err != nil {
		dec.add(path, "%v", err)
	}
}

// WarmUp is auto or a prior. A prior is where learning starts; observation
// replaces it.
type WarmUp struct {
	Auto  bool
	Prior Duration
}

// MarshalJSON writes auto or the prior.
func (w WarmUp) MarshalJSON() ([]byte, error) {
	if w.Auto {
		return json.Marshal(auto)
	}
	return json.Marshal(w.Prior)
}

func (w *WarmUp) read(dec *decoder, path string, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Value == auto {
		w.Auto = true
		return
	}
	s, ok := dec.text(path, n, "auto or a duration such as 90s")
	if !ok {
		return
	}
	var err error
	if w.Prior, err = ParseDuration(s); err != nil {
		dec.add(path, "want auto or a duration such as 90s, got %s", quote(s))
	}
}
