package sim

import "math"

// batch is the set of decoding sequences, the one that ends first on top: a binary heap by the iteration
// at which each makes its last token. Adding and removing one costs the logarithm of the batch, so a
// replica with hundreds of sequences is as fast as one with ten.
type batch struct {
	seqs []sequence
	born uint64 // sequences added so far
}

type sequence struct {
	last float64 // iteration of the last token
	born uint64  // order of admission
	req  *Request
}

func (b *batch) len() int { return len(b.seqs) }

// first is the iteration at which the first sequence ends, +Inf without any.
func (b *batch) first() float64 {
	if len(b.seqs) == 0 {
		return math.Inf(1)
	}
	return b.seqs[0].last
}

func (b *batch) add(r *Request, last float64) {
	b.born++
	b.seqs = append(b.seqs, sequence{last, b.born, r})
	b.up(len(b.seqs) - 1)
}

// pop removes the sequence that ends first.
func (b *batch) pop() *Request { return b.remove(0).req }

// youngest removes the sequence admitted last.
func (b *batch) youngest() sequence {
	at := 0
	for i, s := range b.seqs {
		if s.born > b.seqs[at].born {
			at = i
		}
	}
	return b.remove(at)
}

func (b *batch) remove(i int) sequence {
	s, n := b.seqs[i], len(b.seqs)-1
	b.seqs[i] = b.seqs[n]
	b.seqs[n] = sequence{}
	b.seqs = b.seqs[:n]
	if i < n {
		b.down(i)
		b.up(i)
	}
	return s
}

// before orders by end, then by admission, so that equal ends leave in the order they came.
func (s *sequence) before(o *sequence) bool {
	return s.last < o.last || s.last == o.last && s.born < o.born
}

func (b *batch) up(i int) {
	s := b.seqs[i]
	for i > 0 {
		parent := (i - 1) / 2
		if !s.before(&b.seqs[parent]) {
			break
		}
		b.seqs[i] = b.seqs[parent]
		i = parent
	}
	b.seqs[i] = s
}

func (b *batch) down(i int) {
	s, n := b.seqs[i], len(b.seqs)
	for {
		child := 2*i + 1
		if child >= n {
			break
		}
		if right := child + 1; right < n && b.seqs[right].before(&b.seqs[child]) {
			child = right
		}
		if !b.seqs[child].before(&s) {
			break
		}
		b.seqs[i] = b.seqs[child]
		i = child
	}
	b.seqs[i] = s
}
