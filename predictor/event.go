package predictor

import (
	"math"
	"time"
)

// Event is known in advance: each time Begin fires, demand is expected to be
// Multiplier times what it was before, for a while.
type Event struct {
	Begin      Cron           `json:"cron"`
	Zone       string         `json:"timeZone,omitempty"` // name of Location
	For        time.Duration  `json:"for"`
	Multiplier float64        `json:"multiplier"` // above 1
	Location   *time.Location `json:"-"`          // of Begin; nil = UTC
}

// Equal says whether two events are the same.
func (e Event) Equal(o Event) bool {
	return e.Begin == o.Begin && e.Zone == o.Zone && e.For == o.For && e.Multiplier == o.Multiplier
}

// eventBase is how long before an event demand is averaged to say what it is
// multiplied with.
const eventBase = 60

// Raised is the forecast with what events announce: where one overlaps (At, At+h],
// every quantile is at least Multiplier times the mean rate of the hour before it
// began, and its distance from the present level, or its median if
// that is lower, more, which grows with the root of
// the rate, as that of counted arrivals does. What is announced stands under the
// forecast and is not moved by a newer level: the demand that an event brings would
// else be counted twice. Events raise and never lower: what the history has learned
// of an hour stays.
func (f Forecast) Raised(h *History, events []Event) Forecast {
	if !f.Known() || len(events) == 0 {
		return f
	}
	g := f.Grid()
	for _, e := range events {
		for row, horizon := range f.horizons {
			begin, ok := e.overlap(f.at, horizon)
			if !ok {
				continue
			}
			base, known := h.before(begin, f.at)
			if !known {
				continue
			}
			if g.Floor == nil {
				g.Floor = make([]float64, len(g.Values))
			}
			most := e.Multiplier * base
			spread := math.Min(math.Sqrt(most/math.Max(g.Level, base/e.Multiplier+tiny)), e.Multiplier)
			from := math.Min(g.Level, f.Max(horizon, 0.5))
			for i := row * len(f.quantiles); i < (row+1)*len(f.quantiles); i++ {
				g.Floor[i] = math.Max(g.Floor[i], most+spread*math.Max(g.Values[i]-from, 0))
			}
			g.Event = math.Max(g.Event, e.Multiplier)
		}
	}
	if g.Floor == nil {
		return f
	}
	out, err := NewForecast(g)
	if err != nil {
		return f // only a rate beyond all numbers can spoil a sound grid
	}
	return out
}

// overlap is when the event began, or will begin, that overlaps (at, at+h]. Of events that follow each other without
// a pause it is the first one: the hour before a later one has the demand of the one before.
func (e Event) overlap(at time.Time, h time.Duration) (time.Time, bool) {
	zone := e.Location
	if zone == nil {
		zone = time.UTC
	}
	begin, ok := e.Begin.last(at.Add(-e.For), at.Add(h).In(zone))
	for range mostChained {
		before, follows := e.Begin.last(begin.Add(-e.For-time.Second), begin.Add(-time.Second))
		if !ok || !follows {
			break
		}
		begin = before
	}
	return begin, ok
}

// mostChained is how many firings are taken for one event, the newest ones.
const mostChained = 168

// before is the mean rate of the hour before a moment, or before now if that is
// earlier; false if nothing is known of it.
func (h *History) before(moment, now time.Time) (float64, bool) {
	if moment.After(now) {
		moment = now
	}
	end := int(h.bucket(moment) - h.base)
	sum, n := 0.0, 0
	for i := max(end-eventBase, 0); i < min(end, len(h.mean)); i++ {
		if h.mean[i] != gap {
			sum, n = sum+float64(unpack(h.mean[i])), n+1
		}
	}
	if n == 0 {
		return h.rate, h.open.count > 0 && !moment.Before(now)
	}
	return sum / float64(n), true
}
