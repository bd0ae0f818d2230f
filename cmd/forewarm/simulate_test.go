package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/forewarm/forewarm/internal/study"
)

// load writes a trace of three hours.
func load(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("t_s,requests,prompt_tokens,output_tokens\n")
	for i := range 180 {
		fmt.Fprintf(&b, "%d,%d,,\n", i*60, 300+int(200*math.Sin(float64(i)/20)))
	}
	path := filepath.Join(t.TempDir(), "afternoon.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSimulateInEveryForm(t *testing.T) {
	args := []string{"simulate", "--trace", load(t), "--policy", "forewarm,hpa,moving-max", "--sweep", "3"}
	for form, says := range map[string][]string{
		"table":    {"1 loads (afternoon)", "POLICY", "forewarm-learned", "moving-max", "J VERSUS MOVING-MAX"},
		"markdown": {"| POLICY |", "| forewarm-learned |"},
		"csv":      {"policy,headroom,load,warm_up_seconds", "hpa,"},
		"json":     {`"kind": "Simulation"`, `"apiVersion": "forewarm.dev/v1alpha1"`, `"v1AtCost1_2"`},
	} {
		t.Run(form, func(t *testing.T) {
			again := append(slices.Clone(args), "-o", form)
			code, stdout, stderr := invoke(t, again...)
			if code != exitOK || stderr != "" {
				t.Fatalf("want 0 and a silent stderr, got %d and %q", code, stderr)
			}
			for _, s := range says {
				if !strings.Contains(stdout, s) {
					t.Errorf("want %q in\n%s", s, stdout)
				}
			}
			if _, second, _ := invoke(t, append(again, "--workers", "3")...); second != stdout {
				t.Error("want the same bytes from the same seed")
			}
		})
	}
}

func TestSimulationDocument(t *testing.T) {
	code, stdout, _ := invoke(t, "simulate", "--trace", load(t), "--policy", "hpa,kpa", "-o", "json")
	var got study.Simulation
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != exitOK {
		t.Fatalf("want a document and 0, got %v and %d", err, code)
	}
	if len(got.Policies) != 2 || got.Versus != "hpa" || got.Loads[0].Name != "afternoon" {
		t.Errorf("want two policies compared with hpa on afternoon, got %+v", got)
	}
}

func TestSimulateWritesThePage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.html")
	code, _, stderr := invoke(t, "simulate", "--trace", load(t), "--policy", "forewarm,hpa", "--html", path)
	if code != exitOK {
		t.Fatalf("want 0, got %d: %s", code, stderr)
	}
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(page), "<svg"); n != 5 {
		t.Errorf("want charts of trades, load and three fleets, got %d", n)
	}
	for name, at := range map[string]string{"no folder": filepath.Join(path, "x"), "a folder": filepath.Dir(path)} {
		code, stdout, stderr := invoke(t, "simulate", "--trace", load(t), "--policy", "hpa", "--html", at)
		if code != exitFailed || !strings.Contains(stderr, "write the report") || stdout != "" {
			t.Errorf("%s: want %d and the act named before anything is run, got %d: %s%s", name, exitFailed, code, stderr, stdout)
		}
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.part")); err != nil || len(left) > 0 {
		t.Errorf("want nothing left beside the report, got %v, %v", left, err)
	}
}

func TestSimulateRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		code int
		says []string
	}{
		"all wrong names at once": {
			[]string{"--workload", "weak", "--policy", "hpaa", "--capacity", "guessed", "-o", "yaml", "--workers", "0"},
			exitUsage,
			[]string{"sparse-tenant", "moving-max", "learned", "yaml", "--workers"},
		},
		"a yardstick of something else": {
			[]string{"--yardstick", ".", "--workload", "day"}, exitUsage, []string{"--yardstick"},
		},
		"a burst with settings": {
			[]string{"--burst", "--fleet", "3", "-o", "json"},
			exitUsage,
			[]string{"--burst and --fleet", "--burst and --output"},
		},
		"a span below a tick":              {[]string{"--span", "10s"}, exitUsage, []string{"--span: want 0", "15s"}},
		"a fleet that takes for ever":      {[]string{"--fleet", "1001"}, exitUsage, []string{"at most 1000 replicas (three days of 1000"}},
		"a fleet of nothing":               {[]string{"--fleet", "0"}, exitUsage, []string{"--fleet"}},
		"a file that is not there":         {[]string{"--trace", "/no/such.csv"}, exitFailed, []string{"/no/such.csv"}},
		"a folder without a trace":         {[]string{"--trace", t.TempDir()}, exitFailed, []string{"with load, got none"}},
		"a file that is no trace, by line": {[]string{"--trace", file(t, "")}, exitFailed, []string{"forewarm.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := invoke(t, append([]string{"simulate"}, tc.args...)...)
			if code != tc.code || stdout != "" {
				t.Errorf("want exit code %d and nothing on stdout, got %d and %q", tc.code, code, stdout)
			}
			for _, s := range tc.says {
				if !strings.Contains(stderr, s) {
					t.Errorf("stderr: want %q in\n%s", s, stderr)
				}
			}
		})
	}
}

