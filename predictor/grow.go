package predictor

import (
	"math"
	"math/rand/v2"
	"slices"
)

// garden is the shared scratch in which forests are grown.
type garden struct {
	x       [][features]float32
	y       []float32
	row     []int // bucket of each row
	bins    [features][]uint8
	sample  []int32
	spare   []int32
	ys      []float64 // of the rows of one node
	sorted  []float32
	nodes   []node
	winters []float32
	shake   []float32
}

// node is a leaf that may still be split.
type node struct {
	from, to int // its rows within sample
	gain     float64
	cut      split
	parent   int // index of the split whose child it is; -1 at the root
	right    bool
}

// prepare runs Holt-Winters and the mean step over the history before end.
func (g *garden) prepare(s *series, hw *winters, end, h int) {
	g.winters, g.shake = resize(g.winters, end), resize(g.shake, end)
	shake := float32(0)
	for i := range end {
		shake = shaken(s, i, shake)
		g.shake[i], g.winters[i] = shake, s.mean[i]
	}
	if end > day {
		hw.train(s, 0, end, h, g.winters)
	}
}

// survey fills the rows with every bucket whose window is known and over before
// end.
func (g *garden) survey(s *series, end, h int) {
	g.x, g.y, g.row = g.x[:0], g.y[:0], g.row[:0]
	for i := 60; i+h < end; i++ {
		if !s.whole(i-2, i+h+1) {
			continue
		}
		var x [features]float32
		describe(s, i, h, g.winters[i], g.shake[i], &x)
		b, e := level(s, i)
		g.x, g.row = append(g.x, x), append(g.row, i)
		g.y = append(g.y, log32((s.ahead(i, h)+e)/b))
	}
}

// unjudged is how many rows a forest may learn from that is judged on the trial
// before end: those whose window is over by then.
func (g *garden) unjudged(end, h int) int {
	n, _ := slices.BinarySearch(g.row, end-trial(end)-h)
	return n
}

// grow grows a forest on the first n rows.
func (g *garden) grow(f *forest, n int, seed uint64) {
	f.clear()
	if n < 2*leastLeaf {
		return
	}
	g.cutUp(f, n)
	rng := rand.New(rand.NewPCG(seed, 0x7472656573))
	if f.grove == nil {
		f.grove = new(grove)
	}
	for k := range trees {
		g.sample = g.sample[:0]
		for r := range n {
			if rng.Uint32()&1 == 0 {
				g.sample = append(g.sample, int32(r))
			}
		}
		g.tree(&f.split[k], &f.leaf[k], rng)
	}
	f.ready = true
}

// cutUp chooses the borders of the bins and bins all rows.
func (g *garden) cutUp(f *forest, n int) {
	for k := range features {
		g.sorted = g.sorted[:0]
		for r := 0; r < n; r += 1 + n/2000 {
			g.sorted = append(g.sorted, g.x[r][k])
		}
		slices.Sort(g.sorted)
		for c := range cuts {
			f.cut[k][c] = g.sorted[(c+1)*(len(g.sorted)-1)/(cuts+1)]
		}
		g.bins[k] = resize(g.bins[k], n)
	}
	var b [features]uint8
	for r := range n {
		f.bin(&g.x[r], &b)
		for k := range b {
			g.bins[k][r] = b[k]
		}
	}
}

