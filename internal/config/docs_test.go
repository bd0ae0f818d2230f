package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
)

// The text around the tables; ' stands for a backquote.
const docsIntro = `# Configuration reference

Generated from the Go types by 'go generate ./internal/config'; do not edit.
The same content as JSON Schema: [config.schema.json](config.schema.json).

The file is YAML, at most 4 MiB, one document. Reading is strict: unknown and duplicate keys are refused, and every
problem is reported at once, as 'models[1].slo.ttftP95: want > 0, got -2s (line 12)'. An alias may stand for a whole
value; merge keys ('<<') are refused. A changed file is taken while running; a broken one is reported, and the last
good version stays in use.

A *duration* is '90s', '1h30m', '100ms', '7d' or '2w'; a number alone is refused. Names are DNS labels. Fields
without a default are off, empty or unknown when absent. **Bold** fields are required.

What is checked across fields: names are unique; no object is scaled by two variants; no two models match the same
series; 'replicas.min' is at most 'replicas.max'; tensorParallel x pipelineParallel equals perReplica; 'idle.toZero'
needs a gateway, because nothing else shows demand at zero replicas. A budget for a product that no variant uses, and
settings without effect, are warnings.

Not there yet, and refused as such: 'price.from' (price feeds).

The same fields but for events, with dots between levels, define a model in the metadata of a KEDA trigger:
[keda.md](keda.md).
`

const docsHTTP = `
## http and sigv4

'http' is the [http_config][http_config] of Prometheus in its own snake-case notation: basic_auth, authorization,
oauth2, tls_config, proxy_url, http_headers and so on. Prefer the keys that end in _file: such files are read again
when they change. Keys that end in _ref need a secret manager and are refused. Relative paths are relative to the
configuration file. 'sigv4' is the sigv4 block of its remote_write.

[http_config]: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#http_config
`

func TestGeneratedReferenceIsCurrent(t *testing.T) {
	s := schemaOf(t)
	w := docsWriter{defs: s.Definitions}
	w.text(docsIntro)
	w.table("Top level", "", s, defaults(t))
	w.text(docsHTTP)
	current(t, "config.md", []byte(w.b.String()))
}

// docsWriter writes a table per mapping of the schema.
type docsWriter struct {
	b    strings.Builder
	defs jsonschema.Definitions
}

func (w *docsWriter) text(s string) { w.b.WriteString(strings.ReplaceAll(s, "'", "`")) }

// table writes one mapping, then those inside it.
func (w *docsWriter) table(title, path string, s *jsonschema.Schema, got map[string]any) {
	fmt.Fprintf(&w.b, "\n## %s\n\n| field | type | default | meaning |\n|---|---|---|---|\n", title)
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		name := "`" + p.Key + "`"
		if slices.Contains(s.Required, p.Key) {
			name = "**" + name + "**"
		}
		text := p.Value.Description
		fmt.Fprintf(&w.b, "| %s | %s | %s | %s |\n", name, w.typeOf(p.Value), defaultOf(s, p.Key, got[p.Key]), text)
	}
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		inner, at := resolve(w.defs, p.Value), join(path, p.Key)
		value := got[p.Key]
		if inner.Items != nil {
			inner, at = resolve(w.defs, inner.Items), at+"[]"
			if list, ok := value.([]any); ok {
				value = list[0]
			}
		}
		if len(inner.OneOf) > 1 && inner.OneOf[1].Properties != nil {
			inner = inner.OneOf[1]
		}
		if inner.Properties != nil && p.Key != "http" && p.Key != "sigv4" {
			fields, _ := value.(map[string]any)
			w.table(at, at, inner, fields)
		}
	}
}

// defaultOf is the value that an optional field got in the smallest file.
func defaultOf(s *jsonschema.Schema, key string, value any) string {
	switch v := value.(type) {
	case nil, map[string]any, []any:
		return ""
	case float64:
		value = fmt.Sprintf("%.10g", v)
	}
	if slices.Contains(s.Required, key) || value == "" {
		return ""
	}
	return fmt.Sprintf("`%v`", value)
}

func (w *docsWriter) typeOf(s *jsonschema.Schema) string {
	s = resolve(w.defs, s)
	switch {
	case len(s.Enum) > 0:
		var names []string
		for _, e := range s.Enum {
			names = append(names, fmt.Sprintf("`%v`", e))
		}
		return strings.Join(names, ", ")
	case len(s.OneOf) > 1:
		return "`auto` or " + w.typeOf(s.OneOf[1])
	case s.Pattern == durationPattern:
		return "duration"
	case s.Type == "array":
		return "list"
	case s.Type == "object" && s.Properties == nil:
		return "map of strings"
	case s.Type == "object":
		return "mapping"
	}
	return s.Type
}
