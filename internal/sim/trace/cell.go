package trace

import (
	"math"
	"strconv"
	"strings"
)

// row is one line of a table, cut at the commas. None of the formats quotes.
type row struct {
	l     *lines
	head  []string
	cells []string
}

// cut splits the current line; it must have as many cells as the header.
func (l *lines) cut(head []string) (row, error) {
	cells := strings.Split(l.text, ",")
	if len(cells) != len(head) {
		return row{}, l.wrong("", strconv.Itoa(len(head))+" columns", strconv.Itoa(len(cells))+": "+l.text)
	}
	return row{l: l, head: head, cells: cells}, nil
}

// maxAmount bounds what a bucket holds: more than any service sees, and so little that sums and means of what a trace
// may hold stay numbers.
const maxAmount = 1e15

// amount reads a cell that is a number from 0 to maxAmount; empty is NaN where that is allowed.
func (r row) amount(i int, mayMiss bool) (float64, error) {
	text := strings.TrimSpace(r.cells[i])
	if text == "" && mayMiss {
		return math.NaN(), nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= 0 && v <= maxAmount) {
		want := "a number from 0 to 1e15"
		if mayMiss {
			want += ", or nothing"
		}
		return 0, r.l.wrong(r.head[i], want, r.cells[i])
	}
	return v, nil
}

// maxCount bounds counts of tokens and blocks, so that sums stay exact.
const maxCount = 1 << 31

// count reads a cell that is a whole number of at least 0.
func (r row) count(i int) (int, error) {
	text := strings.TrimSpace(r.cells[i])
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil { // a column that once had a hole is often written as 12.0
		if f, ferr := strconv.ParseFloat(text, 64); ferr == nil && f == math.Trunc(f) && math.Abs(f) < maxCount {
			n, err = int64(f), nil
		}
	}
	if err != nil || n < 0 || n > maxCount {
		return 0, r.l.wrong(r.head[i], "a whole number from 0 to 2^31", r.cells[i])
	}
	return int(n), nil
}
