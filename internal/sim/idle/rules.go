package idle

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Rule says for each gap how long the replica stays idle, in seconds, before it goes; then it is told the gap. A
// rule is for one tenant.
type Rule interface {
	After() float64
	Saw(gap float64)
}

// tau is a fixed idle time.
type tau float64

func (t tau) After() float64 { return float64(t) }
func (tau) Saw(float64)      {}

// randomised draws tau from the density e^(x/C) / (C (e-1)) on [0, C]: in expectation e/(e-1) = 1.58 times the
// optimum, the best a rule without knowledge can have (Karlin et al., Algorithmica 1994).
type randomised struct {
	cost float64
	rng  *rand.Rand
}

func (r randomised) After() float64 { return r.cost * math.Log1p(r.rng.Float64()*(math.E-1)) }
func (randomised) Saw(float64)      {}

// histogram is the hybrid histogram of "Serverless in the Wild" (Shahrad et al., ATC 2020) without its ARIMA and
// without pre-warming, which starts at the 5 % quantile and here is the start of the gap: idle times in minutes up
// to four hours; the replica stays until their 99 % quantile. While there are few, or most lie beyond, it stays for
// the four hours.
type histogram struct {
	minutes [histogramMinutes]int
	n, over int
}

const (
	histogramMinutes = 240
	histogramLeast   = 10
)

func (h *histogram) After() float64 {
	if inside := h.n - h.over; h.n < histogramLeast || 2*inside < h.n {
		return histogramMinutes * 60
	}
	want := int(math.Ceil(0.99 * float64(h.n-h.over)))
	for i, sum := 0, 0; i < histogramMinutes; i++ {
		if sum += h.minutes[i]; sum >= want {
			return float64(i+1) * 60
		}
	}
	return histogramMinutes * 60
}

func (h *histogram) Saw(gap float64) {
	h.n++
	if i := int(gap / 60); i < histogramMinutes {
		h.minutes[i]++
	} else {
		h.over++
	}
}

// learned keeps the tau that would have cost least in the past: the argmin of the decayed sum of min(g, tau) +
// C [g > tau], over the gaps seen and 0, never above C, which keeps the bound of 2. Before the first gap tau is C.
type learned struct {
	cost float64
	gaps []float64 // oldest first
}

const (
	learnedDecay  = 0.98
	learnedWindow = 200 // older gaps weigh less than 2 %
)

func (l *learned) After() float64 {
	if len(l.gaps) == 0 {
		return l.cost
	}
	sorted := make([]weighted, 0, len(l.gaps))
	weight, beyond := 1.0, 0.0
	for _, g := range slices.Backward(l.gaps) {
		sorted = append(sorted, weighted{g, weight})
		beyond += weight
		weight *= learnedDecay
	}
	slices.SortFunc(sorted, func(a, b weighted) int {
		if a.gap < b.gap {
			return -1
		}
		return 1
	})
	best, least, within := 0.0, beyond*l.cost, 0.0
	for _, w := range sorted { // tau just at this gap: those up to it cost themselves
		if w.gap > l.cost {
			break
		}
		within += w.gap * w.weight
		beyond -= w.weight
		if sum := within + beyond*(w.gap+l.cost); sum < least {
			best, least = w.gap, sum
		}
	}
	if sum := within + beyond*2*l.cost; sum < least {
		best = l.cost
	}
	return best
}

type weighted struct{ gap, weight float64 }

func (l *learned) Saw(gap float64) {
	if len(l.gaps) == learnedWindow {
		l.gaps = append(l.gaps[:0], l.gaps[1:]...)
	}
	l.gaps = append(l.gaps, gap)
}
