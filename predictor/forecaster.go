package predictor

import (
	"math"
	"slices"
	"time"
	"unsafe"
)

const (
	// EpochEvery is how many buckets pass until a forecaster begins anew: it
	// chooses parameters and grows its forest on all history, and folds the newest
	// part of it afresh. Its state is thereby a function of the history kept, of
	// whatever began earlier nothing remains.
	EpochEvery = int64(day / 2)

	refold       = 2 * day     // buckets that are folded afresh at an epoch
	leastForest  = day * 3 / 2 // buckets of history from which there is a forest
	longestTrial = day         // of them, those that it is judged on before it may speak, a third at most

	// mostRise bounds every quantile by so many times the highest rate ever seen.
	// Errors made near zero are large in units of the square root of the level, and
	// say little of what follows at a level that was never exceeded.
	mostRise = 1.25
)

// Workspace is scratch shared by forecasters that are used one after another: a
// history unpacked, and what a forest is grown from. The zero value is ready.
type Workspace struct {
	series   series
	garden   garden
	opinions opinions
}

// Forecaster forecasts one model: an online-weighted blend of guesses with
// measured errors (guess.go), a regression and a forest, over closed buckets.
//
//	Max(h, q) = sum_k w_kq (b_k + s_k R_kq) / sum_k w_kq
//
// with b the points, s their scales, R_q the conformal quantile of their decayed
// scaled errors, and weights by decayed pinball loss per quantile (blend.go). A
// window that touches a gap is no evidence and is skipped. What it keeps is a fold
// over the history: the same history at the same moment gives the same forecast,
// however often it was asked before. It needs no history: the first sample has the
// spread of Poisson counts, and what is not known yet stays out.
//
// One track is kept, for the longest horizon asked for; the quantiles of shorter
// ones approach the level with the square root of their share, as those of a
// random walk do.
type Forecaster struct {
	work  *Workspace
	phase int64
	plain bool
	track track
}

// NewForecaster is one whose epochs begin at a phase of EpochEvery, so that those
// of many models do not fall on one moment. Its scratch may be shared with others
// that are used one after another; nil = its own.
func NewForecaster(w *Workspace, phase time.Duration) *Forecaster {
	if w == nil {
		w = &Workspace{}
	}
	return &Forecaster{work: w, phase: int64(phase/DefaultStep) % EpochEvery}
}

// NewPlain is one that never grows a forest: the plain blend of the other experts, to say what a forest is worth.
func NewPlain(w *Workspace, phase time.Duration) *Forecaster {
	f := NewForecaster(w, phase)
	f.plain = true
	return f
}

// Forecast returns the grid at a moment for ascending horizons; unknown if the
// newest sample is older than MaxLevelAge or lies after at.
func (f *Forecaster) Forecast(h *History, at time.Time, horizons []time.Duration) Forecast {
	if len(horizons) == 0 || h.seen.IsZero() || at.Before(h.seen) || at.Sub(h.seen) > MaxLevelAge {
		return Forecast{}
	}
	longest := horizons[len(horizons)-1]
	s := &f.work.series
	s.load(h)
	g := gridFor(at, horizons)
	g.Level = h.rate
	var q, held [levels]float32
	if s.len() == 0 {
		f.track.first(h.buckets(longest), h.rate, &q)
	} else {
		f.follow(s, h.buckets(longest))
		m := f.track.at(f.track.next - 1)
		g.Gain = f.track.follow.share()
		q, held = m.out, f.track.held(s, float32(g.Gain))
		g.Level, g.Residuals, g.Seasonal = float64(m.y), f.track.seen, f.track.season
		g.Overshoot = f.track.over.ratio()
	}
	top := mostRise * max(float32(h.rate), s.top(0, s.len()))
	for j := range q {
		q[j], held[j] = min(q[j], top), min(held[j], top)
	}
	for _, d := range horizons {
		share := math.Sqrt(float64(d) / float64(longest))
		for j := range q {
			g.Values = append(g.Values, mix(g.Level, float64(q[j]), share))
			g.Held = append(g.Held, mix(g.Level, float64(max(held[j], q[j])), share))
		}
		g.Past = append(g.Past, h.past(h.buckets(d)))
	}
	out, err := freeze(&g)
	if err != nil {
		return Forecast{} // no grid that fails its own check is ever handed out
	}
	return out
}

// gridFor is an empty grid with room for all of it in one piece.
func gridFor(at time.Time, horizons []time.Duration) Grid {
	rows := len(horizons)
	cells := make([]float64, 0, rows*(2*levels+1))
	return Grid{
		At: at, Gain: usualGain, Horizons: slices.Clone(horizons), Quantiles: Quantiles,
		Values: cells[: 0 : rows*levels], Held: cells[rows*levels : rows*levels : 2*rows*levels],
		Past: cells[2*rows*levels : 2*rows*levels : rows*(2*levels+1)],
	}
}

// first are the quantiles before any bucket has closed.
func (t *track) first(h int, rate float64, q *[levels]float32) {
	t.begin(h, 0, rate)
	t.errs[gMean5].around(guess{float32(rate), float32(rate)}, q)
}

// follow brings the track up to the last closed bucket.
func (f *Forecaster) follow(s *series, h int) {
	epoch := max(floorDiv(s.end()-f.phase, EpochEvery)*EpochEvery+f.phase, s.first)
	t := &f.track
	if t.h != h || t.epoch != epoch || t.next > s.end() || t.next < s.first {
		f.begin(s, epoch, h)
	}
	for i := int(t.next - s.first); i < s.len(); i++ {
		t.fold(s, i)
		t.blend(t.at(t.next-1), &f.work.opinions)
	}
}

// trial is on how many of the buckets before end a forest is judged.
func trial(end int) int { return min(end/3, longestTrial) }

// begin rebuilds the track from the history before an epoch. The forest is judged
// on a part that it has not seen, then grown again on all there is.
func (f *Forecaster) begin(s *series, epoch int64, h int) {
	t, g := &f.track, &f.work.garden
	end := int(epoch - s.first)
	from := max(end-refold, 0)
	t.begin(h, s.first+int64(from), float64(s.average(max(end-1, 0), day)))
	t.epoch = epoch
	if end <= 0 {
		return
	}
	t.season = recurs(s, end, day) || recurs(s, end, 7*day)
	g.prepare(s, &t.hw, end, h)
	forested := end >= leastForest && !f.plain
	if forested {
		g.survey(s, end, h)
		g.grow(&t.forest, g.unjudged(end, h), uint64(epoch))
	}
	for i := from; i < end; i++ {
		t.forest.ready = forested && i >= end-trial(end)
		t.step(s, i, g.winters[i], g.shake[i])
		t.blend(t.at(t.next-1), &f.work.opinions)
	}
	if forested {
		g.grow(&t.forest, len(g.row), uint64(epoch)+1)
	}
}

// Bytes is the memory that a forecaster keeps, its shared scratch aside.
func (f *Forecaster) Bytes() int {
	t := &f.track
	n := int(unsafe.Sizeof(*f)) + cap(t.ring)*int(unsafe.Sizeof(moment{}))
	if t.forest.grove != nil {
		n += int(unsafe.Sizeof(grove{}))
	}
	return n
}
