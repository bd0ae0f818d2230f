package lint

import (
	"cmp"
	"slices"
	"strings"

	"github.com/forewarm/forewarm/policy"
)

// Severity says how bad a finding is.
type Severity string

// The severities: an Error makes the autoscaler fail or do harm, a Warning costs.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Finding is one thing that is wrong.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	File     string   `json:"file,omitempty"` // empty: from the cluster
	Object   string   `json:"object"`         // Kind namespace/name
	Field    string   `json:"field"`          // path in the object
	Problem  string   `json:"problem"`
	Remedy   string   `json:"remedy"`
}

// Served says what of the metrics is served: our name of a metric, and whether it
// can be asked of pods; empty if nothing is.
type Served func(name string) (ours string, ofPods bool)

// Input is what rules read.
type Input struct {
	HPAs      []HPA
	Scaled    []Scaled
	Workloads []Workload
	Quotas    []Quota
	Models    []policy.Model  // those that are known
	Complete  bool            // there are no others, so that a model which is not among them is nobody's
	Budgets   []policy.Budget // that models share
	Served    Served
	Refused   Refused // nil = triggers are not judged
	Clashes   []Clash // definitions that are not taken, for what others say
}

// rule is one check.
type rule struct {
	name  string
	check func(*Input) []Finding
}

// rules are all checks, in the order of docs/lint.md.
var rules = []rule{
	{"value-target", valueTarget},
	{"average-of-ratio", averageOfRatio},
	{"pods-only-zero", podsOnlyZero},
	{"foreign-zero", foreignZero},
	{"desired-target", desiredTarget},
	{"metric-unserved", metricUnserved},
	{"model-unknown", modelUnknown},
	{"trigger-refused", triggerRefused},
	{"tolerance", tolerance},
	{"double-damping", doubleDamping},
	{"mixed-metrics", mixedMetrics},
	{"two-autoscalers", twoAutoscalers},
	{"cooldown-short", cooldownShort},
	{"fallback-zero", fallbackZero},
	{"max-beyond-quota", maxBeyondQuota},
	{"parallelism", parallelism},
}

// Rules are the names of all rules, in order.
func Rules() []string {
	out := make([]string, len(rules))
	for i, r := range rules {
		out[i] = r.name
	}
	return out
}

// Check runs every rule. Findings are sorted by file, object, rule and field.
func Check(in Input) []Finding {
	if in.Served == nil {
		in.Served = func(string) (string, bool) { return "", false }
	}
	var out []Finding
	for _, r := range rules {
		for _, f := range r.check(&in) {
			f.Rule = r.name
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.File, b.File), strings.Compare(a.Object, b.Object),
			strings.Compare(a.Rule, b.Rule), strings.Compare(a.Field, b.Field))
	})
	return out
}
