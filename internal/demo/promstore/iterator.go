package promstore

import (
	"sort"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// iterator walks the samples of a view in order of time: its chunks, then its head.
type iterator struct {
	w    *view
	next int               // the chunk after the one being read
	xor  chunkenc.Iterator // of the chunk being read, kept for reuse
	in   bool              // xor is in the middle of a chunk
	head int               // samples of the head already read
	t    millis
	v    float64
	done bool
	some bool // t and v hold a sample
	err  error
}

func (i *iterator) reset(w *view) { *i = iterator{w: w, xor: i.xor} }

// Next implements chunkenc.Iterator.
func (i *iterator) Next() chunkenc.ValueType {
	if !i.some {
		return i.Seek(i.w.minT)
	}
	return i.accept(i.step())
}

// Seek implements chunkenc.Iterator.
func (i *iterator) Seek(t millis) chunkenc.ValueType {
	if i.done {
		return chunkenc.ValNone
	}
	t = max(t, i.w.minT)
	if i.some && i.t >= t {
		return chunkenc.ValFloat
	}
	i.skip(t)
	ok := i.step()
	for ok && i.t < t {
		ok = i.step()
	}
	return i.accept(ok)
}

// skip leaves out whole chunks, and samples of the head, that end before a moment.
func (i *iterator) skip(t millis) {
	if i.in && i.w.chunks[i.next-1].maxT >= t {
		return
	}
	i.in = false
	for i.next < len(i.w.chunks) && i.w.chunks[i.next].maxT < t {
		i.next++
	}
	if i.next == len(i.w.chunks) {
		rest := i.w.t[i.head:]
		i.head += sort.Search(len(rest), func(k int) bool { return rest[k] >= t })
	}
}

// step moves to the next stored sample, whatever its time.
func (i *iterator) step() bool {
	for {
		if i.in {
			if i.xor.Next() != chunkenc.ValNone {
				i.t, i.v = i.xor.At()
				return true
			}
			if i.err = i.xor.Err(); i.err != nil {
				return false
			}
			i.in = false
		}
		if i.next == len(i.w.chunks) {
			break
		}
		i.xor = i.w.chunks[i.next].data.Iterator(i.xor)
		i.next++
		i.in = true
	}
	if i.head == len(i.w.t) {
		return false
	}
	i.t, i.v = i.w.t[i.head], i.w.v[i.head]
	i.head++
	return true
}

func (i *iterator) accept(ok bool) chunkenc.ValueType {
	if !ok || i.t > i.w.maxT {
		i.done, i.some = true, true
		return chunkenc.ValNone
	}
	i.some = true
	return chunkenc.ValFloat
}

// At implements chunkenc.Iterator.
func (i *iterator) At() (millis, float64) { return i.t, i.v }

// AtHistogram implements chunkenc.Iterator; the store holds floats only.
func (i *iterator) AtHistogram(*histogram.Histogram) (millis, *histogram.Histogram) { return i.t, nil }

// AtFloatHistogram implements chunkenc.Iterator; the store holds floats only.
func (i *iterator) AtFloatHistogram(*histogram.FloatHistogram) (millis, *histogram.FloatHistogram) {
	return i.t, nil
}

// AtT implements chunkenc.Iterator.
func (i *iterator) AtT() millis { return i.t }

// AtST implements chunkenc.Iterator; start timestamps are not stored.
func (i *iterator) AtST() millis { return 0 }

// Err implements chunkenc.Iterator.
func (i *iterator) Err() error { return i.err }
