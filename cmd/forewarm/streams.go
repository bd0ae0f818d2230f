package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"
)

// streams are where results, and where everything else, go.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// printf writes to the log side; there is nobody to tell if that fails.
func (s *streams) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(s.err, format, args...)
}

// terminal is the width of a terminal in columns, 0 if w is none.
func terminal(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		return 80
	}
	return width
}

// colour says whether w should get colours: a terminal, unless NO_COLOR is set
// to anything (no-color.org) or the terminal is dumb.
func colour(w io.Writer) bool {
	return terminal(w) > 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// clean removes what could command a terminal from text that came from
// elsewhere (label values, error pages): control characters, escape sequences
// and invisible direction marks. Line breaks become spaces.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, s)
}

// cleanLines is clean that keeps line breaks.
func cleanLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return strings.Join(lines, "\n")
}
