package signals

import (
	"slices"
	"testing"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// A source that hangs costs a tick its timeout once. From then on it is asked one small thing, until it answers that.
func TestSilentSourceIsKnockedAtUntilItAnswers(t *testing.T) {
	p := newFaultProm(t, 1)
	vllmPod(t, p, "llm", "m", "m-0", epoch.Add(-time.Hour), epoch.Add(time.Hour))
	s := newSource(p.client(t, func(o *SourceOptions) { o.Timeout = 100 * time.Millisecond }), DefaultOptions())
	bindings := []Binding{bindingOf("llm", "m", "m")}
	tick := 0
	load := func() (asked []string, err error) {
		before := len(p.queries())
		tick++
		from := epoch.Add(time.Duration(tick) * scrape)
		err = s.load(t.Context(), bindings, from, from.Add(scrape))
		return p.queries()[before:], err
	}
	if _, err := load(); err != nil {
		t.Fatal(err)
	}

	p.breakWith(hang)
	asked, err := load()
	if kindOf(err) != TimedOut || len(asked) < 2 || slices.Contains(asked, "vector(1)") {
		t.Fatalf("want the usual questions and a timeout, got %q, %v", asked, err)
	}
	for range 2 {
		if asked, err = load(); kindOf(err) != TimedOut || !slices.Equal(asked, []string{"vector(1)"}) {
			t.Fatalf("want a knock and nothing else, got %q, %v", asked, err)
		}
		in := policy.Input{}
		if s.blame(bindings[0], epoch.Add(time.Duration(tick+1)*scrape), &in); len(in.Faults) == 0 {
			t.Fatal("want the silence to be a fault of the model's moment")
		}
	}

	p.breakWith(nil)
	if asked, err = load(); err != nil || len(asked) < 3 {
		t.Fatalf("want everything asked again after an answered knock, got %q, %v", asked, err)
	}
	got := runningAt(s.window)
	for i := 1; i < len(got); i++ {
		if got[i]-got[i-1] != scrape {
			t.Fatalf("want the gap of the silence closed, got %v", got)
		}
	}
}

// A refusal is a word: nobody waits for it, so the questions are asked as ever.
func TestRefusingSourceIsNotKnockedAt(t *testing.T) {
	p := newFaultProm(t, 1)
	vllmPod(t, p, "llm", "m", "m-0", epoch.Add(-time.Hour), epoch.Add(time.Hour))
	s := newSource(p.client(t), DefaultOptions())
	p.breakWith(status(500, "text/plain", "boom"))
	for i := range 2 {
		from := epoch.Add(time.Duration(i) * scrape)
		if err := s.load(t.Context(), []Binding{bindingOf("llm", "m", "m")}, from, from.Add(scrape)); kindOf(err) != Unreachable {
			t.Fatalf("want an unreachable source, got %v", err)
		}
	}
	if slices.Contains(p.queries(), "vector(1)") {
		t.Errorf("want no knock, got %q", p.queries())
	}
}
