package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"

	"go.yaml.in/yaml/v3"
)

// Parse reads a configuration, fills in the defaults and checks everything. The
// error is Errors: every problem at once.
func Parse(b []byte, cat Catalog) (*Config, error) {
	p := newProblems()
	tree := parseTree(b, p)
	if tree == nil {
		return nil, p.err()
	}
	if tree.Kind != yaml.MappingNode {
		p.add("", "want a %s of %s, got %s", Kind, APIVersion, describe(tree))
		return nil, p.err()
	}
	cfg := &Config{}
	d := decoder{problems: p}
	d.decode("", tree, reflect.ValueOf(cfg).Elem())
	if err := cfg.complete(p, cat); err != nil {
		return nil, err
	}
	return cfg, nil
}

// Load reads a configuration file. Relative paths in it are relative to it.
func Load(path string, cat Catalog) (*Config, error) {
	b, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return parseIn(path, b, cat)
}

// parseIn parses what was read from path.
func parseIn(path string, b []byte, cat Catalog) (*Config, error) {
	cfg, err := Parse(b, cat)
	if err != nil {
		return nil, fmt.Errorf("read configuration %s:\n%w", path, err)
	}
	for i := range cfg.Sources {
		cfg.Sources[i].HTTP.Client.SetDirectory(filepath.Dir(path))
	}
	return cfg, nil
}

// readFile reads a file up to one byte more than is allowed, so that a file
// that is too large is noticed and not swallowed whole.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return b, nil
}

// Complete fills in the defaults and checks everything, for configurations made
// or changed by other means than a file. It may be called again.
func (c *Config) Complete(cat Catalog) error { return c.complete(newProblems(), cat) }

func (c *Config) complete(p *problems, cat Catalog) error {
	c.fill()
	check := checker{problems: p, cat: cat}
	check.config(c)
	check.cross(c)
	c.Warnings = p.warnings
	return p.err()
}
