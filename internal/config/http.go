package config

import (
	"errors"
	"net/url"
	"reflect"
	"regexp"
	"strings"

	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/sigv4"
	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"
)

// HTTP is Prometheus' http_config, in its own notation (snake case): bearer and
// basic authentication, OAuth2, TLS, proxy, headers.
type HTTP struct {
	Client promconfig.HTTPClientConfig
}

// SigV4 is Prometheus' sigv4 block, in its own notation.
type SigV4 struct {
	Config sigv4.SigV4Config
}

// MarshalJSON writes the notation that is read, secrets replaced by <secret>.
func (h HTTP) MarshalJSON() ([]byte, error) {
	c := h.Client
	if c.OAuth2 != nil {
		o := *c.OAuth2
		o.EndpointParams = mask(o.EndpointParams) // grants may carry passwords here
		c.OAuth2 = &o
	}
	return foreignJSON(c)
}

// MarshalJSON writes the notation that is read, secrets replaced by <secret>.
func (s SigV4) MarshalJSON() ([]byte, error) { return foreignJSON(s.Config) }

func foreignJSON(v any) ([]byte, error) {
	b, err := yaml.Marshal(v)
	if err != nil {
		return nil, err
	}
	return sigsyaml.YAMLToJSON(b)
}

func (h *HTTP) read(d *decoder, path string, n *yaml.Node) {
	h.Client = promconfig.DefaultHTTPClientConfig
	d.foreign(path, n, &h.Client)
}

func (s *SigV4) read(d *decoder, path string, n *yaml.Node) { d.foreign(path, n, &s.Config) }

// foreign fills a struct of another project through its own YAML methods, after
// checking its keys ourselves, for paths and suggestions.
func (d *decoder) foreign(path string, n *yaml.Node, into any) {
	before := len(d.list)
	d.foreignKeys(path, n, reflect.TypeOf(into).Elem())
	if len(d.list) > before {
		return
	}
	if err := n.Decode(into); err != nil {
		d.add(path, "%s", discreet(err))
	}
}

// foreignKeys reports keys that a struct with yaml tags does not have.
func (d *decoder) foreignKeys(path string, n *yaml.Node, t reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer:
		d.foreignKeys(path, n, t.Elem())
		return
	case reflect.Slice:
		for i, c := range n.Content {
			if n.Kind == yaml.SequenceNode {
				d.foreignKeys(index(path, i), c, t.Elem())
			}
		}
		return
	case reflect.Struct, reflect.Map:
	default:
		return
	}
	if t == reflect.TypeFor[promconfig.URL]() || isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.add(path, "want a mapping, got %s", kindOf(n))
		return
	}
	known, rest := foreignFields(t)
	for i := 0; i+1 < len(n.Content); i += 2 {
		d.foreignKey(path, n.Content[i], n.Content[i+1], known, rest)
	}
}

// foreignKey checks one key and what is inside it.
func (d *decoder) foreignKey(path string, key, value *yaml.Node, known map[string]reflect.Type, rest reflect.Type) {
	child := join(path, quote(key.Value))
	d.at(child, key.Line)
	t, ok := known[key.Value]
	switch {
	case ok && unsupported(key.Value):
		d.add(child, "not supported, there is no secret manager: use the key that ends in _file")
	case ok:
		d.foreignKeys(child, value, t)
	case rest != nil:
		d.foreignKeys(child, value, rest)
	default:
		names := make([]string, 0, len(known))
		for k := range known {
			names = append(names, k)
		}
		d.unknownKey(path, child, key.Value, names)
	}
}

// unsupported says that a key refers to a secret manager, of which there is none.
func unsupported(key string) bool { return strings.HasSuffix(key, "_ref") }

// foreignFields are the keys of a struct by its yaml tags, and the type of all
// other keys if any key is allowed.
func foreignFields(t reflect.Type) (known map[string]reflect.Type, rest reflect.Type) {
	known = map[string]reflect.Type{}
	if t.Kind() == reflect.Map {
		return known, t.Elem()
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case strings.Contains(options, "inline"):
			inner, r := foreignFields(f.Type)
			for k, v := range inner {
				known[k] = v
			}
			if r != nil {
				rest = r
			}
		case name != "" && name != "-":
			known[name] = f.Type
		}
	}
	return known, rest
}

// quoted is a value, and linePrefix a place, inside a message of the YAML library.
var (
	quoted     = regexp.MustCompile("(?s)(!!\\w+ )?`.*`")
	linePrefix = regexp.MustCompile(`^(yaml: )?(line \d+: )?`)
)

// discreet is a message without the values in it, which may be secret.
func discreet(err error) string {
	var bad *url.Error
	if errors.As(err, &bad) {
		return "want a URL, got one that does not parse"
	}
	text := err.Error()
	var types *yaml.TypeError
	if errors.As(err, &types) && len(types.Errors) > 0 {
		text = types.Errors[0]
	}
	return quoted.ReplaceAllString(linePrefix.ReplaceAllString(text, ""), "this value")
}