// tree splits the leaf with the most to gain until there are maxLeaves.
func (g *garden) tree(splits *[maxLeaves - 1]split, leaves *[maxLeaves][order]int16, rng *rand.Rand) {
	g.nodes = append(g.nodes[:0], node{to: len(g.sample), parent: -1})
	g.seek(&g.nodes[0], rng)
	used := 0
	for len(g.nodes) < maxLeaves {
		best := 0
		for k := range g.nodes {
			if g.nodes[k].gain > g.nodes[best].gain {
				best = k
			}
		}
		n := g.nodes[best]
		if n.gain <= 0 {
			break
		}
		mid := g.part(n)
		link(splits, n, uint8(used))
		splits[used] = n.cut
		l, r := node{from: n.from, to: mid, parent: used}, node{from: mid, to: n.to, parent: used, right: true}
		used++
		g.seek(&l, rng)
		g.seek(&r, rng)
		g.nodes[best] = l
		g.nodes = append(g.nodes, r)
	}
	if used == 0 { // no split pays: both children are the one leaf
		splits[0] = split{left: maxLeaves, right: maxLeaves}
	}
	for k, n := range g.nodes {
		link(splits, n, uint8(maxLeaves+k))
		g.summarise(n, &leaves[k])
	}
}

func link(splits *[maxLeaves - 1]split, n node, child uint8) {
	switch {
	case n.parent < 0:
	case n.right:
		splits[n.parent].right = child
	default:
		splits[n.parent].left = child
	}
}

// seek finds the best split of a node among some features drawn for it: the one
// that leaves the least variance.
func (g *garden) seek(n *node, rng *rand.Rand) {
	n.gain = 0
	rows := g.sample[n.from:n.to]
	if len(rows) < 2*leastLeaf {
		return
	}
	g.ys = resize(g.ys, len(rows))
	ys, all := g.ys[:len(rows)], 0.0
	for i, r := range rows {
		ys[i] = float64(g.y[r])
		all += ys[i]
	}
	for range tries / 2 { // by two, because sums of one feature wait for each other
		a, b := rng.IntN(features), rng.IntN(features)
		var ofA, ofB tallies
		binsA, binsB := g.bins[a], g.bins[b]
		for i, r := range rows {
			ofA.add(binsA[r], ys[i])
			ofB.add(binsB[r], ys[i])
		}
		n.choose(a, &ofA, all, len(rows))
		n.choose(b, &ofB, all, len(rows))
	}
}

// tallies are the rows of a node by their bin of one feature.
type tallies [cuts + 1]struct {
	sum   float64
	count int
}

func (t *tallies) add(bin uint8, y float64) {
	t[bin&cuts].sum += y
	t[bin&cuts].count++
}

// choose looks for a better split among those of one feature.
func (n *node) choose(feature int, t *tallies, all float64, rows int) {
	base := all * all / float64(rows)
	left, number := 0.0, 0
	for c := range cuts {
		left, number = left+t[c].sum, number+t[c].count
		rest := rows - number
		if rest < leastLeaf {
			return
		}
		if number < leastLeaf || t[c].count == 0 { // too few, or the same split as the last one
			continue
		}
		gain := left*left/float64(number) + (all-left)*(all-left)/float64(rest) - base
		if gain > n.gain {
			n.gain, n.cut = gain, split{feature: uint8(feature), bin: uint8(c)}
		}
	}
}

// part sorts the rows of a node by side, keeping their order, and says where the
// right side begins.
func (g *garden) part(n node) int {
	rows := g.sample[n.from:n.to]
	g.spare = resize(g.spare, len(rows))
	bins, at := g.bins[n.cut.feature], 0
	for i, r := range rows {
		goes := 0
		if bins[r] <= n.cut.bin {
			goes = 1
		}
		rows[at], g.spare[i-at] = r, r // one of them is overwritten by the next row
		at += goes
	}
	copy(rows[at:], g.spare)
	return n.from + at
}

// summarise keeps the order statistics of a leaf.
func (g *garden) summarise(n node, out *[order]int16) {
	g.sorted = g.sorted[:0]
	for _, r := range g.sample[n.from:n.to] {
		g.sorted = append(g.sorted, g.y[r])
	}
	slices.Sort(g.sorted)
	for k := range out {
		middle := (shares[k] + shares[k+1]) / 2
		v := g.sorted[min(int(middle*float64(len(g.sorted))), len(g.sorted)-1)]
		out[k] = int16(min(max(math.Round(float64(v)/leafUnit), math.MinInt16), math.MaxInt16))
	}
}
