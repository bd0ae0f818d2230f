package study

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/internal/sim/fluid"
)

// recorded is a trace of six hours, a minute a bucket, with a rise and a fall.
func recorded(t *testing.T, name string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("t_s,requests,prompt_tokens,output_tokens\n")
	for i := range 360 {
		fmt.Fprintf(&b, "%d,%d,,\n", i*60, 300+int(200*math.Sin(float64(i)/40)))
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// brief is a study of three policies on that trace.
func brief(t *testing.T) Options {
	t.Helper()
	o := DefaultOptions()
	o.Traces, o.Policies = []string{recorded(t, "load.csv")}, []string{"forewarm", "hpa", "moving-max"}
	o.Points = 50
	return o
}

func bytesOf(t *testing.T, o Options) (string, []Course) {
	t.Helper()
	s, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), s.Courses
}

func TestTheSameSeedGivesTheSameBytesOnAnyNumberOfCores(t *testing.T) {
	o := brief(t)
	o.WarmUps, o.Sweep = []time.Duration{time.Minute, 5 * time.Minute}, 3
	one, courses := bytesOf(t, o)
	o.Workers = 4
	four, again := bytesOf(t, o)
	if diff := cmp.Diff(one, four); diff != "" {
		t.Errorf("documents differ:\n%s", diff)
	}
	if diff := cmp.Diff(courses, again); diff != "" {
		t.Errorf("timelines differ:\n%s", diff)
	}
}

func TestADocumentSaysWhatWasRun(t *testing.T) {
	s, err := Run(t.Context(), brief(t))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range s.Policies {
		names = append(names, p.Name)
		if len(p.Cells) != 1 || len(p.Frontier) != 1 || len(p.Weighted) != 3 || p.Classes[0].Class != fluid.AllClasses {
			t.Errorf("%s: want one cell, one headroom, three weights, all classes first, got %+v", p.Name, p)
		}
		if got, want := p.Classes[0].J, p.Classes[0].Cost+10*p.Classes[0].V1; math.Abs(got-want) > 1e-12 {
			t.Errorf("%s: want J %g, got %g", p.Name, want, got)
		}
		if (p.Against == nil) != (p.Name == "moving-max") {
			t.Errorf("%s: want a comparison for all but moving-max, got %v", p.Name, p.Against)
		}
	}
	if diff := cmp.Diff([]string{"forewarm", "forewarm-learned", "hpa", "moving-max"}, names); diff != "" {
		t.Errorf("policies:\n%s", diff)
	}
	if diff := cmp.Diff([]Load{{Name: "load", Class: "recorded", Days: 0.25, Scored: 0.125}}, s.Loads); diff != "" {
		t.Errorf("loads:\n%s", diff)
	}
	ride := s.Courses[0].Runs[0]
	if ride.Policy != "forewarm" || len(ride.Points) < 40 || len(ride.Band) < 40 {
		t.Errorf("want the timeline and forecasts of forewarm first, got %s, %d and %d",
			ride.Policy, len(ride.Points), len(ride.Band))
	}
	for _, r := range s.Courses[0].Runs {
		if strings.HasPrefix(r.Policy, "forewarm") == (len(r.Band) == 0) {
			t.Errorf("%s: want forecasts of those that make them only, got %d", r.Policy, len(r.Band))
		}
	}
}

func TestChoosingPolicies(t *testing.T) {
	for name, tc := range map[string]struct {
		policies, capacity, want []string
	}{
		"forewarm as capacity says": {
			[]string{"forewarm"}, []string{"learned", "half"}, []string{"forewarm-learned", "forewarm-learned-half"},
		},
		"a set-up by its own name": {
			[]string{"forewarm-oracle", "hpa"}, []string{"known"}, []string{"forewarm-oracle", "hpa"},
		},
		"both": {
			[]string{"forewarm-oracle", "forewarm"}, []string{"known"}, []string{"forewarm", "forewarm-oracle"},
		},
		"rivals alone":                {[]string{"kpa"}, []string{"known"}, []string{"kpa"}},
		"in the order of the catalog": {[]string{"kpa", "hpa"}, []string{"known"}, []string{"hpa", "kpa"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, p := range (Options{Policies: tc.policies, Capacity: tc.capacity, Sweep: 1}).chosen() {
				got = append(got, p.Name)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("want, got:\n%s", diff)
			}
		})
	}
}

func TestThinningKeepsTheEndsAndTheUsual(t *testing.T) {
	grid := []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	for n, want := range map[int][]float64{
		1: {5}, 2: {0, 12}, 3: {0, 5, 12}, 5: {0, 3, 5, 9, 12}, 7: {0, 2, 5, 6, 8, 10, 12}, 13: grid,
	} {
		if diff := cmp.Diff(want, thin(grid, 5, n)); diff != "" {
			t.Errorf("%d of 13:\n%s", n, diff)
		}
	}
	if diff := cmp.Diff([]float64{1}, thin([]float64{1}, 1, 5)); diff != "" {
		t.Errorf("what has one headroom:\n%s", diff)
	}
}

func TestCheckReportsEverythingAtOnce(t *testing.T) {
	o := DefaultOptions()
	o.Workloads, o.Policies, o.Capacity, o.Under.Sight = []string{"x"}, []string{"y"}, nil, "blind"
	o.WarmUps, o.Fleets, o.BurnIn, o.Sweep = []time.Duration{-1}, []float64{math.NaN()}, -1, 14
	o.Span = 10 * time.Second
	err := o.Check()
	if err == nil {
		t.Fatal("want an error")
	}
	for _, s := range []string{
		"--workload", "flash-crowd", "--policy", "moving-max", "--capacity", "--sight", "--warm-up", "--fleet", "--burn-in",
		"--sweep", "--span",
	} {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("want %q in %v", s, err)
		}
	}
	if err := DefaultOptions().Yardstick().Check(); err != nil {
		t.Errorf("want the yardstick to be fine, got %v", err)
	}
}

