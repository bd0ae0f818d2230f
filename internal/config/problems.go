package config

import (
	"fmt"
	"slices"
	"strings"
)

// maxProblems keeps the report of a broken file readable.
const maxProblems = 100

// FieldError is one problem with one field.
type FieldError struct {
	Field   string // models[1].slo.ttftP95; empty = the whole file
	Problem string // want > 0, got -2s
	Line    int    // 1-based; 0 = not known, as for discovered models
}

// Error is field: problem (line n).
func (e *FieldError) Error() string {
	s := e.Problem
	if e.Field != "" {
		s = e.Field + ": " + s
	}
	if e.Line > 0 {
		s += fmt.Sprintf(" (line %d)", e.Line)
	}
	return s
}

// Errors are all problems of a file, in the file's order.
type Errors []*FieldError

// Error is one problem per line.
func (e Errors) Error() string {
	var lines []string
	for _, p := range e[:min(len(e), maxProblems)] {
		lines = append(lines, p.Error())
	}
	if more := len(e) - maxProblems; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.As each problem.
func (e Errors) Unwrap() []error {
	out := make([]error, len(e))
	for i, p := range e {
		out[i] = p
	}
	return out
}

// problems collects what is wrong. One problem per field is enough: once a field
// was reported, neither it nor what is inside it is reported again.
type problems struct {
	list     Errors
	lines    map[string]int
	told     map[string]bool
	warnings []string
}

func newProblems() *problems {
	return &problems{lines: map[string]int{}, told: map[string]bool{}}
}

// at remembers the line of a field.
func (p *problems) at(path string, line int) { p.lines[path] = line }

// add reports a problem, unless the field or one around it was reported.
func (p *problems) add(path, format string, args ...any) {
	for q := path; q != ""; q = parent(q) {
		if p.told[q] {
			return
		}
	}
	p.told[path] = true
	p.list = append(p.list, &FieldError{Field: path, Problem: fmt.Sprintf(format, args...), Line: p.line(path)})
}

// inside says that something within a field was reported.
func (p *problems) inside(path string) bool {
	for _, e := range p.list {
		if strings.HasPrefix(e.Field, path+".") {
			return true
		}
	}
	return false
}

// need reports want and got unless ok.
func (p *problems) need(ok bool, path, want string, got any) {
	if ok {
		return
	}
	if s, is := got.(string); is {
		got = quote(s)
	}
	p.add(path, "want %s, got %v", want, got)
}

// warn notes what is allowed but has no effect.
func (p *problems) warn(path, format string, args ...any) {
	p.warnings = append(p.warnings, path+": "+fmt.Sprintf(format, args...))
}

// line is that of the field or of the nearest one around it.
func (p *problems) line(path string) int {
	for q := path; q != ""; q = parent(q) {
		if l := p.lines[q]; l > 0 {
			return l
		}
	}
	return 0
}

// err is all problems in the file's order, or nil.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b *FieldError) int { return a.Line - b.Line })
	return p.list
}

// parent is the path of the field around path; "" at the top.
func parent(path string) string {
	if i := strings.LastIndexAny(path, ".["); i >= 0 {
		return path[:i]
	}
	return ""
}

// join is the path of a key inside path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// quote shows a value in an error: short, on one line, and visible if empty.
func quote(s string) string {
	const most = 60
	switch {
	case s == "":
		return "nothing"
	case len(s) > most:
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Sprintf("%q", s)
	}
	return s
}
