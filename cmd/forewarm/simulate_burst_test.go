package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/forewarm/forewarm/internal/sim/world"
)

// TestABurstAsATable has two settings: one with bounds, and one whose replicas differ, which has none.
func TestABurstAsATable(t *testing.T) {
	row := world.BurstRow{Policy: "forewarm", Gateway: "holds", Initial: 1, Most: 4, Bounded: true, Bound: 90 * time.Second, Unavoidable: 7}
	other := row
	other.Most, other.Bounded = 0, false
	for i, c := range burstCells([]world.BurstRow{row, other}) {
		if len(c) != len(burstColumns) || c[2] != []string{"4", "none"}[i] || c[6] != []string{"90.0", unknown}[i] ||
			c[10] != []string{"7", unknown}[i] {
			t.Errorf("row %d: got %v for %v", i, c, burstColumns)
		}
	}
	bars := burstBars([]world.BurstRow{row, row, other})
	if len(bars) != 2 || len(bars[0].Names) != 2 || bars[1].Title != "Gateway holds, cap none, from 1" {
		t.Errorf("want bars for each setting, got %+v", bars)
	}
}

func TestABurstSaysHowOftenItIsLookedAt(t *testing.T) {
	usual := burstFlags{world.Beat{Tick: 15 * time.Second, Scrape: 15 * time.Second}, 1}
	often := burstFlags{world.Beat{Tick: 5 * time.Second, Scrape: 15 * time.Second}, 5}
	if usual.line() != "" || often.line() != "A tick every 5s, a scrape every 15s.\nMeans over 5 beginnings of the burst.\n" {
		t.Errorf("want only what is not as usual said, got %q and %q", usual.line(), often.line())
	}
}

// TestTheOtherYardsticksHavePagesToo, and find out at once where one cannot be written.
func TestTheOtherYardsticksHavePagesToo(t *testing.T) {
	dir := t.TempDir()
	spot := filepath.Join(dir, "pool.csv")
	if err := os.WriteFile(spot, []byte("t_s,pool\n0,9\n3600,9\n7200,2\n10800,9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"spot": {"--spot", spot, "--fleet", "4", "--burn-in", "1h"}, "idle": {"--idle", ""},
	} {
		page := filepath.Join(dir, name+".html")
		code, stdout, stderr := invoke(t, append([]string{"simulate", "--html", page, "-q"}, args...)...)
		html, err := os.ReadFile(page)
		if code != exitOK || err != nil || strings.Count(string(html), "<svg") != 2 || !strings.Contains(stdout, "forewarm") {
			t.Errorf("%s: want the table and a page with two charts, got %d: %s (%v)", name, code, stderr, err)
		}
	}
	_, said, _ := invoke(t, "simulate", "--spot", spot, "--fleet", "4", "--burn-in", "1h", "--sight", "scraped", "--gpu-quota", "5")
	if !strings.Contains(said, "Demand is seen scraped. Conditions: 5 GPUs at most.") {
		t.Errorf("want it said what is not as usual, got\n%s", said)
	}
	code, stdout, stderr := invoke(t, "simulate", "--burst", "--html", filepath.Join(dir, "none", "x"))
	if code != exitFailed || stdout != "" || !strings.Contains(stderr, "write the report") {
		t.Errorf("want the page refused before anything is run, got %d: %s%s", code, stderr, stdout)
	}
}
