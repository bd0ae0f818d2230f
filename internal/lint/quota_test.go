package lint

import (
	"fmt"
	"strings"
	"testing"

	"github.com/forewarm/forewarm/policy"
)

// TestABudgetKeepsFleetsWithinAQuota: fleets that may ask for more together than a quota has are no finding where a
// budget keeps what is decided for them within it.
func TestABudgetKeepsFleetsWithinAQuota(t *testing.T) {
	fleet := func(name, trigger string) string {
		return fmt.Sprintf("apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: %s, namespace: llm}\nspec:\n"+
			"  scaleTargetRef: {name: %s}\n  minReplicaCount: 1\n  maxReplicaCount: 12\n  triggers: [%s]\n---\n", name, name, trigger)
	}
	ours := func(name string) string { return fleet(name, "{type: external, metadata: {model: "+name+"}}") }
	const (
		quota = "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: gpus, namespace: llm}\n" +
			"spec: {hard: {requests.nvidia.com/gpu: \"16\"}}\n---\n"
		gpu, a100 = "nvidia.com/gpu", "NVIDIA-A100-80GB"
	)
	for name, tc := range map[string]struct {
		objects string
		budgets []policy.Budget
		want    string
	}{
		"no budget":                    {ours("a") + ours("b"), nil, "may ask for 24 together"},
		"a budget of the quota":        {ours("a") + ours("b"), []policy.Budget{{Resource: gpu, Limit: 16}}, ""},
		"a budget of these GPUs":       {ours("a") + ours("b"), []policy.Budget{{Resource: gpu, Product: a100, Limit: 16}}, ""},
		"a budget of other GPUs":       {ours("a") + ours("b"), []policy.Budget{{Resource: gpu, Product: "H100", Limit: 16}}, "may ask for 24 together"},
		"a larger budget":              {ours("a") + ours("b"), []policy.Budget{{Resource: gpu, Limit: 20}}, "may ask for 20 together"},
		"one does not follow decision": {ours("a") + fleet("b", "{type: cron}"), []policy.Budget{{Resource: gpu, Limit: 16}}, "may ask for 24 together"},
		"one in another namespace":     {ours("a") + strings.ReplaceAll(ours("b"), "llm", "other"), nil, ""},
		"the same one, twice":          {ours("a") + ours("a"), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			in := Input{Budgets: tc.budgets}
			for _, model := range []string{"a", "b"} {
				in.Models = append(in.Models, policy.Model{
					ID:       policy.ModelID{Namespace: "llm", Name: model},
					Variants: []policy.Variant{{Target: policy.Target{Kind: "Deployment", Name: model}, GPUs: 1, Product: a100}},
				})
			}
			if err := in.Read(strings.NewReader(quota+tc.objects), "f.yaml"); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range maxBeyondQuota(&in) {
				got = append(got, f.Object+": "+f.Problem)
			}
			if all := strings.Join(got, "\n"); (all == "") != (tc.want == "") || !strings.Contains(all, tc.want) {
				t.Errorf("want %q, got %q", tc.want, all)
			}
		})
	}
}
