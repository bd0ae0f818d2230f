package sim

import (
	"math"
	"testing"
	"time"
)

func closed(t *testing.T, clients int) (*Clients, FleetConfig) {
	t.Helper()
	fc := DefaultFleet()
	c, err := NewClients(ClientsConfig{
		Seed: 1, Start: fc.Start, Clients: clients, Think: 20 * time.Second,
		Prompt: DefaultWorkload().Prompt, Output: DefaultWorkload().Output,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, fc
}

// TestClosedLoopObeysLittle: clients = rate * (response time + think time), whatever the replica does.
func TestClosedLoopObeysLittle(t *testing.T) {
	for _, n := range []int{5, 60, 300} {
		c, fc := closed(t, n)
		f, err := NewFleet(fc, c)
		if err != nil {
			t.Fatal(err)
		}
		f.Advance(fc.Start.Add(4 * time.Hour))
		r := f.Result()
		rate := float64(r.Answered) / (4 * 3600)
		if got := rate * (r.E2E.Mean.Seconds() + 20); math.Abs(got/float64(n)-1) > 0.03 {
			t.Errorf("%d clients: want as many by Little's law, got %g", n, got)
		}
		if r.Unfinished > uint64(n) || r.First != r.Answered+r.Unfinished {
			t.Errorf("%d clients: %+v", n, r)
		}
	}
}

// TestRetriesAreLoadAndNoDemand: an overloaded replica with a bounded queue and impatient clients.
func TestRetriesAreLoadAndNoDemand(t *testing.T) {
	fc := DefaultFleet()
	fc.Replica.MaxQueue, fc.Replica.RequestTimeout = 20, 8*time.Second
	run := func(times int) (Result, *Fleet) {
		src, err := NewRetry(newWorkload(t, flat(5)), RetryConfig{
			Seed: 1, Times: times, Backoff: time.Second, Most: 10 * time.Second,
		})
		if err != nil {
			t.Fatal(err)
		}
		f, err := NewFleet(fc, src)
		if err != nil {
			t.Fatal(err)
		}
		f.Advance(fc.Start.Add(time.Hour))
		if got := f.Totals(); !got.conserved() {
			t.Fatalf("%+v", got)
		}
		return f.Result(), f
	}
	none, _ := run(0)
	thrice, f := run(3)
	if none.Retries != 0 || none.First < 17_000 || thrice.First != none.First {
		t.Errorf("want the same first attempts, got %d and %d", none.First, thrice.First)
	}
	if thrice.Retries < 10_000 || thrice.Refused < 2*none.Refused {
		t.Errorf("want retries to pile up, got %+v", thrice)
	}
	if thrice.Answered < none.Answered-100 || thrice.Attainment > none.Attainment {
		t.Errorf("want retries to serve no more on the first attempt, got %g, then %g", none.Attainment, thrice.Attainment)
	}
	if s := f.Drain(); s.Arrivals != int(thrice.First+thrice.Retries) {
		t.Errorf("the gateway counts every attempt: %d", s.Arrivals)
	}
	if thrice.TTFT.Count != thrice.First || thrice.TTFT.Max > 9*time.Second {
		t.Errorf("want every first attempt in the distribution, at most its patience, got %+v", thrice.TTFT)
	}
}

func TestRetryKeepsTheLoopClosed(t *testing.T) {
	c, fc := closed(t, 200)
	fc.Replica.MaxQueue = 10
	src, err := NewRetry(c, RetryConfig{Seed: 2, Times: 2, Backoff: time.Second, Most: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	f, err := NewFleet(fc, src)
	if err != nil {
		t.Fatal(err)
	}
	f.Advance(fc.Start.Add(time.Hour))
	r := f.Result()
	inFlight := r.First + r.Retries - r.Answered - r.Refused
	if r.Retries == 0 || inFlight != r.Unfinished || len(c.agenda.items)+len(src.agenda.items)+int(inFlight) != 200 {
		t.Errorf("want each client in one place, got %d thinking, %d backing off, %d in flight", len(c.agenda.items),
			len(src.agenda.items), inFlight)
	}
}

func TestGatewayGivesUpAndRefuses(t *testing.T) {
	fc := DefaultFleet()
	fc.Replicas, fc.HoldFor, fc.MaxHeld = 0, 30*time.Second, 2
	start := fc.Start
	requests := script{}
	for i := range 4 {
		requests = append(requests, Arrival{At: start.Add(time.Duration(i) * time.Second), Prompt: 9, Output: 9})
	}
	f, err := NewFleet(fc, &requests)
	if err != nil {
		t.Fatal(err)
	}
	f.Advance(start.Add(30500 * time.Millisecond))
	if got := f.Totals(); got.Held != 1 || got.GaveUp != 1 || got.Refused != 2 || got.Dropped != 3 {
		t.Errorf("want one held, one given up at 30 s, two refused, got %+v", got)
	}
	f.Advance(start.Add(time.Minute))
	if r := f.Result(); r.GaveUp != 2 || r.Attainment != 0 || r.TTFT.Count != 4 || r.TTFT.Max != 30*time.Second {
		t.Errorf("want both given up after exactly 30 s, got %+v", r)
	}
}

// TestFlowControlLetsLatecomersHelp: under overload, requests held at the gateway go to a replica that comes
// later; requests sent on at once do not.
func TestFlowControlLetsLatecomersHelp(t *testing.T) {
	last := func(hold int) time.Duration {
		fc := DefaultFleet()
		fc.HoldAbove = hold
		f := world(t, fc, flat(8))
		f.Advance(fc.Start.Add(2 * time.Minute))
		if held := f.Totals().Held; (held > 0) != (hold > 0) {
			t.Errorf("hold above %d: %d held", hold, held)
		}
		f.src = &script{}
		f.Scale(4)
		f.Advance(fc.Start.Add(time.Hour))
		if got := f.Totals(); !got.conserved() || got.Completed != got.Arrivals {
			t.Errorf("%+v", got)
		}
		return f.Result().TTFT.Max
	}
	if at, held := last(0), last(5); held > at-time.Minute {
		t.Errorf("want a much shorter wait with flow control, got %v and %v", held, at)
	}
}

func TestUnfinishedIsMissed(t *testing.T) {
	fc := DefaultFleet()
	fc.ITL = 10 * time.Millisecond // the replica cannot
	start := fc.Start
	f, err := NewFleet(fc, &script{
		{At: start.Add(time.Second), Prompt: 100, Output: 1},
		{At: start.Add(2 * time.Second), Prompt: 100, Output: 100},
		{At: start.Add(59 * time.Second), Prompt: 100, Output: 4000},
		{At: start.Add(60*time.Second - time.Millisecond), Prompt: 4000, Output: 2},
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Advance(start.Add(time.Minute))
	r := f.Result()
	if r.First != 4 || r.Answered != 2 || r.Unfinished != 2 || r.Met != 1 || r.Attainment != 0.25 {
		t.Errorf("want one of four met: one too slow, two unfinished, got %+v", r)
	}
	if r.TTFT.Count != 4 || r.TPOT.Count != 1 || r.TPOT.Mean < 15*time.Millisecond || r.ITL.Count < 99 {
		t.Errorf("got %+v, %+v, %+v", r.TTFT, r.TPOT, r.ITL)
	}
}

// TestFeedbackIsDeterministic runs closed loop, retries, spot nodes and prefix routing twice.
func TestFeedbackIsDeterministic(t *testing.T) {
	once := func() string {
		fc := spotAndOnDemand()
		fc.Router = PrefixAware
		fc.Replica.RequestTimeout, fc.More[0].Replica.MaxQueue = 20*time.Second, 5
		fc.More[0].Nodes = []NodeStep{{0, 3}, {7 * time.Minute, 1}, {9 * time.Minute, 3}}
		c, err := NewClients(ClientsConfig{
			Seed: 3, Start: fc.Start, Clients: 250, Think: 10 * time.Second, Context: 8000,
			Prompt: Lengths{Mean: 300, Sigma: 0.5, Max: 4000}, Output: Lengths{Mean: 300, Sigma: 0.5, Max: 4000},
		})
		if err != nil {
			t.Fatal(err)
		}
		src, err := NewRetry(c, RetryConfig{Seed: 3, Times: 2, Backoff: time.Second, Most: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		f, err := NewFleet(fc, src)
		if err != nil {
			t.Fatal(err)
		}
		run(f, 20*time.Minute, time.Minute, func() {})
		return expose(t, f)
	}
	if first, again := once(), once(); first != again {
		t.Error("the same seed gives different bytes")
	}
}
