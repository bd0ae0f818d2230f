package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"
	promconfig "github.com/prometheus/common/config"
	compiler "github.com/santhosh-tekuri/jsonschema/v6"
	sigsyaml "sigs.k8s.io/yaml"
)

//go:generate go test . -run ^TestGenerated -update

var update = flag.Bool("update", false, "rewrite docs/config.schema.json and docs/config.md")

const docs = "../../docs"

// durationPattern admits what ParseDuration reads; signs are left to the checks.
const durationPattern = `^[-+]?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h|d|w|y))+$|^0$`

func TestGeneratedSchemaIsCurrent(t *testing.T) {
	current(t, "config.schema.json", schemaJSON(t))
}

// current compares a generated file with its copy in docs, or rewrites it.
func current(t *testing.T, name string, want []byte) {
	t.Helper()
	path := filepath.Join(docs, name)
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("docs/%s is not current, run go generate ./internal/config\n-want +got\n%s", name, diff)
	}
}

func TestTheSchemaAgreesWithTheParser(t *testing.T) {
	schema := compiled(t)
	for name, b := range testdata(t, "good") {
		if err := validate(t, schema, b); err != nil {
			t.Errorf("good/%s: %v", name, err)
		}
	}
	refusals := 0
	for name, b := range testdata(t, "bad") {
		if slices.Contains(marks(b, "# schema: "), "refuses") {
			refusals++
			if err := validate(t, schema, b); err == nil {
				t.Errorf("bad/%s: the schema accepts it", name)
			}
		}
	}
	if refusals < 20 {
		t.Errorf("only %d bad files are marked for the schema", refusals)
	}
}

func compiled(t *testing.T) *compiler.Schema {
	t.Helper()
	doc, err := compiler.UnmarshalJSON(bytes.NewReader(schemaJSON(t)))
	if err != nil {
		t.Fatal(err)
	}
	c := compiler.NewCompiler()
	if err := c.AddResource("config.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("config.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t *testing.T, s *compiler.Schema, b []byte) error {
	t.Helper()
	j, err := sigsyaml.YAMLToJSON(b)
	if err != nil {
		t.Fatal(err)
	}
	v, err := compiler.UnmarshalJSON(bytes.NewReader(j))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

func schemaJSON(t *testing.T) []byte {
	t.Helper()
	b, err := json.MarshalIndent(schemaOf(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

// schemaOf is the JSON Schema of the file, described by the doc comments of the
// Go types, with the defaults that fill really sets.
func schemaOf(t *testing.T) *jsonschema.Schema {
	t.Helper()
	r := &jsonschema.Reflector{Anonymous: true, ExpandedStruct: true}
	if err := r.AddGoComments("github.com/forewarm/forewarm/internal/config", "."); err != nil {
		t.Fatal(err)
	}
	// Field comments address users of the file; type comments address Go readers.
	maps.DeleteFunc(r.CommentMap, func(k, _ string) bool { return strings.Count(filepath.Base(k), ".") < 2 })
	r.Mapper = func(t reflect.Type) *jsonschema.Schema { return notation(t, r.CommentMap) }
	s := r.Reflect(&Config{})
	s.ID = "https://forewarm.dev/schemas/v1alpha1/config.schema.json"
	s.Title = "Forewarm configuration"
	s.Description = "Configuration file of Forewarm, " + APIVersion + "."
	addDefaults(s.Definitions, s, defaults(t))
	return s
}

// notation is the schema of types that have a notation of their own.
func notation(t reflect.Type, comments map[string]string) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: durationPattern}
	case reflect.TypeFor[WarmUp]():
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
			{Const: auto}, {Type: "string", Pattern: durationPattern},
		}}
	case reflect.TypeFor[Capacity]():
		r := &jsonschema.Reflector{Anonymous: true, DoNotReference: true, CommentMap: comments}
		fields := r.ReflectFromType(reflect.TypeFor[Capacity]())
		fields.Version, fields.MinProperties = "", new(uint64(1))
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Const: auto}, fields}}
	case reflect.TypeFor[HTTP]():
		return foreignSchema(reflect.TypeFor[promconfig.HTTPClientConfig]())
	case reflect.TypeFor[SigV4]():
		return foreignSchema(reflect.TypeFor[SigV4]().Field(0).Type)
	}
	return nil
}

// foreignSchema is that of a type with yaml tags, by the same table of keys that
// the decoder uses.
func foreignSchema(t reflect.Type) *jsonschema.Schema {
	switch {
	case t.Kind() == reflect.Pointer:
		return foreignSchema(t.Elem())
	case t.Kind() == reflect.Interface:
		return jsonschema.TrueSchema
	case t.Kind() == reflect.Bool:
		return &jsonschema.Schema{Type: "boolean"}
	case t.Kind() == reflect.Slice:
		return &jsonschema.Schema{Type: "array", Items: foreignSchema(t.Elem())}
	case t.Kind() != reflect.Struct && t.Kind() != reflect.Map || t == reflect.TypeFor[promconfig.URL]():
		return &jsonschema.Schema{Type: "string"}
	}
	known, rest := foreignFields(t)
	s := &jsonschema.Schema{Type: "object", AdditionalProperties: jsonschema.FalseSchema}
	if rest != nil {
		s.AdditionalProperties = foreignSchema(rest)
	}
	s.Properties = jsonschema.NewProperties()
	for _, k := range slices.Sorted(maps.Keys(known)) {
		if !unsupported(k) {
			s.Properties.Set(k, foreignSchema(known[k]))
		}
	}
	return s
}

// defaults is the smallest file after its defaults were filled in.
func defaults(t *testing.T) map[string]any {
	t.Helper()
	cfg := good(t, "minimal")
	cfg.Sources[0].Tenant = &Tenant{}
	cfg.fill()
	b, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// addDefaults writes into each optional property the value that it got.
func addDefaults(defs jsonschema.Definitions, s *jsonschema.Schema, got map[string]any) {
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		value, ok := got[p.Key]
		if !ok || p.Key == "labels" { // shared by sources and models, which differ
			continue
		}
		inner := resolve(defs, p.Value)
		switch v := value.(type) {
		case map[string]any:
			if inner.Properties != nil && p.Key != "http" {
				addDefaults(defs, inner, v)
			}
		case []any:
			if inner.Items != nil {
				addDefaults(defs, resolve(defs, inner.Items), v[0].(map[string]any))
			}
		default:
			if !slices.Contains(s.Required, p.Key) {
				p.Value.Default = value
			}
		}
	}
}

// resolve follows a reference to a definition.
func resolve(defs jsonschema.Definitions, s *jsonschema.Schema) *jsonschema.Schema {
	if s.Ref == "" {
		return s
	}
	return defs[filepath.Base(s.Ref)]
}
