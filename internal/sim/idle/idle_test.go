package idle

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// regular is a tenant with a request every so many seconds.
func regular(gap float64, n int) Tenant {
	t := Tenant{Name: "regular"}
	for i := range n {
		t.Arrivals = append(t.Arrivals, gap*float64(i))
	}
	return t
}

// TestBillsByHand has eleven requests 1,000 s apart, so ten gaps, at a restart cost of 780 s: whoever knows the
// future pays 780 for each.
func TestBillsByHand(t *testing.T) {
	rows := map[string]Row{}
	for _, r := range Run([]Tenant{regular(1000, 11)}, []float64{780}, 1) {
		rows[r.Rule] = r
	}
	for rule, want := range map[string]Row{
		"fixed 300 s (KEDA)":  {Idle: 3000, Starts: 10, Ratio: 1080.0 / 780, Worst: 1080.0 / 780},
		"ski rental, tau = C": {Idle: 7800, Starts: 10, Ratio: 2, Worst: 2},
		// It knows nothing of the first gap, so it waits 780 s; from then on it goes at once.
		"learned tau": {Idle: 780, Starts: 10, Ratio: 8580.0 / 7800, Worst: 8580.0 / 7800},
		// Too few gaps are known: it stays for four hours.
		"hybrid histogram": {Idle: 10000, Ratio: 1000.0 / 780, Worst: 1000.0 / 780},
	} {
		want.Rule, want.Cost = rule, 780
		if diff := cmp.Diff(want, rows[rule], near); diff != "" {
			t.Errorf("%s: %s", rule, diff)
		}
	}
	if r := rows["randomised"]; r.Ratio < 1.2 || r.Ratio > 2 {
		t.Errorf("randomised: want about 1.58, got %g", r.Ratio)
	}
	if r := rows[Product]; r.Ratio < 1 || r.Ratio > 2.3 {
		t.Errorf("the product: want at most the bound of 2 and its delays, got %g", r.Ratio)
	}
}

var near = cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-9 })

func TestRulesByHand(t *testing.T) {
	after := func(r Rule, gaps ...float64) float64 {
		for _, g := range gaps {
			r.Saw(g)
		}
		return r.After()
	}
	many := make([]float64, 20)
	for i := range many {
		many[i] = 90
	}
	for name, tc := range map[string]struct{ got, want float64 }{
		"nothing learned yet: the ski rental":        {after(&learned{cost: 780}), 780},
		"short gaps are waited for":                  {after(&learned{cost: 780}, 90, 90, 90), 90},
		"long gaps are not":                          {after(&learned{cost: 780}, 9000, 9000), 0},
		"a histogram of 90 s keeps two minutes":      {after(&histogram{}, many...), 120},
		"a histogram of what is too long keeps 4 h":  {after(&histogram{}, append(many[:0:0], 2e4, 2e4, 2e4, 2e4, 2e4, 2e4, 2e4, 2e4, 2e4, 2e4)...), 14400},
		"of short and long gaps, the short are kept": {after(&learned{cost: 780}, 100, 9000, 100, 100, 9000, 100), 100},
	} {
		if math.Abs(tc.got-tc.want) > 1e-9 {
			t.Errorf("%s: want %g, got %g", name, tc.want, tc.got)
		}
	}
}

// TestRandomisedIsWhatTheoryExpects: e/(e-1) times the optimum, whatever the gap.
func TestRandomisedIsWhatTheoryExpects(t *testing.T) {
	for _, gap := range []float64{200, 780, 5000} {
		for _, r := range Run([]Tenant{regular(gap, 4000)}, []float64{780}, 1) {
			if want := math.E / (math.E - 1); r.Rule == "randomised" && math.Abs(r.Ratio-want) > 0.05 {
				t.Errorf("gaps of %g s: want %.2f, got %.3f", gap, want, r.Ratio)
			}
		}
	}
}

func TestTenantsFromCounts(t *testing.T) {
	counts := []float64{0, 3, 0, 0, 1, 0, 2, math.NaN()}
	if !Sparse(counts, 2) || Sparse(counts, 3) || Sparse([]float64{1, 1, 0, 1}, 1) {
		t.Error("want two gaps and half of it empty to be sparse, no more and no less")
	}
	a, b := Draw("a", 600, counts, 1), Draw("a", 600, counts, 1)
	if diff := cmp.Diff(a, b); diff != "" || len(a.Arrivals) != 6 {
		t.Errorf("want six requests, the same twice: %v %s", a.Arrivals, diff)
	}
	for i, bucket := range []int{1, 1, 1, 4, 6, 6} {
		if int(a.Arrivals[i]/600) != bucket {
			t.Errorf("request %d: want it in bucket %d, got %g s", i, bucket, a.Arrivals[i])
		}
	}
	if g := (Tenant{Arrivals: []float64{0, 59, 119, 400}}).Gaps(); !cmp.Equal(g, []float64{60, 281}) {
		t.Errorf("want the gaps of a minute and more, got %v", g)
	}
}
