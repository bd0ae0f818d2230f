package policy

import (
	"testing"
	"time"
)

// pulse is a model with a gateway and two pods, each scraped every so often at a phase of its own. From its onset
// on, requests come at 12/s more than can be served.
type pulse struct{ tick, scrape time.Duration }

const (
	pulseOnset = 62 * time.Second
	pulseRate  = 12.0
)

// scraped is the newest scrape of a target before a moment.
func (p pulse) scraped(now, phase time.Duration) time.Duration {
	return (now - phase + p.scrape).Truncate(p.scrape) + phase - p.scrape
}

func more(at time.Duration) float64 { return pulseRate * max(at-pulseOnset, 0).Seconds() }

func (p pulse) input(now time.Duration) Input {
	in := scene{spec: 2, ready: 2, arrivals: 2, completed: 2, running: 20}.input()
	in.Now = noon.Add(now)
	at := p.scraped(now, 3*time.Second%p.scrape)
	in.Signals.GatewayQueue = Seen(more(at)/2, now-at)
	in.Signals.Arrivals = Seen(2+more(at)/rateWindow.Seconds(), now-at)
	for i := range in.Signals.Pods {
		at := p.scraped(now, time.Duration(4+7*i)*time.Second%p.scrape)
		in.Signals.Pods[i].Running = Seen(10+more(at)/4, now-at)
		in.Signals.Pods[i].Pending = Seen(0, now-at)
	}
	return in
}

// seen are when a burst is first seen after its onset, and the highest rate that it was then taken for.
func (p pulse) seen(t *testing.T) (first time.Duration, most float64) {
	t.Helper()
	s := scene{spec: 2, ready: 2}
	var l Learned
	for now := time.Duration(0); now <= pulseOnset+time.Minute; now += p.tick {
		in := p.input(now)
		for _, step := range Propose(s.model(), l, in, scene{arrivals: 2}.forecast(t)).Steps {
			if step.Why != "burst" {
				continue
			}
			if most == 0 {
				first = now - pulseOnset
			}
			most = max(most, step.Args[3])
		}
		l = Observe(s.model(), l, in)
	}
	return first, most
}

func TestABurstIsWhatItIsHoweverOftenTicksAndScrapesCome(t *testing.T) {
	const whole = 2 + pulseRate
	usual, _ := pulse{15 * time.Second, 15 * time.Second}.seen(t)
	for _, p := range []pulse{
		{15 * time.Second, 15 * time.Second},
		{15 * time.Second, 30 * time.Second},
		{15 * time.Second, 5 * time.Second},
		{10 * time.Second, 15 * time.Second},
		{5 * time.Second, 30 * time.Second},
		{5 * time.Second, 15 * time.Second},
		{5 * time.Second, 5 * time.Second},
		{time.Second, 15 * time.Second},
		{time.Second, time.Second},
	} {
		first, most := p.seen(t)
		t.Logf("%+v: seen after %s, as up to %.1f of %g requests/s", p, first, most, whole)
		if most < 0.8*whole || most > 1.5*whole {
			t.Errorf("%+v: want about %g requests/s, got up to %g", p, whole, most)
		}
		if 15*time.Second%p.tick == 0 && p.scrape <= 15*time.Second && first > usual {
			t.Errorf("%+v: want a burst seen no later than after %s, got %s", p, usual, first)
		}
	}
}
