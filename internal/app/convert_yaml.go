package app

import "go.yaml.in/yaml/v3"

// place is where a key is in a mapping; -1 if it is not.
func place(n *yaml.Node, name string) int {
	if n == nil || n.Kind != yaml.MappingNode {
		return -1
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return i
		}
	}
	return -1
}

// field is the value of a key; nil if it is not there.
func field(n *yaml.Node, name string) *yaml.Node {
	if i := place(n, name); i >= 0 {
		return n.Content[i+1]
	}
	return nil
}

// key is the key itself, which carries its comments.
func key(n *yaml.Node, name string) *yaml.Node {
	if i := place(n, name); i >= 0 {
		return n.Content[i]
	}
	return nil
}

// text is the value of a key as it is written; empty if it is not a scalar.
func text(n *yaml.Node, name string) string {
	if v := field(n, name); v != nil && v.Kind == yaml.ScalarNode {
		return v.Value
	}
	return ""
}

func scalar(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }

// set gives a key a value, at its place or at the end.
func set(n *yaml.Node, name string, v *yaml.Node) {
	if i := place(n, name); i >= 0 {
		n.Content[i+1] = v
		return
	}
	n.Content = append(n.Content, scalar(name), v)
}

// remove takes a key away and says whether it was there.
func remove(n *yaml.Node, name string) bool {
	i := place(n, name)
	if i < 0 {
		return false
	}
	n.Content = append(n.Content[:i], n.Content[i+2:]...)
	return true
}
