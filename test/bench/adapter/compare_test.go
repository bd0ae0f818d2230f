package main

import (
	"os"
	"strings"
	"testing"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/signals"
	"github.com/forewarm/forewarm/test/plane"
)

func TestForewarmIsGivenAConfigurationThatItReads(t *testing.T) {
	b := &bench{
		settings: settings{dir: t.TempDir(), sizes: []int{10, 5000}}, Plane: &plane.Plane{},
		prometheus: "http://127.0.0.1:9090",
	}
	command, err := forewarmAdapter(b, 6443, "cert.pem", "key.pem")
	if err != nil {
		t.Fatal(err)
	}
	file := ""
	for i, arg := range command.Args {
		if arg == "--config" {
			file = command.Args[i+1]
		}
	}
	got, err := config.Load(file, config.Catalog{Engines: signals.Names(false), Gateways: signals.Names(true)})
	if err != nil {
		text, _ := os.ReadFile(file)
		t.Fatalf("%v\n%s", err, text)
	}
	if len(got.Models) != 2 {
		t.Errorf("want a model per size, got %d", len(got.Models))
	}
}

func TestComparisonCountsWhatMissesAGoal(t *testing.T) {
	few, many := place{"direct", 10, 1}, place{"direct", 1000, 5}
	out := &strings.Builder{}
	compare(out, []place{few, many}, map[string]map[place]row{
		"forewarm":           {few: {cpu: 1, p99: 14, rate: 100}, many: {cpu: 4, p99: 10, rate: 1200}},
		"floor":              {few: {cpu: 1, p99: 10, rate: 100}, many: {cpu: 2, p99: 10, rate: 1200}},
		"prometheus-adapter": {few: {cpu: 9, p99: 90, rate: 1}, many: {cpu: 9, p99: 90, rate: 10}},
	})
	for _, want := range []string{
		"| direct, 10 pods, 1 clients | 1.00 | 1.40 | 100 |",
		"CPU per request at most 1.5 x the floor's: missed in 1 of 2 rows, median 2.00 x, worst 2.00 x",
		"p99 at most 1.3 x the floor's: missed in 1 of 2 rows, median 1.40 x, worst 1.40 x",
		"at least 130 x prometheus-adapter's requests/s at 1000 pods: missed in 1 of 1 rows",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("want %q in\n%s", want, out)
		}
	}
}

func TestNothingIsComparedWithoutTheFloor(t *testing.T) {
	out := &strings.Builder{}
	if compare(out, []place{{"direct", 10, 1}}, map[string]map[place]row{"forewarm": {}}); out.Len() > 0 {
		t.Errorf("want nothing, got %s", out)
	}
}