// matrix writes a load of two clients: one comes all the time, the other leaves after an hour.
func matrix(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("t_s,c0,c1\n")
	for i := range 360 {
		fmt.Fprintf(&b, "%d,300,%d\n", i*60, max(0, 60-i))
	}
	path := filepath.Join(t.TempDir(), "clients.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhatHasNoDemandIsLeftOut(t *testing.T) {
	o := brief(t)
	path := matrix(t)
	o.Traces, o.Policies = []string{filepath.Dir(path)}, []string{"hpa", "moving-max"}
	s, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Loads) != 1 || s.Loads[0].Name != "clients#c0" {
		t.Errorf("want the busy client alone, got %+v", s.Loads)
	}
	if len(s.Notes) != 1 || !strings.Contains(s.Notes[0], path+": series clients#c1 is left out") {
		t.Errorf("want the other one named, with its file, got %q", s.Notes)
	}
	o.Traces = []string{path + "#c1"}
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "want demand after the burn-in") {
		t.Errorf("want an error where nothing is left, got %v", err)
	}
}

func TestOneLoadHasNoInterval(t *testing.T) {
	o := brief(t)
	o.Policies = []string{"hpa", "moving-max"}
	one, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if a := one.Policies[0].Against; a == nil || a.Low != nil || a.High != nil || a.Mean == 0 {
		t.Errorf("one load: want a difference without an interval, got %+v", a)
	}
	o.Traces = append(o.Traces, matrix(t)+"#c0")
	two, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if a := two.Policies[0].Against; a == nil || a.Low == nil || a.High == nil || *a.Low >= *a.High {
		t.Errorf("two loads: want an interval, got %+v", a)
	}
}

func TestLoads(t *testing.T) {
	o := brief(t)
	o.Traces = append(o.Traces, recorded(t, "load.csv"))
	s, err := Run(t.Context(), o)
	if err != nil || len(s.Loads) != 2 || s.Loads[1].Name != "load (2)" {
		t.Errorf("want two loads of the same name told apart, got %v, %v", s.Loads, err)
	}
	o.Traces = []string{t.TempDir()}
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), o.Traces[0]) {
		t.Errorf("want the empty folder named, got %v", err)
	}
	if _, ok := Development(t.TempDir()); ok {
		t.Error("want no development traces in an empty folder")
	}
}
