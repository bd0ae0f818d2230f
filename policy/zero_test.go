package policy

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/forewarm/forewarm/predictor"
)

// Three days of steady load end. For half an hour the forecast remembers them, in its median too; that announces no work,
// so the model sleeps once the idle window has passed, and nothing but work wakes it.
func TestALoadThatEndedIsNotExpected(t *testing.T) {
	h, f := predictor.NewHistory(time.Minute, 14*day), predictor.NewForecaster(nil, 0)
	at, r := noon.Add(-3*day), rand.New(rand.NewPCG(1, 1))
	for ; at.Before(noon); at = at.Add(15 * time.Second) {
		h.Add(at, 4+0.3*r.NormFloat64())
	}
	const quiet = 5 * time.Minute
	for ; !at.After(noon.Add(quiet)); at = at.Add(15 * time.Second) {
		h.Add(at, 0)
	}
	now := noon.Add(quiet)
	awake := with(1, scene{toZero: true, idleFor: quiet})
	m, l := awake.model(), awake.learned()
	m.Idle.After = quiet
	in := awake.input()
	in.Now = now
	forecast := f.Forecast(h, now, new(Workspace).Horizons(&m, &l, &in))
	if lead := Lead(m, l, in); forecast.Max(lead, 0.5)*lead.Seconds() < 10 || forecast.Seasonal() {
		t.Fatalf("want a forecast that remembers, without a season: its median is %g req/s", forecast.Max(lead, 0.5))
	}
	l.At, l.LastBusy = now, noon
	if got := Propose(m, l, in, forecast).Variants[0].Want; got != 0 {
		t.Errorf("want it asleep after %s, got %d", quiet, got)
	}
	in.Supply[0].Spec, in.Supply[0].Ready, in.Signals.Pods = 0, 0, nil
	if got := Propose(m, l, in, forecast).Variants[0].Want; got != 0 {
		t.Errorf("want it to sleep on, got %d", got)
	}
}

// The first look at a model proves nothing, however quiet it is, and whatever the forecast says.
func TestTheFirstLookProvesNothing(t *testing.T) {
	awake := with(1, scene{toZero: true})
	m, in := awake.model(), awake.input()
	p := Propose(m, Learned{}, in, awake.forecast(t))
	if got := p.Variants[0].Want; got != 1 {
		t.Errorf("want it awake, got %d", got)
	}
	asleep := scene{toZero: true}
	for _, s := range Propose(asleep.model(), Learned{}, asleep.input(), asleep.forecast(t)).Steps {
		if s.Why == "stay-zero" && Sentence(s) != "No work for 0s: the model stays at zero." {
			t.Errorf("it says %q", Sentence(s))
		}
	}
}
