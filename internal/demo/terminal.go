package demo

import (
	"io"
	"os"

	"golang.org/x/term"
)

// terminal gives a function for the size of the terminal that out is, in columns
// and lines; false if it is none.
func terminal(out io.Writer) (func() (width, height int), bool) {
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, false
	}
	return func() (int, int) {
		width, height, err := term.GetSize(int(f.Fd()))
		if err != nil || width <= 0 || height <= 0 {
			return 80, 24
		}
		return width, height
	}, true
}

// paint says whether to use colours.
type paint bool

// style is an ANSI attribute.
type style string

// The styles in use; the empty one is none.
const (
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	cyan   style = "36"
	none   style = ""
)

// segment is a piece of a line in one style.
type segment struct {
	style style
	text  string
}

// render clips a line to a width, in characters that are all one column wide.
func (p paint) render(line []segment, width int) string {
	out, left := "", width
	for _, s := range line {
		r := []rune(s.text)
		if len(r) > left {
			r = r[:left]
		}
		left -= len(r)
		if !bool(p) || s.style == none {
			out += string(r)
			continue
		}
		out += "\x1b[" + string(s.style) + "m" + string(r) + "\x1b[0m"
	}
	return out
}
