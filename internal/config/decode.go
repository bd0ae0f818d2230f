package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// reader is a type with a notation of its own.
type reader interface {
	read(d *decoder, path string, n *yaml.Node)
}

// decoder fills Go values from a tree. Unlike a stock decoder it reports every
// problem, each with its path, and keeps the line of every field.
type decoder struct {
	*problems
	strings bool // numbers and truth values come as strings
}

// decode fills v, which must be addressable. Null leaves v as it is.
func (d *decoder) decode(path string, n *yaml.Node, v reflect.Value) {
	if _, known := d.lines[path]; !known {
		d.at(path, n.Line)
	}
	if isNull(n) {
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if r, ok := v.Addr().Interface().(reader); ok {
		r.read(d, path, n)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.mapping(path, n, v)
	case reflect.Slice:
		d.items(path, n, v)
	case reflect.Map:
		d.words(path, n, v)
	case reflect.String:
		if s, ok := d.text(path, n, "a string"); ok {
			v.SetString(s)
		}
	default:
		d.scalar(path, n, v)
	}
}

// mapping fills a struct by its json tags.
func (d *decoder) mapping(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.add(path, "want a mapping, got %s", describe(n))
		return
	}
	fields := fieldsOf(v.Type())
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		child := join(path, quote(key.Value))
		d.at(child, key.Line)
		if at, ok := fields[key.Value]; ok {
			d.decode(child, value, v.Field(at))
			continue
		}
		d.unknownKey(path, child, key.Value, keysOf(fields))
	}
}

// unknownKey reports a key, and counts the one that was probably meant as
// reported, so that it is not said to be missing as well.
func (d *decoder) unknownKey(path, child, key string, known []string) {
	d.add(child, "%s", unknown("unknown key", key, known))
	if near := nearest(key, known); near != "" {
		d.told[join(path, near)] = true
	}
}

func (d *decoder) items(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.add(path, "want a list, got %s", describe(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, c := range n.Content {
		d.decode(index(path, i), c, v.Index(i))
	}
}

// words fills a map of strings. Values may be secret and are not shown.
func (d *decoder) words(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.add(path, "want a mapping, got %s", kindOf(n))
		return
	}
	out := map[string]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i].Value, n.Content[i+1]
		child := join(path, quote(key))
		d.at(child, n.Content[i].Line)
		if value.Kind != yaml.ScalarNode || value.Tag != "!!str" {
			d.add(child, "want a string, got %s (quote it)", kindOf(value))
			continue
		}
		out[key] = value.Value
	}
	v.Set(reflect.ValueOf(out))
}

// text is the string of a scalar.
func (d *decoder) text(path string, n *yaml.Node, want string) (string, bool) {
	switch {
	case n.Kind != yaml.ScalarNode:
		d.add(path, "want %s, got %s", want, describe(n))
	case n.Tag != "!!str" && want == "a string":
		d.add(path, "want %s, got %s (quote it)", want, describe(n))
	case n.Tag != "!!str":
		d.add(path, "want %s, got %s", want, describe(n))
	default:
		return n.Value, true
	}
	return "", false
}

// scalar fills a number or a truth value.
func (d *decoder) scalar(path string, n *yaml.Node, v reflect.Value) {
	want, tags := "a number", []string{"!!int", "!!float"}
	switch {
	case v.Kind() == reflect.Bool:
		want, tags = "true or false", []string{"!!bool"}
	case v.CanInt():
		want, tags = "a whole number", []string{"!!int"}
	}
	if d.strings && n.Kind == yaml.ScalarNode {
		n = &yaml.Node{Kind: yaml.ScalarNode, Value: n.Value}
		n.Tag = n.ShortTag()
	}
	if n.Kind != yaml.ScalarNode || !slices.Contains(tags, n.Tag) || n.Decode(v.Addr().Interface()) != nil {
		d.add(path, "want %s, got %s", want, describe(n))
	}
}

// fieldsOf maps the json names of a struct to field numbers.
func fieldsOf(t reflect.Type) map[string]int {
	out := map[string]int{}
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "-" {
			out[name] = i
		}
	}
	return out
}

func keysOf(fields map[string]int) []string {
	out := make([]string, 0, len(fields))
	for k := range fields {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// describe shows a value in an error.
func describe(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode && !isNull(n) {
		return quote(n.Value)
	}
	return kindOf(n)
}

// kindOf names the kind of a value without showing it.
func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(n):
		return "nothing"
	}
	names := map[string]string{"!!str": "a string", "!!int": "a number", "!!float": "a number", "!!bool": "a truth value"}
	if name := names[n.Tag]; name != "" {
		return name
	}
	return fmt.Sprintf("a value of type %s", quote(n.Tag))
}
