//go:build e2e

package e2e

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/forewarm/forewarm/internal/app"
)

// A replica of Forewarm that was started a minute ago answers like one that has run all the time.
func TestReplicasOfDifferentAgeAnswerAlike(t *testing.T) {
	s := tell(t, "alike")
	m := s.serve("llama", options{gateway: true, variants: []variant{{name: "on-demand", replicas: 2, min: 1, max: 10}}})
	s.ready("llama", 2)
	s.hpa("llama", 1, 10, desiredOf("llama"), exactly)
	m.turn(8) // which two carry: what is learned of a model does not begin with a missed SLO
	s.watched(m)
	young, err := startForewarm(t.Context(), s.cluster, "forewarm-young")
	s.check(err)
	t.Cleanup(func() { _ = young.Stop() })
	m.turn(18)
	type tick struct{ old, young *app.Report }
	ticks := map[time.Time]*tick{}
	collect := func(f *forewarm, into func(*tick) **app.Report) {
		r, err := f.report(t.Context())
		s.check(err)
		if ticks[r.At] == nil {
			ticks[r.At] = &tick{}
		}
		*into(ticks[r.At]) = &r
	}
	for range 120 {
		collect(s.forewarm, func(t *tick) **app.Report { return &t.old })
		collect(young, func(t *tick) **app.Report { return &t.young })
		s.wait(500 * time.Millisecond)
	}
	compared, equal, furthest, differences := 0, 0, 0, 0
	for _, k := range ticks {
		if k.old == nil || k.young == nil {
			continue
		}
		for _, a := range k.old.Models {
			i := slices.IndexFunc(k.young.Models, func(b app.ModelReport) bool { return b.Namespace == a.Namespace && b.Name == a.Name })
			if i < 0 || a.Namespace != s.ns {
				continue
			}
			d := apart(a, k.young.Models[i])
			compared++
			furthest = max(furthest, d)
			if d == 0 {
				equal++
			} else if differences++; differences <= 2 {
				t.Logf("at %s the old one says\n%sand the young one\n%s", k.old.At, steps(a), steps(k.young.Models[i]))
			}
		}
	}
	summary.measured("Forewarm of different age: %d of %d answers at the same tick equal, furthest apart %d", equal, compared, furthest)
	if compared < 8 || furthest > 1 || equal*10 < compared*9 {
		t.Errorf("want nine of ten answers equal and none further apart than one, got %d of %d and %d", equal, compared, furthest)
	}
}

// watched waits until Forewarm has seen a model for longer than help takes: before, whoever saw it first releases first.
func (s *story) watched(m *model) {
	s.Helper()
	start := time.Now()
	s.eventually(4*time.Minute, "the model is not new any more", func(ctx context.Context) error {
		r, err := m.forewarmSays(ctx)
		if err == nil && (r.Forecast == nil || time.Since(start).Seconds() < 1.2*r.Forecast.Horizon) {
			err = errors.New("it is")
		}
		return err
	})
}

// apart is by how many replicas two answers differ.
func apart(a, b app.ModelReport) int {
	out := 0
	for i, v := range a.Variants {
		x, y := -1, -1
		if v.Recommended != nil {
			x = *v.Recommended
		}
		if w := b.Variants[i].Recommended; w != nil {
			y = *w
		}
		out = max(out, x-y, y-x)
	}
	return out
}
