package signals

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

const (
	reachPoints  = 200             // resolution of the look into the past
	chunkSamples = 2_000_000       // held at once while replaying; about 64 MB
	probeSpan    = 5 * time.Minute // newest stretch, to measure how fast the source is
)

// Reach says how far back a backfill can go and in which steps.
type Reach struct {
	From      time.Time     // oldest moment worth replaying
	Chunk     time.Duration // load this much at a time, forward
	PerSecond float64       // samples per second of history, all sources
	Texts     []string      // sentences: what limited it
}

// Reach measures the newest stretch of every source and looks for the oldest
// data within [from, to]. A backfill of what it answers stays under the sample
// caps, holds at most chunkSamples at once, and should fit into the budget
// (0 = any). The clock is the caller's. A source that cannot be measured is a
// text; it is an error only if none can.
func (r *Reader) Reach(
	ctx context.Context, from, to time.Time, budget time.Duration, clock func() time.Time,
) (Reach, error) {
	r.adopt()
	out := Reach{From: to}
	var errs []error
	measured := 0
	var cost time.Duration // wall time per probeSpan of history
	for _, name := range r.names {
		bindings := r.bindingsOf(name)
		if len(bindings) == 0 {
			continue
		}
		s := r.sources[name]
		began := clock()
		perSecond, err := s.probe(ctx, bindings, to)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		cost = max(cost, clock().Sub(began))
		out.PerSecond += perSecond
		oldest, err := s.oldest(ctx, bindings, from, to)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		measured++
		if oldest.Before(out.From) {
			out.From = oldest
		}
	}
	if len(errs) > 0 && measured == 0 {
		return Reach{}, errors.Join(errs...)
	}
	for _, err := range errs {
		out.Texts = append(out.Texts, err.Error())
	}
	out.limit(from, to, budget, cost)
	return out, nil
}

// limit applies the budget and says what was limited.
func (r *Reach) limit(from, to time.Time, budget, cost time.Duration) {
	if r.From.After(from.Add(to.Sub(from) / reachPoints * 2)) {
		r.Texts = append(r.Texts, fmt.Sprintf(
			"history begins at %s: the sources have nothing older within the range asked for",
			r.From.Format(time.RFC3339)))
	} else {
		r.From = from
	}
	if budget > 0 && cost > 0 {
		affordable := time.Duration(float64(probeSpan) * math.Min(float64(budget)/float64(cost), 1e5))
		if oldest := to.Add(-affordable); oldest.After(r.From) {
			r.From = oldest
			r.Texts = append(r.Texts, fmt.Sprintf(
				"history is cut to %s: more would take longer than %s at the measured %s per %s",
				affordable.Round(time.Minute), budget, cost.Round(time.Millisecond), probeSpan))
		}
	}
	r.Chunk = time.Hour
	if r.PerSecond > 0 {
		r.Chunk = time.Duration(math.Min(chunkSamples/r.PerSecond, (6*time.Hour).Seconds())) * time.Second
	}
	r.Chunk = max(r.Chunk.Truncate(time.Minute), time.Minute)
}

// bindingsOf are those that are read from one source.
func (r *Reader) bindingsOf(source string) []Binding {
	var out []Binding
	for _, b := range r.bindings {
		if b.Source == source {
			out = append(out, b)
		}
	}
	return out
}

// probe loads the newest stretch as a backfill would, without keeping it, and
// returns its samples per second.
func (s *source) probe(ctx context.Context, bindings []Binding, to time.Time) (float64, error) {
	probe := newSource(s.client, s.opt)
	probe.presets, probe.density = s.presets, s.density // what is measured serves the backfill
	if err := probe.load(ctx, bindings, to.Add(-probeSpan+lookback(s.opt)), to); err != nil {
		return 0, fmt.Errorf("measure source %s: %w", s.client.Name(), err)
	}
	return float64(probe.window.Count()) / probeSpan.Seconds(), nil
}

// oldest is when the engines' series begin within [from, to], at a resolution of
// the range over reachPoints.
func (s *source) oldest(ctx context.Context, bindings []Binding, from, to time.Time) (time.Time, error) {
	step := max(to.Sub(from)/reachPoints, time.Minute).Round(time.Second)
	oldest := to
	for _, g := range s.presets.engineGroups(bindings) {
		q := countQuery(rawNames(g.preset), g.scope())
		r, err := s.client.QueryRange(ctx, q, from, to, step)
		if err != nil {
			return time.Time{}, fmt.Errorf("look for the beginning of history: %w", err)
		}
		for _, series := range r.Matrix {
			if len(series.Values) > 0 {
				if t := series.Values[0].Timestamp.Time().UTC(); t.Before(oldest) {
					oldest = t
				}
			}
		}
	}
	return oldest, nil
}

func countQuery(names []string, scope []matcher) string {
	return "count(" + selector(names, scope) + ")"
}
