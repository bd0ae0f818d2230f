package world

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/internal/sim"
)

// TestBurstYardstick: no policy that reacts beats the bound, those that keep enough do, and a second run gives
// the same bytes.
func TestBurstYardstick(t *testing.T) {
	rows, err := BurstYardstick(t.Context(), Yardstick{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	table := written(t, rows)
	t.Log("\n" + table)
	for _, r := range rows {
		reacts := !strings.HasPrefix(r.Policy, "static")
		if reacts && r.Result.TTFT.P99 < r.Bound {
			t.Errorf("%s from %d, at most %d: p99 %v beats the bound %v", r.Policy, r.Initial, r.Most,
				r.Result.TTFT.P99, r.Bound)
		}
		if r.Causal < r.Bound || r.Observable < r.Causal {
			t.Errorf("%s from %d: want bounds that sharpen, got %v, %v, %v", r.Policy, r.Initial, r.Bound, r.Causal, r.Observable)
		}
		// The sketch of the p99 is right to 0.8 %.
		if reacts && float64(r.Result.TTFT.P99) < 0.99*float64(r.Observable) {
			t.Errorf("%s from %d, at most %d: p99 %v beats what can be seen, %v", r.Policy, r.Initial, r.Most,
				r.Result.TTFT.P99, r.Observable)
		}
		if reacts && r.Errors < r.Unavoidable {
			t.Errorf("%s from %d, at most %d: %g errors of at least %g", r.Policy, r.Initial, r.Most, r.Errors, r.Unavoidable)
		}
		if r.Policy == "static-8" && r.Result.Attainment < 0.99 {
			t.Errorf("want 8 replicas to carry the peak, got %g", r.Result.Attainment)
		}
		if r.Most > 0 && r.MeanReplicas > float64(r.Most)+0.01 {
			t.Errorf("want at most %d replicas, got %g", r.Most, r.MeanReplicas)
		}
		if sum := r.Result.Answered + r.Result.Unfinished; sum != r.Result.First || r.Result.First < 7000 {
			t.Errorf("want about 7,350 requests, all accounted for, got %+v", r.Result)
		}
	}
	b := DefaultBurst()
	b.Fleet.HoldAbove, b.Most = burstHold, 4
	again, err := b.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if first := rows[:len(again)]; written(t, first) != written(t, again) {
		t.Error("a second run gives other bytes:", cmp.Diff(first, again))
	}
}

// TestABurstSeenOftenerIsNotServedLater at several beginnings: ticks that come more often than scrapes see no more, and
// must not take what they see for something else.
func TestABurstSeenOftenerIsNotServedLater(t *testing.T) {
	row := func(beat Beat, who int) (mean BurstRow) {
		b := DefaultBurst()
		b.Fleet.HoldAbove, b.Beat = burstHold, beat
		for k := range 3 {
			b.Beat.Sync = time.Duration(5*k)*time.Second + time.Second/2
			b.Prelude += 4 * time.Second
			policies, err := b.policies()
			if err != nil {
				t.Fatal(err)
			}
			one, err := b.Run(t.Context(), policies[who])
			if err != nil {
				t.Fatal(err)
			}
			mean.add(&one, 3)
		}
		return mean
	}
	eager, usual := row(Beat{}, 0), row(Beat{}, 1)
	often, both := row(Beat{Tick: 5 * time.Second}, 1), row(Beat{Tick: 5 * time.Second, Scrape: 5 * time.Second}, 1)
	t.Logf("p99: eager %v, forewarm %v, ticks of 5 s %v, and scrapes %v", eager.Result.TTFT.P99, usual.Result.TTFT.P99,
		often.Result.TTFT.P99, both.Result.TTFT.P99)
	if usual.Policy != "forewarm" || usual.Result.TTFT.P99 > eager.Result.TTFT.P99+10*time.Second {
		t.Errorf("want %s within 10 s of eager, %v, got %v", usual.Policy, eager.Result.TTFT.P99, usual.Result.TTFT.P99)
	}
	if often.Result.TTFT.P99 > usual.Result.TTFT.P99 || both.Result.TTFT.P99 > often.Result.TTFT.P99 {
		t.Error("want the p99 to fall with more ticks, and with more scrapes")
	}
	if most := 1.15 * usual.MeanReplicas; often.MeanReplicas > most || both.MeanReplicas > most {
		t.Errorf("want at most %.1f replicas, got %.1f and %.1f", most, often.MeanReplicas, both.MeanReplicas)
	}
}

func written(t *testing.T, rows []BurstRow) string {
	t.Helper()
	var table strings.Builder
	if err := WriteBurst(&table, rows); err != nil {
		t.Fatal(err)
	}
	return table.String()
}

// TestBurstOnTheOtherReplicaModel: the conclusions that we draw from the profile hold on a server of fixed
// slots as well.
func TestBurstOnTheOtherReplicaModel(t *testing.T) {
	p99 := map[string]time.Duration{}
	for _, hold := range []int{burstHold, 0} {
		b := DefaultBurst()
		slots := sim.DefaultSlots()
		b.Fleet.Slots, b.Fleet.HoldAbove = &slots, hold
		rows, err := b.All(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Log("\n" + written(t, rows))
		for _, r := range rows {
			if !strings.HasPrefix(r.Policy, "static") && r.Result.TTFT.P99 < r.Bound {
				t.Errorf("%s: p99 %v beats the bound %v", r.Policy, r.Result.TTFT.P99, r.Bound)
			}
			p99[r.Policy+" "+r.Gateway] = r.Result.TTFT.P99
		}
	}
	for _, name := range []string{"forewarm", "hpa-queue-5"} {
		if p99[name+" holds"] > p99[name+" sends on"]/2 {
			t.Errorf("%s: want a gateway that holds to halve the p99, got %v", name, p99)
		}
	}
	if p99["static-1 holds"] < 4*p99["hpa-queue-5 holds"] || p99["static-8 holds"] > 5*time.Second {
		t.Errorf("want scaling to matter, and enough replicas to suffice, got %v", p99)
	}
}

func TestBoundByHand(t *testing.T) {
	// Ten requests a second for 100 s; a replica gives one first token a second and has room for none.
	var arrivals []float64
	for i := range 1000 {
		arrivals = append(arrivals, float64(i)/10)
	}
	one := Service{PerSecond: 1, Prefill: 100}
	for name, tc := range map[string]struct {
		start Start
		want  time.Duration
	}{
		// By 30 s, 30 were served; 10 may be spared. The 41st came after 4 s and has waited for 26 s.
		"any number of replicas after 30 s": {Start{Initial: 1, StartUp: 30 * time.Second}, 26 * time.Second},
		// The last request that counts, the 990th, came after 99 s and is served after 990 s.
		"one for ever":                 {Start{Initial: 1, Most: 1, StartUp: 30 * time.Second}, 890 * time.Second},
		"ten from the start":           {Start{Initial: 10, Most: 10, StartUp: 30 * time.Second}, 0},
		"ten after half a minute":      {Start{Initial: 1, Most: 10, StartUp: 30 * time.Second}, 26 * time.Second},
		"sent on: 300 stay at the one": {Start{Initial: 1, StartUp: 30 * time.Second, Dispatched: true}, 260 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			if got := NewBound(arrivals, one, tc.start).P99(); (got - tc.want).Abs() > 2*time.Second {
				t.Errorf("want %v, got %v", tc.want, got)
			}
		})
	}
	if NewBound(nil, one, Start{}).P99() != 0 {
		t.Error("want no bound without arrivals")
	}
}

// TestBestServiceIsNotReached: a saturated replica stays below the bound on its service, and not by far.
func TestBestServiceIsNotReached(t *testing.T) {
	b := DefaultBurst()
	b.Rates, b.Stage, b.Drain = []float64{15}, 10*time.Minute, 0
	row, err := b.Run(t.Context(), func(*World) Policy { return Static(1) })
	if err != nil {
		t.Fatal(err)
	}
	best := BestService(b.Fleet.Replica, 1000, 1000)
	got := float64(row.Result.Answered) / 600
	if got > best.PerSecond || got < 0.6*best.PerSecond {
		t.Errorf("want somewhat less than %.2f requests/s, got %.2f", best.PerSecond, got)
	}
	t.Logf("at best %.2f requests/s, here %.2f; room for %.0f", best.PerSecond, got, best.Room)
}
