package predictor

import (
	"math"
	"slices"
)

const (
	cuts      = 31  // borders between the bins of a feature
	maxLeaves = 128 // of a tree
	order     = 16  // order statistics kept per leaf
	leafUnit  = 1.0 / 6000
)

// forest is a quantile regression forest (Meinshausen 2006) in little memory:
// features are binned, a split is four bytes, a leaf keeps some order statistics
// of ln(window maximum / level) in 16 bits each.
type forest struct {
	trees int
	cut   [features][cuts]float32
	split [][maxLeaves - 1]split
	leaf  [][maxLeaves][order]int16
}

// split sends a row left if its bin of the feature is at most bin. Children below
// maxLeaves are splits, the others leaves.
type split struct{ feature, bin, left, right uint8 }

func (f *forest) grown() bool { return f.trees > 0 }

func (f *forest) clear() { f.trees = 0 }

func (f *forest) bin(x *[features]float32, out *[features]uint8) {
	for k := range x {
		lo, hi := 0, cuts
		c := &f.cut[k]
		for lo < hi {
			mid := (lo + hi) / 2
			if x[k] > c[mid] {
				lo = mid + 1
			} else {
				hi = mid
			}
		}
		out[k] = uint8(lo)
	}
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
	var buf [64 * order]int16
	pool := buf[:0]
	for k := range f.trees {
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
		pool = append(pool, f.leaf[k][n-maxLeaves][:]...)
	}
	slices.Sort(pool)
	for j, q := range Quantiles {
		at := q * float64(len(pool)-1)
		lo := int(at)
		v := float64(pool[lo])
		if lo+1 < len(pool) {
			v += (at - float64(lo)) * float64(pool[lo+1]-pool[lo])
		}
		out[j] = max(b*float32(math.Exp(v*leafUnit))-e, 0)
	}
}
