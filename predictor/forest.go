package predictor

import (
	"math"
)

const (
	trees     = 20
	cuts      = 31  // borders between the bins of a feature
	maxLeaves = 128 // of a tree
	order     = 12  // order statistics kept per leaf
	leastLeaf = 25  // rows of a leaf
	tries     = 10  // features drawn per split, an even number
	leafUnit  = 1.0 / 6000
)

// shares are the borders of what the order statistics of a leaf stand for: each for
// the share between two, so the upper tail, which decides, is kept finest.
var shares = [order + 1]float64{0, 0.15, 0.3, 0.45, 0.6, 0.7, 0.8, 0.87, 0.92, 0.955, 0.98, 0.993, 1}

// forest is a quantile regression forest (Meinshausen 2006) in little memory:
// features are binned, a split is four bytes, a leaf keeps some order statistics
// of ln(window maximum / level) in 16 bits each.
type forest struct {
	ready bool
	cut   [features][cuts]float32
	*grove
}

// grove is the trees, in one piece, which wastes less memory than two.
type grove struct {
	split [trees][maxLeaves - 1]split
	leaf  [trees][maxLeaves][order]int16
}

// split sends a row left if its bin of the feature is at most bin. Children below
// maxLeaves are splits, the others leaves.
type split struct{ feature, bin, left, right uint8 }

func (f *forest) grown() bool { return f.ready }

func (f *forest) clear() { f.ready = false }

func (f *forest) bin(x *[features]float32, out *[features]uint8) {
	for k := range x {
		out[k] = uint8(binIn(&f.cut[k], x[k]))
	}
}

// binIn is how many borders lie below a value: a binary search without a branch that could be guessed wrong. It
// rests on cuts being 2^5 - 1.
func binIn(c *[cuts]float32, x float32) int {
	at := 0
	for bit := 4; bit >= 0; bit-- {
		above := 0
		if x > c[at+1<<bit-1] {
			above = 1
		}
		at += above << bit
	}
	return at
}

// predict says which quantiles the window maximum after bucket i has.
func (f *forest) predict(s *series, i int, t *track, out *[levels]float32) {
	var x [features]float32
	describe(s, i, t.h, t.winters, t.shake, &x)
	b, e := level(s, i)
	f.read(&x, b, e, out)
}

func (f *forest) read(x *[features]float32, b, e float32, out *[levels]float32) {
	var bin [features]uint8
	f.bin(x, &bin)
	var runs, spare [trees * (order + 1)]int32
	pool := runs[:0]
	for k := range trees {
		n := uint8(0)
		for {
			c := f.split[k][n]
			n = c.right
			if bin[c.feature] <= c.bin {
				n = c.left
			}
			if n >= maxLeaves {
				break
			}
		}
		for at, v := range f.leaf[k][n-maxLeaves] {
			pool = append(pool, int32(v)<<8|int32(at)) // a value, and which share it stands for
		}
		pool = append(pool, math.MaxInt32)
	}
	pool = mergeRuns(&runs, &spare)
	at, upto := 0, weight(pool[0])
	for j, q := range Quantiles {
		for upto < q*trees && at < len(pool)-1 {
			at++
			upto += weight(pool[at])
		}
		out[j] = max(b*float32(math.Exp(float64(pool[at]>>8)*leafUnit))-e, 0)
	}
}

// mergeRuns sorts what the trees say: trees runs of order values, each sorted and followed by a sentinel.
func mergeRuns(from, to *[trees * (order + 1)]int32) []int32 {
	ends := [trees + 1]int{}
	for k := range ends {
		ends[k] = k * (order + 1)
	}
	n := trees
	for n > 1 {
		at, kept := 0, 0
		for k := 0; k < n; k += 2 {
			if k+1 == n {
				at += copy(to[at:], from[ends[k]:ends[k+1]])
			} else {
				at = merge(to, at, from, ends[k], ends[k+1], ends[k+2]-1)
			}
			kept++
			ends[kept] = at
		}
		n, from, to = kept, to, from
	}
	return from[:trees*order]
}

// merge writes two neighbouring runs as one, with one sentinel, and says where it ends. The runs begin at i and j,
// and the second one's sentinel is at last.
func merge(to *[trees * (order + 1)]int32, at int, from *[trees * (order + 1)]int32, i, j, last int) int {
	x, y := from[i], from[j]
	for end := at + last - i - 1; at < end; at++ {
		to[at] = min(x, y)
		if x <= y {
			i++
			x = from[i]
		} else {
			j++
			y = from[j]
		}
	}
	to[at] = math.MaxInt32
	return at + 1
}

// weight is what share of its leaf an entry of the pool stands for.
func weight(entry int32) float64 { return shares[entry&0xff+1] - shares[entry&0xff] }
