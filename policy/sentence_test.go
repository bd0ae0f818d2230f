package policy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestSentence(t *testing.T) {
	id := VariantID{ModelID{"llm", "llama"}, "main"}
	for want, s := range map[string]Step{
		"Within 3m30s, when help ordered now is warm, arrivals stay under 12.4 req/s in 95 % of cases.": {
			Why:  "forecast-peak",
			Args: [4]float64{12.4, 210, 0.95, 40},
		},
		"(a guess: no forecast errors were measured yet)": {Why: "forecast-peak", Args: [4]float64{12.4, 210, 0.95, 0}},
		"main goes from 2 to 1 replica":                   {Why: "release", Variant: id, From: 2, To: 1, Args: [4]float64{1, 510, 1}},
		"One replica of main carries 1280 output tokens/s, 8000 prompt tokens/s (a prior, not yet measured).": {
			Why: "capacity-prior", Variant: id, Args: [4]float64{1280, 8000},
		},
		"One replica of main carries 1280 output tokens/s, 32 requests in flight (as configured).": {
			Why: "capacity-configured", Variant: id, Args: [4]float64{1280, 0, 0, 32},
		},
		"One replica of main carries 3.2 req/s: 32 requests in flight (as configured), each in service for 10s.": {
			Why: "capacity-in-flight", Variant: id, Args: [4]float64{3.2, 32, 10},
		},
		"What is configured for main (1280 output tokens/s a replica) cannot be compared": {
			Why: "capacity-unbound", Variant: id, Args: [4]float64{1280},
		},
		"What exceeds the forecast here is small, or lasts (overshoot 0.06, usually 0.5), so 96 % of cases are covered, not 92 %.": {
			Why: "forecast-overshoot", Args: [4]float64{0.96, 0.92, 0.06, 0.5},
		},
		"What exceeds the forecast here is large and brief (overshoot 1.2, usually 0.5), so 89.3 % of cases are covered, not 92 %.": {
			Why: "forecast-overshoot", Args: [4]float64{0.8929, 0.92, 1.2, 0.5},
		},
		"The GPU budget grants 2 of the 6 wanted (GPUs each: 4; priority: 100).": {
			Why: "budget", From: 6, To: 2,
			Args: [4]float64{4, 100},
		},
	} {
		if got := Sentence(s); !strings.Contains(got, want) {
			t.Errorf("%s says\n%s\nwant\n%s", s.Why, got, want)
		}
	}
}

// TestEveryCodeHasASentence reads the package's own source: a why-code that some
// rule writes and no sentence renders would reach a reader as a bare code.
func TestEveryCodeHasASentence(t *testing.T) {
	used := map[string]bool{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || name == "sentence.go" {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				collectCodes(call, used)
			}
			return true
		})
	}
	if len(used) < 20 {
		t.Fatalf("found only %d codes; the test no longer reads the rules", len(used))
	}
	for code := range used {
		if _, ok := sentences[WhyCode(code)]; !ok {
			t.Errorf("no sentence for %q", code)
		}
	}
}

// collectCodes notes the string literals given to step, variantStep and wake.
func collectCodes(call *ast.CallExpr, used map[string]bool) {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || (sel.Sel.Name != "step" && sel.Sel.Name != "variantStep" && sel.Sel.Name != "wake") {
		return
	}
	for _, a := range call.Args {
		if lit, ok := a.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if code, err := strconv.Unquote(lit.Value); err == nil {
				used[code] = true
			}
		}
	}
}
