package trace

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Limits against files that are not traces, or not by accident.
const (
	maxLine    = 1 << 20 // bytes; a Mooncake request of a million tokens has 2,000 block ids
	maxBytes   = 1 << 30 // uncompressed, of a file that is held in memory
	maxRows    = 5_000_000
	maxCells   = 50_000_000 // of a matrix
	maxBuckets = 10_000_000 // of a series, holes included
	maxErrors  = 10         // reported together
)

// lines reads a file line by line, plain or gzip.
type lines struct {
	name  string
	close func() error
	scan  *bufio.Scanner
	n     int // of the current line, from 1
	text  string
}

// openLines opens a file; one that is streamed may be of any size.
func openLines(path string, streamed bool) (*lines, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open trace: %w", err)
	}
	l, err := newLines(path, f, streamed)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	l.close = f.Close
	return l, nil
}

func newLines(name string, r io.Reader, streamed bool) (*lines, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	var src io.Reader = b
	if magic, _ := b.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("read trace %s: gzip: %w", name, err)
		}
		src = z
	}
	if !streamed {
		src = &capped{src: src, left: maxBytes}
	}
	l := &lines{name: name, scan: bufio.NewScanner(src), close: func() error { return nil }}
	l.scan.Buffer(make([]byte, 0, 1<<16), maxLine)
	return l, nil
}

// next goes to the next line that is not empty; false at the end or on an error, which fail tells.
func (l *lines) next() bool {
	for l.scan.Scan() {
		l.n++
		l.text = strings.TrimSuffix(l.scan.Text(), "\r")
		if l.n == 1 {
			l.text = strings.TrimPrefix(l.text, "\ufeff")
		}
		if l.text != "" {
			return true
		}
	}
	return false
}

// fail is the error that ended the lines, nil at a plain end.
func (l *lines) fail() error {
	err := l.scan.Err()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("read trace %s:%d: want lines of at most %d bytes", l.name, l.n+1, maxLine)
	default:
		return fmt.Errorf("read trace %s:%d: %w", l.name, l.n+1, err)
	}
}

// wrong is an error at the current line.
func (l *lines) wrong(column, want, got string) error {
	if column != "" {
		column = " column " + column + ":"
	}
	return fmt.Errorf("read trace %s:%d:%s want %s, got %s", l.name, l.n, column, want, clip(got))
}

// clip quotes what was found, at a length that fits a screen.
func clip(s string) string {
	const most = 60
	if len(s) > most {
		return fmt.Sprintf("%q...", s[:most])
	}
	return fmt.Sprintf("%q", s)
}

// capped ends in an error where a plain limit would end as if the file did.
type capped struct {
	src  io.Reader
	left int
}

// Read implements io.Reader.
func (c *capped) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, fmt.Errorf("want at most %d bytes uncompressed", maxBytes)
	}
	n, err := c.src.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// faults gathers errors up to a number that is still read.
type faults struct{ errs []error }

// add keeps an error and says whether there is room for more.
func (f *faults) add(err error) bool {
	if err != nil {
		f.errs = append(f.errs, err)
	}
	return len(f.errs) < maxErrors
}

func (f *faults) join() error { return errors.Join(f.errs...) }
