package rival

// recent keeps the last values of a series in constant memory.
type recent struct {
	values []float64
	n      int // values seen
}

func newRecent(keep int) *recent { return &recent{values: make([]float64, max(keep, 1))} }

func (r *recent) add(v float64) {
	r.values[r.n%len(r.values)] = v
	r.n++
}

// len is how many values there are.
func (r *recent) len() int { return min(r.n, len(r.values)) }

// at is value i, oldest first.
func (r *recent) at(i int) float64 { return r.values[(r.n-r.len()+i)%len(r.values)] }

// mean is the mean of what there is; 0 without values.
func (r *recent) mean() float64 {
	sum := 0.0
	for i := range r.len() {
		sum += r.values[i]
	}
	return sum / float64(max(r.len(), 1))
}

// highest is the maximum of the last keep values, in constant time per value on average: a queue of values
// that no later one exceeds.
type highest struct {
	keep  int
	queue []stamped
	n     int
}

type stamped struct {
	at    int
	value float64
}

func newHighest(keep int) *highest { return &highest{keep: max(keep, 1)} }

// add takes a value and returns the maximum of the window.
func (h *highest) add(v float64) float64 {
	for len(h.queue) > 0 && h.queue[len(h.queue)-1].value <= v {
		h.queue = h.queue[:len(h.queue)-1]
	}
	if len(h.queue) > 0 && h.queue[0].at <= h.n-h.keep {
		h.queue = h.queue[1:]
	}
	h.queue = append(h.queue, stamped{h.n, v})
	h.n++
	return h.queue[0].value
}
