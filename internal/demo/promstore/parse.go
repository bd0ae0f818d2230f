package promstore

import (
	"bytes"
	"errors"
	"io"
	"strconv"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

// parse fills found from an exposition without touching the store.
//
// The text format is a format of lines, and nearly every line of a scrape repeats a series of the last one.
// So a line is first split at its last space: if what stands before it is a series already known, only the
// value is read. Any other line goes to the parser of Prometheus, which decides what is valid. Comments
// carry nothing that is stored.
func (t *Target) parse(at millis, exposition []byte) error {
	t.found = t.found[:0]
	for len(exposition) > 0 {
		line := exposition
		if end := bytes.IndexByte(exposition, '\n'); end >= 0 {
			line, exposition = exposition[:end], exposition[end+1:]
		} else {
			exposition = nil
		}
		if len(line) == 0 || line[0] == '#' || t.repeat(at, line) {
			continue
		}
		if err := t.parseLine(at, line); err != nil {
			return err
		}
	}
	return nil
}

// repeat takes a line of a known series; false leaves the line to the parser.
func (t *Target) repeat(at millis, line []byte) bool {
	space := bytes.LastIndexByte(line, ' ')
	if space < 0 {
		return false
	}
	e, ok := t.known[string(line[:space])]
	if !ok {
		return false
	}
	v, ok := parseValue(line[space+1:])
	if ok {
		t.see(e, at, v)
	}
	return ok
}

// parseValue reads a plain decimal number. Words like NaN are left to the parser.
func parseValue(text []byte) (float64, bool) {
	n, whole := 0, len(text) <= 15 // 15 digits fit a float exactly
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9':
			n = 10*n + int(c-'0')
		case c == '.' || c == '-' || c == '+' || c == 'e':
			whole = false
		default:
			return 0, false
		}
	}
	if whole {
		return float64(n), len(text) > 0
	}
	v, err := strconv.ParseFloat(string(text), 64)
	return v, err == nil
}

func (t *Target) see(e *entry, at millis, v float64) {
	e.round = t.round
	t.found = append(t.found, found{e: e, t: at, v: v})
}

// parseLine gives one line to the parser of Prometheus and remembers its series.
func (t *Target) parseLine(at millis, line []byte) error {
	p := textparse.NewPromParser(append(bytes.Clone(line), '\n'), labels.NewSymbolTable(), false)
	for {
		kind, err := p.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if kind != textparse.EntrySeries {
			continue
		}
		text, own, v := p.Series()
		e, ok := t.known[string(text)]
		if !ok {
			var lset labels.Labels
			p.Labels(&lset)
			e = &entry{lset: t.label(lset)}
			t.known[string(text)] = e
		}
		if own != nil {
			at = *own
		}
		t.see(e, at, v)
	}
}
