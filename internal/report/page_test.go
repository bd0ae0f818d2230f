package report

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/forewarm/forewarm/internal/study"
)

// hostile is a name that would run, load or close something if it were not escaped.
const hostile = `</title></svg><script>alert(1)</script><img src="https://evil.example/x" onerror='x'>"'&`

// small is a simulation of two policies on one load; every name in it is name.
func small(name string) study.Simulation {
	s := study.Simulation{
		Kind: study.Kind, Seed: 1, Sight: "exact", BurnIn: 86400, WarmUps: []float64{300}, Fleets: []float64{5},
		Weights: []float64{10, 3, 30}, Versus: name, Loads: []study.Load{{Name: name, Class: name, Days: 2, Scored: 1}},
	}
	low, high := -0.1, 0.2
	c := study.Course{Load: name, WarmUp: 5 * time.Minute, Fleet: 5}
	for i := range 2 {
		score := study.Score{Cost: 1.2 + float64(i), V1: 0.01, J: 1.3}
		p := study.Policy{
			Name: name, Doc: name, Means: name, Headroom: 0.8, Tried: 2,
			Classes:  []study.Class{{Class: "all", Score: score}},
			Weighted: []study.Weighted{{Weight: 10, J: 1.3}, {Weight: 3, J: 1.2}, {Weight: 30, J: 1.5}},
			Frontier: []study.Point{{Headroom: 0.7, Cost: 1.4, V1: 0.005}, {Headroom: 0.8, Cost: 1.2, V1: 0.01}},
			Against:  &study.Interval{Mean: 0.1, Low: &low, High: &high},
		}
		r := study.Ride{Policy: name, Cost: 1.2, V1: 0.01}
		for k := range 20 {
			x := float64(k)
			r.Points = append(r.Points, study.Moment{Day: x / 20, Load: 5 + math.Sin(x), Wanted: 3, Ready: 2})
			r.Band = append(r.Band, study.Band{Day: x / 20, Median: 5, High: 7})
		}
		s.Policies, c.Runs = append(s.Policies, p), append(c.Runs, r)
	}
	s.Courses = []study.Course{c}
	return s
}

func written(t *testing.T, s study.Simulation) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestHostileNamesAreText(t *testing.T) {
	got := written(t, small(hostile))
	for _, bad := range []string{"<script", "<img", "</title></svg>", `"'&`} {
		if strings.Contains(got, bad) {
			t.Errorf("want no %q in the page", bad)
		}
	}
	if n := strings.Count(got, "&lt;script&gt;"); n < 8 {
		t.Errorf("want the name shown as text everywhere, got it %d times", n)
	}
	if strings.Count(got, "<svg") != strings.Count(got, "</svg>") {
		t.Error("want every chart closed once")
	}
}

func TestThePageNeedsNothingElse(t *testing.T) {
	got := written(t, small("day"))
	for _, bad := range []string{
		"http:", "https:", "//", "src=", "href=", "url(", "@import", "<script", "<link", "<?xml",
	} {
		if strings.Contains(got, bad) {
			t.Errorf("want no %q in the page", bad)
		}
	}
	if !strings.Contains(got, `content="default-src 'none'; style-src 'unsafe-inline';`) {
		t.Error("want a content security policy that allows inline styles only")
	}
	if n := strings.Count(got, "<svg"); n != 4 {
		t.Errorf("want 4 charts (trades, load, two fleets), got %d", n)
	}
}

func TestTheSameSimulationGivesTheSameBytes(t *testing.T) {
	first, second := written(t, small("day")), written(t, small("day"))
	if first != second {
		t.Error("want equal pages")
	}
}

func TestWhatCannotBeDrawnIsLeftOut(t *testing.T) {
	for name, change := range map[string]func(*study.Simulation){
		"no timelines":          func(s *study.Simulation) { s.Courses = nil },
		"an empty timeline":     func(s *study.Simulation) { s.Courses[0].Runs[0].Points = nil },
		"one point":             func(s *study.Simulation) { s.Courses[0].Runs[0].Points = s.Courses[0].Runs[0].Points[:1] },
		"a single policy":       func(s *study.Simulation) { s.Policies = s.Policies[:1] },
		"a cost without bounds": func(s *study.Simulation) { s.Policies[0].Frontier[0].Cost = math.Inf(1) },
		"all too dear":          func(s *study.Simulation) { s.Policies[0].Frontier, s.Policies[1].Frontier = nil, nil },
		"more policies than colours": func(s *study.Simulation) {
			for i := range 20 {
				p := s.Policies[0]
				p.Name = fmt.Sprint(i)
				s.Policies = append(s.Policies, p)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := small("day")
			change(&s)
			got := written(t, s)
			if bad := regexp.MustCompile(`NaN|Inf`).FindString(got); bad != "" {
				t.Errorf("want no %s in the page", bad)
			}
			if !strings.HasSuffix(got, "</html>\n") {
				t.Error("want a whole page")
			}
		})
	}
}
