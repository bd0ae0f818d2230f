package promstore

import (
	"fmt"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// millis is a moment in milliseconds since 1970, or a length of time in milliseconds.
type millis = int64

// headSize is the number of samples after which a head is compressed, as in Prometheus.
const headSize = 120

// series is one time series: compressed chunks, which never change, and a head of plain samples, which
// is only appended to. Readers take slices of both under the lock of the store and read them without.
type series struct {
	lset   labels.Labels
	chunks []chunk
	t      []millis
	v      []float64
	minT   millis
	maxT   millis
	dead   bool // removed by retention; holders of the pointer must look it up again
}

// chunk is a run of samples between two moments, inclusive.
type chunk struct {
	minT, maxT millis
	data       *chunkenc.XORChunk
}

// append adds a sample after the last one; false means it is not after it.
func (s *series) append(t millis, v float64) bool {
	if s.empty() {
		s.minT = t
	} else if t <= s.maxT {
		return false
	}
	s.t, s.v = append(s.t, t), append(s.v, v)
	s.maxT = t
	if len(s.t) == headSize {
		s.seal()
	}
	return true
}

func (s *series) empty() bool { return len(s.t) == 0 && len(s.chunks) == 0 }

// seal compresses the head.
func (s *series) seal() {
	if len(s.t) == 0 {
		return
	}
	data := chunkenc.NewXORChunk()
	app, err := data.Appender()
	if err != nil {
		panic(fmt.Sprintf("append to a new chunk: %v", err)) // cannot happen: nothing is decoded
	}
	for i, t := range s.t {
		app.Append(0, t, s.v[i])
	}
	data.Compact()
	s.chunks = append(s.chunks, chunk{minT: s.t[0], maxT: s.t[len(s.t)-1], data: data})
	s.t, s.v = nil, nil
}

// forget drops chunks that end before a moment, and the whole series if nothing is left after it.
func (s *series) forget(before millis) {
	old := 0
	for old < len(s.chunks) && s.chunks[old].maxT < before {
		old++
	}
	if old > 0 {
		s.chunks = append([]chunk(nil), s.chunks[old:]...) // readers may hold the old slice
	}
	if s.maxT < before {
		s.chunks, s.t, s.v = nil, nil, nil
		return
	}
	if len(s.chunks) > 0 {
		s.minT = s.chunks[0].minT
	} else if len(s.t) > 0 {
		s.minT = s.t[0]
	}
}

// view is what a reader sees of a series: the samples in a range at the time it was taken.
type view struct {
	lset       labels.Labels
	chunks     []chunk
	t          []millis
	v          []float64
	minT, maxT millis // of the range asked for
}

func (s *series) view(minT, maxT millis) *view {
	from, to := 0, len(s.chunks)
	for from < to && s.chunks[from].maxT < minT {
		from++
	}
	for to > from && s.chunks[to-1].minT > maxT {
		to--
	}
	return &view{lset: s.lset, chunks: s.chunks[from:to], t: s.t, v: s.v, minT: minT, maxT: maxT}
}

// Labels implements storage.Series.
func (w *view) Labels() labels.Labels { return w.lset }

// Iterator implements storage.Series.
func (w *view) Iterator(it chunkenc.Iterator) chunkenc.Iterator {
	i, ok := it.(*iterator)
	if !ok {
		i = &iterator{}
	}
	i.reset(w)
	return i
}
