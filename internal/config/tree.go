package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The limits of a file. A model takes about a hundred nodes, so the largest
// file that fits holds some thousands of models.
const (
	// MaxBytes is the largest file that is read.
	MaxBytes = 4 << 20
	maxNodes = 500_000 // after aliases were replaced by what they stand for
	maxDepth = 64
)

// parseTree reads one YAML document into a tree without aliases, or reports why
// not. Duplicate keys are reported here, for all levels.
func parseTree(b []byte, p *problems) *yaml.Node {
	if len(b) > MaxBytes {
		p.add("", "want at most %d bytes, got %d", MaxBytes, len(b))
		return nil
	}
	root, err := oneDocument(b)
	if err != nil {
		p.add("", "%v", err)
		return nil
	}
	x := expander{problems: p}
	tree := x.expand("", root, 0)
	if x.over != "" {
		p.add("", "%s", x.over)
		return nil
	}
	return tree
}

// oneDocument parses exactly one YAML document. The recover keeps the promise
// that bad input never panics, whatever the parser does.
func oneDocument(b []byte) (root *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			root, err = nil, errors.New("parse YAML: input not understood")
		}
	}()
	d := yaml.NewDecoder(bytes.NewReader(b))
	var doc, more yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0:
		return nil, fmt.Errorf("want a %s of %s, got an empty file", Kind, APIVersion)
	case err != nil:
		return nil, syntax(err)
	}
	switch err := d.Decode(&more); {
	case err == nil:
		return nil, fmt.Errorf("want one YAML document, got a second one at line %d", more.Line)
	case !errors.Is(err, io.EOF):
		return nil, syntax(err)
	}
	return doc.Content[0], nil
}

func syntax(err error) error {
	return fmt.Errorf("parse YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
}

// expander copies a tree, replacing each alias by what it stands for, within a
// budget that an alias bomb exhausts before it costs memory.
type expander struct {
	*problems
	nodes int
	over  string // why expanding stopped
}

func (x *expander) expand(path string, n *yaml.Node, depth int) *yaml.Node {
	x.nodes++
	switch {
	case x.over != "":
		return n
	case x.nodes > maxNodes:
		x.over = fmt.Sprintf("want at most %d values with aliases replaced, got more", maxNodes)
		return n
	case depth > maxDepth:
		x.over = fmt.Sprintf("want at most %d levels, got more (an alias inside itself?)", maxDepth)
		return n
	case n.Kind == yaml.AliasNode:
		return x.expand(path, n.Alias, depth+1)
	}
	out := *n
	out.Anchor, out.Content = "", make([]*yaml.Node, 0, len(n.Content))
	switch n.Kind {
	case yaml.MappingNode:
		out.Content = x.mapping(out.Content, path, n, depth)
	case yaml.SequenceNode:
		for i, c := range n.Content {
			out.Content = append(out.Content, x.expand(index(path, i), c, depth+1))
		}
	default: // a scalar has nothing inside
	}
	return &out
}

// mapping expands keys and values; the first of two equal keys is kept.
func (x *expander) mapping(out []*yaml.Node, path string, n *yaml.Node, depth int) []*yaml.Node {
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := x.expand(path, n.Content[i], depth+1)
		if key.Kind != yaml.ScalarNode {
			x.at(path, key.Line)
			x.add(path, "want keys that are plain words, got %s", describe(key))
			continue
		}
		child := join(path, quote(key.Value))
		line, seen := first[key.Value]
		switch {
		case key.Tag == "!!merge":
			x.at(child, key.Line)
			x.add(child, "merge keys are not supported, repeat the fields or use an alias for the whole value")
		case seen:
			x.at(child, key.Line)
			x.add(child, "duplicate key, first on line %d", line)
		default:
			first[key.Value] = key.Line
			out = append(out, key, x.expand(child, n.Content[i+1], depth+1))
		}
	}
	return out
}