func TestTheYardstickSaysWhatItRunsOn(t *testing.T) {
	o := study.DefaultOptions()
	var err strings.Builder
	f := &simulateFlags{yardstick: t.TempDir(), changed: func(string) bool { return false }}
	y := f.measured(&streams{err: &err}, o)
	if len(y.Traces) != 0 || len(y.WarmUps) != 3 || len(y.Fleets) != 2 || y.Sweep != 6 || !strings.Contains(err.String(), "shapes are made up") {
		t.Errorf("want the shipped workloads in six worlds, and that said, got %+v, %q", y, err.String())
	}
}

func TestSimulateSpot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zone.csv")
	series := "t_s,a,b\n"
	for i := range 48 { // two zones, of which one vanishes now and then
		series += fmt.Sprintf("%d,%d,8\n", i*1800, 8*min(i%8, 1))
	}
	if err := os.WriteFile(path, []byte(series), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"simulate", "--spot", path, "--fleet", "6"}
	for form, says := range map[string][]string{
		"table":    {"spot at 0.3 of the on-demand price", "UNAVAILABLE %", "zone    constant  on-demand only                  1.000  0.00"},
		"markdown": {"| SERIES |", "| zone | constant | even spread |"},
		"csv":      {"series,load,policy,cost,unavailable_%", "zone,constant,spot only,"},
		"json":     {`"kind": "SpotSimulation"`, `"costOfOnDemandOnly": 1,`},
	} {
		t.Run(form, func(t *testing.T) {
			again := append(slices.Clone(args), "-o", form)
			code, stdout, stderr := invoke(t, again...)
			if code != exitOK || stderr != "" {
				t.Fatalf("want 0 and a silent stderr, got %d and %q", code, stderr)
			}
			for _, s := range says {
				if !strings.Contains(stdout, s) {
					t.Errorf("want %q in\n%s", s, stdout)
				}
			}
			if _, second, _ := invoke(t, again...); second != stdout {
				t.Error("want the same bytes from the same seed")
			}
		})
	}
	for says, more := range map[string][]string{
		"--spot-price":             {"--spot-price", "0"},
		"--spot-hazard":            {"--spot-hazard", "-1"},
		"--spot-availability":      {"--spot-availability", "1.1"},
		"--spot and --sweep":       {"--sweep", "3"},
		"one --warm-up and":        {"--warm-up", "60s,120s"},
		"--burst and --spot: want": {"--burst"},
		"want a spot trace":        {"--spot", os.DevNull},
	} {
		if code, _, stderr := invoke(t, append(slices.Clone(args), more...)...); code == exitOK || !strings.Contains(stderr, says) {
			t.Errorf("%v: want a refusal with %q, got %d and %q", more, says, code, stderr)
		}
	}
}

func TestSimulateIdle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tenants.csv")
	var b strings.Builder
	b.WriteString("t_s,c0,c1\n")
	for i := range 200 { // c0 has a request every 50 minutes, c1 is never empty
		fmt.Fprintf(&b, "%d,%d,9\n", i*600, max(0, 1-i%5))
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for form, says := range map[string][]string{
		"table": {"1 tenants of", "RESTART COST S", "learned tau", "forewarm"},
		"csv":   {"rule,restart_cost_s,cost", "randomised,3780,"},
		"json":  {`"kind": "IdleSimulation"`, `"tenants": 1`, `"gaps": 39`},
	} {
		code, stdout, stderr := invoke(t, "simulate", "--idle", path, "-o", form)
		if code != exitOK || stderr != "" {
			t.Fatalf("want 0 and a silent stderr, got %d and %q", code, stderr)
		}
		for _, s := range says {
			if !strings.Contains(stdout, s) {
				t.Errorf("want %q in\n%s", s, stdout)
			}
		}
	}
	if code, stdout, stderr := invoke(t, "simulate", "--idle", path+".none"); code != exitOK ||
		!strings.Contains(stderr, "shipped workload sparse-tenant") || !strings.Contains(stdout, "20 tenants of sparse-tenant") {
		t.Errorf("want the shipped workload, and to be told so, got %d, %q and\n%s", code, stderr, stdout)
	}
	if code, _, stderr := invoke(t, "simulate", "--idle", path, "--sweep", "3"); code == exitOK ||
		!strings.Contains(stderr, "--idle and --sweep") {
		t.Errorf("want a refusal, got %d and %q", code, stderr)
	}
}
