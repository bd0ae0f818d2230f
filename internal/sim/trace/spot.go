package trace

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Spot is how many spot nodes were there, zone by zone, at equal ticks.
type Spot struct {
	Name  string
	Tick  time.Duration
	Zones []string
	Nodes [][]float64 // per zone and tick; NaN = not known
}

// ReadSpot reads a spot trace.
func ReadSpot(path string) (s Spot, err error) {
	l, err := openLines(path, false)
	if err != nil {
		return Spot{}, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	if !l.next() {
		return Spot{}, errors.Join(fmt.Errorf("read trace %s: want a spot trace, got an empty file", path), l.fail())
	}
	kind, head := detect(l.text)
	if kind != formatSpot {
		return Spot{}, l.wrong("", "t_s and the names of pools or zones", l.text)
	}
	g, err := readGrid(l, head, len(head)-1)
	if err != nil {
		return Spot{}, err
	}
	tick, err := g.spread(path)
	if err != nil {
		return Spot{}, err
	}
	return Spot{Name: stem(path), Tick: tick, Zones: head[1:], Nodes: g.cols}, nil
}

// Total is the number of nodes of all zones at each tick; where a zone is not known, its last known
// number stands, and before the first one none.
func (s Spot) Total() []int {
	if len(s.Nodes) == 0 {
		return nil
	}
	out := make([]int, len(s.Nodes[0]))
	for _, zone := range s.Nodes {
		last := 0.0
		for i, n := range zone {
			if !math.IsNaN(n) {
				last = n
			}
			out[i] += int(last)
		}
	}
	return out
}
