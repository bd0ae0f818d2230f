package trace

import (
	"fmt"
	"math"
	"time"
)

// grid is a table of equal time steps as it is read: the moments may have gaps, which become holes.
type grid struct {
	at   []int64 // seconds, ascending
	cols [][]float64
}

// readGrid reads t_s and the columns after it; cells may be empty.
func readGrid(l *lines, head []string, columns int) (grid, error) {
	g := grid{cols: make([][]float64, columns)}
	var f faults
	for l.next() {
		if len(g.at) >= maxRows || len(g.at)*columns >= maxCells {
			f.add(l.wrong("", fmt.Sprintf("at most %d rows of %d columns", len(g.at), columns), "more"))
			break
		}
		if !f.add(g.row(l, head)) {
			break
		}
	}
	f.add(l.fail())
	return g, f.join()
}

func (g *grid) row(l *lines, head []string) error {
	r, err := l.cut(head)
	if err != nil {
		return err
	}
	at, err := r.count(0)
	if err != nil {
		return err
	}
	if n := len(g.at); n > 0 && int64(at) <= g.at[n-1] {
		return l.wrong(head[0], fmt.Sprintf("a moment after %d", g.at[n-1]), r.cells[0])
	}
	g.at = append(g.at, int64(at))
	for c := range g.cols {
		v, cellErr := r.amount(c+1, true)
		if cellErr != nil {
			err = cellErr // the first of the row is enough
		}
		g.cols[c] = append(g.cols[c], v)
	}
	return err
}

// spread puts the rows on equal steps; the step is the least distance of two rows.
func (g *grid) spread(name string) (time.Duration, error) {
	if len(g.at) < 2 {
		return 0, fmt.Errorf("read trace %s: want at least 2 rows, got %d", name, len(g.at))
	}
	step := g.at[1] - g.at[0]
	for i := 2; i < len(g.at); i++ {
		step = min(step, g.at[i]-g.at[i-1])
	}
	n := int64(len(g.at))
	if total := (g.at[n-1]-g.at[0])/step + 1; total != n {
		if total > maxBuckets || total*int64(len(g.cols)) > maxCells {
			return 0, fmt.Errorf("read trace %s: want at most %d buckets, got %d of %d s", name, maxBuckets, total, step)
		}
		for c, v := range g.cols {
			g.cols[c] = holed(v, g.at, step, total)
		}
	}
	for i, t := range g.at {
		if (t-g.at[0])%step != 0 {
			return 0, fmt.Errorf("read trace %s: row %d: t_s: want a multiple of %d s after %d, got %d",
				name, i+1, step, g.at[0], t)
		}
	}
	return time.Duration(step) * time.Second, nil
}

// holed is a column with NaN where rows are missing.
func holed(v []float64, at []int64, step, total int64) []float64 {
	out := make([]float64, total)
	for i := range out {
		out[i] = math.NaN()
	}
	for i, x := range v {
		out[(at[i]-at[0])/step] = x
	}
	return out
}

func unknowns(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.NaN()
	}
	return out
}
