package main

import (
	"slices"
	"strings"
	"testing"
)

// TestSimulateUnderConditions says what made the world hard, in either resolution, and where Forewarm is ahead.
func TestSimulateUnderConditions(t *testing.T) {
	args := []string{
		"simulate", "--trace", load(t), "--policy", "forewarm,hpa,moving-max", "--capacity", "known,plain", "--by-load",
		"--gpu-quota", "12", "--warm-up-spread", "0.2", "--speed-spread", "0.1", "--scrapes-lost", "0.05", "--scrapes-nan", "0.01",
		"--scrape-delay", "15s", "--outage", "2h/5m,150m/5m", "--arrivals", "finished", "--warm-up", "2m",
	}
	conditions := "Conditions: 12 GPUs at most; warm-ups spread by 0.2; speeds of replicas spread by 0.1; 0.05 of scrapes lost; " +
		"0.01 of what is scraped NaN; scrapes 15 s late; no scrapes in 2h0m0s/5m0s, 2h30m0s/5m0s; requests counted when they are finished."
	for resolution, says := range map[string][]string{
		"fluid":   {"exact sight", "ticks with more demand than ready capacity"},
		"request": {"scraped sight", "not answered in full within the SLO"},
	} {
		t.Run(resolution, func(t *testing.T) {
			code, stdout, stderr := invoke(t, append(slices.Clone(args), "--resolution", resolution)...)
			if code != exitOK || stderr != "" {
				t.Fatalf("want 0 and a silent stderr, got %d and %q", code, stderr)
			}
			for _, s := range append(says, conditions, "ahead of every rival in", "J - FOREWARM-PLAIN", "J - MOVING-MAX", "BEST RIVAL") {
				if !strings.Contains(stdout, s) {
					t.Errorf("want %q in\n%s", s, stdout)
				}
			}
			_, again, _ := invoke(t, append(slices.Clone(args), "--resolution", resolution, "-o", "markdown")...)
			if !strings.Contains(again, "| afternoon |") || !strings.Contains(again, "| mean |") {
				t.Errorf("want the second table in markdown too, got\n%s", again)
			}
		})
	}
}

func TestConditionsThatAreRefused(t *testing.T) {
	for _, tc := range []struct {
		args []string
		says []string
	}{
		{
			[]string{"--outage", "now", "--arrivals", "guessed", "--gpu-quota", "-1", "--scrapes-lost", "2", "--sight", "blind"},
			[]string{"--outage: want START/LENGTH", "--arrivals: want one of", "--gpu-quota", "--scrapes-lost", "--sight"},
		},
		{[]string{"--resolution", "request", "--sight", "exact"}, []string{"everybody reads scrapes"}},
		{[]string{"--resolution", "request", "--capacity", "double"}, []string{"only the fluid world"}},
		{[]string{"--burst", "--sight", "exact"}, []string{"--burst and --sight exact"}},
		{[]string{"--burst", "--resolution", "fluid"}, []string{"--burst and --resolution: want request"}},
		{[]string{"--interval", "5s"}, []string{"--interval: want it with --burst only"}},
		{
			[]string{"--burst", "--interval", "1500ms", "--scrape-interval", "2m", "--phases", "0", "--policy", "hpa"},
			[]string{"--interval: want whole seconds", "--scrape-interval: want", "--phases: want 1 to 15", "--burst and --policy"},
		},
		{[]string{"--spot", "x", "--resolution", "request"}, []string{"--spot and --resolution: want fluid"}},
		{[]string{"--idle", "x", "--gpu-quota", "3"}, []string{"--idle and --gpu-quota"}},
	} {
		code, stdout, stderr := invoke(t, append([]string{"simulate"}, tc.args...)...)
		if code != exitUsage || stdout != "" {
			t.Errorf("%v: want %d and nothing run, got %d", tc.args, exitUsage, code)
		}
		for _, s := range tc.says {
			if !strings.Contains(stderr, s) {
				t.Errorf("%v: want %q in %s", tc.args, s, stderr)
			}
		}
	}
}
