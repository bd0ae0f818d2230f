package report

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

func sheet(name string) Sheet {
	return Sheet{
		Title: name, About: name, Columns: []string{name, "cost"}, Rows: [][]string{{name, "1"}, {"forewarm", "0.5"}},
		Bars: []Bars{{Title: name, Unit: "cost", Names: []string{name, "forewarm"}, Values: []float64{1, 0.5}}},
	}
}

func TestASheetIsOneTableWithBars(t *testing.T) {
	var one, two bytes.Buffer
	for _, b := range []*bytes.Buffer{&one, &two} {
		if err := WriteSheet(b, sheet(hostile)); err != nil {
			t.Fatal(err)
		}
	}
	got := one.String()
	if got != two.String() {
		t.Error("want the same bytes again")
	}
	for _, bad := range []string{"<script", "<img", "http:", "https:e", "src=\"", "href=", "url("} {
		if strings.Contains(got, bad) {
			t.Errorf("want no %q in the page", bad)
		}
	}
	for what, n := range map[string]int{"<svg": 1, "</svg>": 1, `class="ours"`: 1, "<h2>": 2, "<td>": 4} {
		if c := strings.Count(got, what); c != n {
			t.Errorf("want %q %d times, got %d", what, n, c)
		}
	}
}

func TestBarsNeedAValueForEachName(t *testing.T) {
	for name, b := range map[string]Bars{
		"none at all":       {},
		"a name too many":   {Names: []string{"a", "b"}, Values: []float64{1}},
		"nothing to draw":   {Names: []string{"a"}, Values: []float64{math.NaN()}},
		"without end":       {Names: []string{"a"}, Values: []float64{math.Inf(1)}},
		"a value too many":  {Names: []string{"a"}, Values: []float64{1, 2}},
		"a name and no bar": {Names: []string{"a"}},
	} {
		if err := WriteSheet(&bytes.Buffer{}, Sheet{Bars: []Bars{b}}); err == nil {
			t.Errorf("%s: want an error", name)
		}
	}
}
