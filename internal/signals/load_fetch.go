package signals

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// fetch loads one thing, forward in time, in spans that stay under the caps.
func (s *source) fetch(ctx context.Context, f fetch, since, from, to time.Time) error {
	if f.quantile != nil {
		return s.fetchQuantile(ctx, f, from, to)
	}
	sel := selector(f.names, f.scope)
	for begin := since; begin.Before(to); {
		span := min(s.span(f.key), to.Sub(begin))
		end := begin.Add(span)
		r, err := s.client.Query(ctx, over(sel, span), end)
		if splits(err, span) && ctx.Err() == nil {
			s.shrink(f.key, span)
			continue
		}
		if err != nil {
			return err
		}
		s.add(f.key, r, span, spanFault{from: from, to: to, key: f.key})
		begin = end
		s.cover(f.key, end)
	}
	return nil
}

// splits says whether half the span may succeed. A timeout of a short span is a
// slow server, which more queries would only make slower.
func splits(err error, span time.Duration) bool {
	kind := kindOf(err)
	if kind == TimedOut {
		return span > firstSpan
	}
	return (kind == TooLarge || kind == OverLimit) && span > shortestSpan
}

// fetchQuantile asks at the newest moment in a live tick, else every minute.
func (s *source) fetchQuantile(ctx context.Context, f fetch, from, to time.Time) error {
	at := spanFault{from: from, to: to, key: f.key}
	if to.Sub(from) <= liveSpan {
		r, err := s.client.Query(ctx, f.quantile.query, to)
		if err != nil {
			return err
		}
		r.Matrix = f.quantile.named(r.Matrix, f.engine)
		s.add(f.key, r, 0, at)
		return nil
	}
	longest := (maxPoints - 1) * quantileStep
	for begin := from; begin.Before(to); begin = begin.Add(longest + quantileStep) {
		end := begin.Add(min(longest, to.Sub(begin)))
		r, err := s.client.QueryRange(ctx, f.quantile.query, begin, end, quantileStep)
		if err != nil {
			return err
		}
		r.Matrix = f.quantile.named(r.Matrix, f.engine)
		s.add(f.key, r, 0, at)
	}
	return nil
}

// span is how much time one query may ask for: what is expected to fill
// fillShare of the sample cap, and no more points per series than Prometheus
// gives.
func (s *source) span(key string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	perSecond, known := s.density[key]
	if !known {
		return firstSpan
	}
	longest := maxPoints * s.opt.ScrapeInterval
	if perSecond <= 0 {
		return longest
	}
	seconds := fillShare * float64(s.client.opt.MaxSamples) / perSecond
	if seconds >= longest.Seconds() {
		return longest
	}
	return max(time.Duration(seconds)*time.Second, shortestSpan)
}

// shrink makes the next span of a fetch half as long as the one refused.
func (s *source) shrink(key string, refused time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	half := max(refused/2, shortestSpan)
	s.density[key] = fillShare * float64(s.client.opt.MaxSamples) / half.Seconds()
}

func (s *source) cover(key string, to time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if to.After(s.covered[key]) {
		s.covered[key] = to
	}
}

// add merges an answer and keeps what was remarked on it.
func (s *source) add(key string, r Result, span time.Duration, at spanFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.window.Add(r.Matrix)
	if span >= time.Minute || (span > 0 && r.Samples > 0) {
		s.density[key] = float64(r.Samples) / span.Seconds()
	}
	for _, text := range r.Warnings {
		at.fault = s.remark(FaultPartialResponse, key, text+": what is missing may be more load")
		s.faults = append(s.faults, at)
	}
	at.remark = true
	for _, text := range r.Infos {
		at.fault = s.remark(FaultSourceRemark, key, text)
		s.faults = append(s.faults, at)
	}
}

func (s *source) remark(code, key, text string) policy.Fault {
	return policy.Fault{
		Code: code, Object: s.client.Name(),
		Text: fmt.Sprintf("source %s remarked on %s: %s", s.client.Name(), key, strings.TrimSpace(text)),
	}
}

func (s *source) fault(f spanFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
}

func failedFault(name string, f fetch, err error) policy.Fault {
	out := faultOf(name, err)
	out.Text = fmt.Sprintf("%s: %s", f.key, out.Text)
	return out
}

func allFailed(errs []error) bool {
	for _, err := range errs {
		if err == nil {
			return false
		}
	}
	return true
}

// distinctErrors keeps one of each text: a dead server says the same to every
// query.
func distinctErrors(errs []error) []error {
	seen := map[string]bool{}
	var out []error
	for _, err := range errs {
		if !seen[err.Error()] {
			seen[err.Error()] = true
			out = append(out, err)
		}
	}
	return out
}
