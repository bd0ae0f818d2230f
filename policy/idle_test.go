package policy

import (
	"compress/gzip"
	"encoding/csv"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

func TestIdleTimeout(t *testing.T) {
	minutes := func(n ...int) []time.Duration {
		var out []time.Duration
		for _, m := range n {
			out = append(out, time.Duration(m)*time.Minute)
		}
		return out
	}
	for name, tc := range map[string]struct {
		gaps []time.Duration
		cost time.Duration
		want time.Duration
	}{
		"nothing seen: the restart cost":              {nil, 13 * time.Minute, 13 * time.Minute},
		"few gaps say nothing":                        {minutes(60, 60, 60, 60), 13 * time.Minute, 13 * time.Minute},
		"long gaps: sleep at once":                    {minutes(60, 90, 60, 300, 60), 13 * time.Minute, MinIdle},
		"short gaps: wait them out":                   {minutes(4, 6, 4, 5, 6, 4), 13 * time.Minute, 6 * time.Minute},
		"short ones, and some long ones":              {minutes(4, 4, 4, 60, 4, 4, 4, 60), 13 * time.Minute, 4 * time.Minute},
		"what came lately counts more":                {append(slices.Repeat(minutes(6), 60), slices.Repeat(minutes(60), 60)...), 7 * time.Minute, MinIdle},
		"never longer than a restart costs":           {minutes(20, 20, 20, 20, 20), 13 * time.Minute, MinIdle},
		"a restart that costs nothing: the least":     {minutes(20, 20, 20, 20, 20), 0, MinIdle},
		"a restart that costs an hour: wait them out": {minutes(20, 20, 20, 20, 20), time.Hour, 20 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			if got := idleTimeout(tc.gaps, tc.cost); got != tc.want {
				t.Errorf("waits %v, want %v", got, tc.want)
			}
		})
	}
}

// TestGapsAreLearned: only proven idleness that work ended is a gap.
func TestGapsAreLearned(t *testing.T) {
	m := scene{toZero: true}.model()
	l, now := Learned{}, noon
	play := func(minutes int, s scene) {
		for range minutes * 4 {
			now = now.Add(15 * time.Second)
			s.toZero = true
			in := s.input()
			in.Now = now
			l = Observe(m, l, in)
		}
	}
	busy, idle := with(1, scene{arrivals: 2}), with(1, scene{})
	for _, story := range []struct {
		minutes int
		s       scene
		gaps    int
	}{
		{5, busy, 0},
		{10, idle, 0},
		{1, busy, 1},
		{1, idle, 1},
		{1, busy, 1}, // too short to have mattered
		{10, idle, 1},
		{1, with(1, scene{blind: true}), 1},
		{10, idle, 1},
		{1, busy, 2}, // blind in between: the second half counts
		{9, scene{}, 2},
		{1, scene{queue: 1}, 3}, // asleep
	} {
		if play(story.minutes, story.s); len(l.Gaps) != story.gaps {
			t.Fatalf("%d gaps, want %d: %v", len(l.Gaps), story.gaps, l.Gaps)
		}
	}
	for i, want := range []time.Duration{10 * time.Minute, 10 * time.Minute, 9 * time.Minute} {
		if got := l.Gaps[i]; got < want || got > want+15*time.Second {
			t.Errorf("gap %d is %v, want %v", i, got, want)
		}
	}
}

// TestIdleYardstick compares timeouts on the sparse columns of a recorded matrix
// of tenants: at least half of the 10-minute windows empty, at least 20 gaps. A
// gap is a run of empty windows. Cost is idle time plus the restart cost of each
// sleep, relative to hindsight's min(gap, cost).
func TestIdleYardstick(t *testing.T) {
	tenants := sparseTenants(t, "../../shared/traces/servegen_m-large_clients_600s.csv.gz")
	for _, cost := range []time.Duration{780 * time.Second, 3780 * time.Second} {
		rules := map[string]func(gaps []time.Duration) time.Duration{
			"fixed 300 s": func([]time.Duration) time.Duration { return 300 * time.Second },
			"ski rental":  func([]time.Duration) time.Duration { return cost },
			"histogram":   histogram,
			"learned":     func(gaps []time.Duration) time.Duration { return idleTimeout(gaps, cost) },
		}
		paid, least := map[string]float64{}, 0.0
		for _, gaps := range tenants {
			for _, gap := range gaps {
				least += min(gap, cost).Seconds()
			}
			for name, rule := range rules {
				paid[name] += pays(gaps, rule, cost)
			}
		}
		t.Logf("restart %v, %d tenants: fixed 300 s %.3f, ski rental %.3f, histogram %.3f, learned %.3f", cost, len(tenants),
			paid["fixed 300 s"]/least, paid["ski rental"]/least, paid["histogram"]/least, paid["learned"]/least)
		for name, p := range paid {
			if p < paid["learned"] {
				t.Errorf("restart %v: %s pays less than the learned timeout", cost, name)
			}
		}
	}
}

// pays is what a rule costs over gaps, each decided on those before it.
func pays(gaps []time.Duration, rule func([]time.Duration) time.Duration, cost time.Duration) float64 {
	sum := 0.0
	for i := range gaps {
		sum += idleCost(gaps[i:i+1], rule(gaps[max(i-maxGaps, 0):i]), cost)
	}
	return sum
}

// histogram is the keep-alive of Serverless in the Wild (Shahrad et al. 2020): the
// 0.99 quantile of idle times up to four hours; all four hours until ten were seen.
func histogram(gaps []time.Duration) time.Duration {
	if len(gaps) < 10 {
		return 4 * time.Hour
	}
	sorted := slices.Sorted(slices.Values(gaps))
	return min(sorted[len(sorted)*99/100], 4*time.Hour)
}

// sparseTenants are the gaps of each sparse column; the test is skipped without
// the file.
func sparseTenants(t *testing.T, path string) [][]time.Duration {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Skipf("SKIPPED, nothing is shown of idle times: the recorded trace is not there: %v", err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out [][]time.Duration
	for c := 1; c < len(rows[0]); c++ {
		if empty, gaps := gapsOf(rows[1:], c); 2*empty >= len(rows)-1 && len(gaps) >= 20 {
			out = append(out, gaps)
		}
	}
	return out
}

// gapsOf is how many windows of a column are empty, and the runs of them that end.
func gapsOf(rows [][]string, column int) (empty int, gaps []time.Duration) {
	run := 0
	for _, row := range rows {
		if v, err := strconv.ParseFloat(row[column], 64); err == nil && v == 0 {
			empty, run = empty+1, run+1
			continue
		}
		if run > 0 {
			gaps = append(gaps, time.Duration(run)*10*time.Minute)
		}
		run = 0
	}
	return empty, gaps
}
