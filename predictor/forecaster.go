package predictor

import (
	"math"
	"time"
)

// Workspace is scratch shared by forecasters that are used one after another.
type Workspace struct {
	series series
	garden garden
	saved  []guess
}

// gain is the share of a change of level that a forecast follows between two
// refreshes.
const gain = 0.5

// mostRise bounds every quantile by so many times the highest rate ever seen.
// Errors made near zero are large in units of the square root of the level, and
// say little of what follows at a level that was never exceeded.
const mostRise = 1.25

// EpochEvery is how often a forecaster begins anew.
const EpochEvery = int64(day / 2)

// Forecaster forecasts one model.
type Forecaster struct {
	Work  *Workspace
	Phase int64
	t     track
	from  int64 // first bucket when the track was begun
}

// NewForecaster is one that trains at a phase of EpochEvery, so that the trainings
// of many models do not fall on one moment. Its scratch may be shared with others
// that are used one after another; nil = its own.
func NewForecaster(w *Workspace, phase time.Duration) *Forecaster {
	if w == nil {
		w = &Workspace{}
	}
	return &Forecaster{Work: w, Phase: int64(phase/DefaultStep) % EpochEvery}
}

// Forecast implements the engine's interface.
func (f *Forecaster) Forecast(h *History, at time.Time, horizons []time.Duration) Forecast {
	if len(horizons) == 0 || h.seen.IsZero() || at.Before(h.seen) || at.Sub(h.seen) > MaxLevelAge {
		return Forecast{}
	}
	if f.Work == nil {
		f.Work = &Workspace{}
	}
	s := &f.Work.series
	s.load(h)
	g := Grid{At: at, Level: h.rate, Gain: gain, Horizons: horizons, Quantiles: Quantiles}
	var q, held [levels]float32
	main := h.buckets(horizons[len(horizons)-1])
	if s.len() == 0 {
		f.t.begin(main, s.end(), h.rate)
		var spread [levels]float32
		f.t.errs[0].quantiles(&spread)
		for j := range q {
			q[j] = max(float32(h.rate)*(1+spread[j]), 0)
		}
	} else {
		f.follow(s, main)
		m := f.t.at(f.t.next - 1)
		q, held = m.out, f.t.held()
		g.Level = float64(m.y)
		g.Residuals, g.Seasonal = f.t.seen, f.t.season
	}
	top := mostRise * max(float32(h.rate), s.top(0, s.len()))
	for j := range q {
		q[j], held[j] = min(q[j], top), min(held[j], top)
	}
	for _, d := range horizons {
		share := math.Sqrt(float64(d) / float64(horizons[len(horizons)-1]))
		for j := range q {
			g.Values = append(g.Values, g.Level+(float64(q[j])-g.Level)*share)
			g.Held = append(g.Held, g.Level+(float64(max(held[j], q[j]))-g.Level)*share)
		}
		g.Past = append(g.Past, h.past(h.buckets(d)))
	}
	out, err := NewForecast(g)
	if err != nil {
		return Forecast{}
	}
	return out
}

// follow brings the track up to the last closed bucket.
func (f *Forecaster) follow(s *series, h int) {
	epoch := max(floorDiv(s.end()-f.Phase, EpochEvery)*EpochEvery+f.Phase, s.first)
	t := &f.t
	if t.h != h || t.epoch != epoch || t.next > s.end() || t.next < s.first {
		f.begin(s, epoch, h)
	}
	for i := int(t.next - s.first); i < s.len(); i++ {
		t.fold(s, i)
		if i >= s.len()-t.hold() {
			m := t.at(s.first + int64(i))
			t.blend(m, &m.out)
			m.said = true
		}
	}
}

// begin rebuilds the track from the history before an epoch.
func (f *Forecaster) begin(s *series, epoch int64, h int) {
	t, g := &f.t, &f.Work.garden
	end := int(epoch - s.first)
	from := max(end-Tune.Walk, 0)
	mean := float64(s.mean[0])
	if end > 0 {
		mean = float64(s.average(end-1, day))
	}
	t.begin(h, s.first+int64(from), mean)
	t.epoch = epoch
	if end == 0 {
		return
	}
	g.winters, g.shake = resize(g.winters, end), resize(g.shake, end)
	shake := float32(0)
	d := float32(math.Exp2(-1 / Tune.ShakeHalf))
	for i := range end {
		if s.whole(i-1, i+1) {
			shake = d*shake + (1-d)*abs(s.peak[i]-s.mean[i-1])
		}
		g.shake[i], g.winters[i] = shake, s.mean[i]
	}
	t.season = recurs(s, end, day) || recurs(s, end, 7*day)
	if end > day {
		t.hw.train(s, 0, end, h, g.winters)
	}
	forested := float64(end) >= Tune.MinDays*float64(day)+float64(Tune.Holdout) && !Tune.Off[gForest]
	if forested {
		g.survey(s, 0, end, h)
		n := 0
		for n < len(g.row) && g.row[n]+h < end-Tune.Holdout {
			n++
		}
		g.grow(&t.forest, n, uint64(epoch))
	}
	trees := t.forest.trees
	hw := t.hw
	for i := from; i < end; i++ {
		t.forest.trees = trees
		if i < end-Tune.Holdout {
			t.forest.trees = 0
		}
		t.step(s, i, g.winters[i], g.shake[i])
	}
	t.hw = hw
	if forested {
		g.grow(&t.forest, len(g.row), uint64(epoch)+1)
	}
}
