package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/internal/backtest"
)

var updateBacktest = flag.Bool("update-backtest", false, "rewrite testdata/backtest.*")

func some[T any](v T) *T { return &v }

// sampleBacktest has a fleet with an error bar, a bound with unknowns, and a model without history.
func sampleBacktest() backtest.Report {
	day := time.Date(2026, 9, 7, 0, 0, 0, 0, time.UTC)
	fleet := func(misses float64) backtest.Figures {
		return backtest.Figures{
			ReplicaHours: some(72.5), GPUHours: some(290.0), USD: some(986.0), Misses: some(misses), Unmet: some(misses / 4),
			ColdStarts: some(12), Flaps: some(3), Peak: some(9), Cost: some(1.45),
		}
	}
	low, high := fleet(0.08), fleet(0)
	return backtest.Report{
		APIVersion: backtest.ReportVersion, Kind: backtest.ReportKind, From: day, To: day.Add(24 * time.Hour), ReadFrom: day,
		Step: 15, Notes: []string{"about all"}, Models: []backtest.ModelReport{
			{
				Namespace: "llm", Name: "chat", Variant: "main", Begin: &day, Scored: 86400, Requests: 5e5,
				Capacity: &backtest.Capacity{Source: backtest.Inferred, Low: 1, Middle: 2, High: 4},
				Policies: []backtest.PolicyRow{
					{Name: "fleet", Figures: fleet(0.0123), Low: &low, High: &high},
					{Name: "optimum", Figures: backtest.Figures{ReplicaHours: some(50.0)}, Low: &backtest.Figures{}, High: &backtest.Figures{}},
				},
				Forecasts: []backtest.ForecastRow{{Name: "forewarm", Card: backtest.Card{
					Horizon: 330 * time.Second, Origins: 1440, Mean: 9, MAE: 0.05,
					Quantile: []float64{0.9, 0.99}, Pinball: []float64{0.02, 0.004}, Coverage: []float64{0.91, 0.988},
				}}},
				Notes: []string{"about\x1b[31m chat"},
			},
			{Namespace: "llm", Name: "quiet", Notes: []string{"No demand is known."}},
		},
	}
}

func TestBacktestOutputs(t *testing.T) {
	for name, write := range map[string]func(*bytes.Buffer, backtest.Report) error{
		"backtest.txt": func(b *bytes.Buffer, r backtest.Report) error { return writeBacktestTable(b, r) },
		"backtest.md":  func(b *bytes.Buffer, r backtest.Report) error { return writeBacktestMarkdown(b, r) },
		"backtest.csv": func(b *bytes.Buffer, r backtest.Report) error { return writeBacktestCSV(b, r) },
		"backtest.notes.txt": func(b *bytes.Buffer, r backtest.Report) error {
			writeBacktestNotes(b, r)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := write(&got, sampleBacktest()); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name)
			if *updateBacktest {
				if err := os.WriteFile(path, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Scripts read these: unknown is null or empty, never zero.
func TestBacktestUnknownIsNotZero(t *testing.T) {
	var text bytes.Buffer
	if err := writeJSON(&text, sampleBacktest()); err != nil {
		t.Fatal(err)
	}
	var r struct {
		Kind   string
		Models []struct {
			Policies []struct{ Figures map[string]*float64 }
		}
	}
	if err := json.Unmarshal(text.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	bound := r.Models[0].Policies[1].Figures
	if v, there := bound["misses"]; r.Kind != "Backtest" || !there || v != nil {
		t.Errorf("want misses: null in the bound of a Backtest, got %v in %s", v, text.String())
	}
	text.Reset()
	if err := writeBacktestCSV(&text, sampleBacktest()); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&text).ReadAll()
	if err != nil || len(rows) != 7 || rows[4][2] != "optimum" || rows[4][9] != "" {
		t.Errorf("want a header, 6 rows, and empty misses of the bound; got %v (%v)", rows, err)
	}
}

func TestBacktestCommandLine(t *testing.T) {
	url := fakeVLLM(t, 2)
	for name, tc := range map[string]struct {
		args []string
		code int
		says []string
	}{
		"everything that is wrong, at once": {
			[]string{"--range", "soon", "--burn-in", "1y1", "-o", "xml", "--hpa-target", "2", "--keda-queue", "0", "--step", "7s", "--timeout", "0s"},
			exitUsage,
			[]string{"--range", "--burn-in", "--output", "--hpa-target", "--keda-queue", "--step", "--timeout"},
		},
		"nowhere to read from":                   {nil, exitUsage, []string{"--prometheus URL"}},
		"history, which is called range here":    {[]string{"--prometheus", url, "--history", "3h"}, exitUsage, []string{"--range"}},
		"a moment to come":                       {[]string{"--prometheus", url, "--at", "2999-01-01T00:00:00Z"}, exitUsage, []string{"--at"}},
		"a filter that leaves nothing":           {[]string{"--prometheus", url, "--model", "other"}, exitNoData, []string{"--model"}},
		"a server that nobody listens on":        {[]string{"--prometheus", silent(t)}, exitFailed, []string{"127.0.0.1"}},
		"a server whose history is nothing much": {[]string{"--prometheus", url, "--range", "1h"}, exitNoData, []string{"no usable history"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := invoke(t, append([]string{"backtest"}, tc.args...)...)
			if code != tc.code || stdout != "" {
				t.Errorf("want exit code %d and nothing on stdout, got %d and %q\n%s", tc.code, code, stdout, stderr)
			}
			for _, s := range tc.says {
				if !strings.Contains(stderr, s) {
					t.Errorf("stderr: want %q in\n%s", s, stderr)
				}
			}
			if strings.Contains(stderr, "\r") {
				t.Errorf("progress is for terminals, got %q", stderr)
			}
		})
	}
}
