package backtest

import (
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/forewarm/forewarm/internal/sim/rival"
)

// behavior is spec.behavior of an HPA, and of a ScaledObject the one that it gives to its HPA.
type behavior struct {
	ScaleUp   *rules `json:"scaleUp"`
	ScaleDown *rules `json:"scaleDown"`
}

type rules struct {
	Window    *int               `json:"stabilizationWindowSeconds"`
	Tolerance *resource.Quantity `json:"tolerance"`
	Select    string             `json:"selectPolicy"`
	Policies  []struct {
		Type   string `json:"type"`
		Value  int    `json:"value"`
		Period int    `json:"periodSeconds"`
	} `json:"policies"`
}

// behave takes a behavior over the defaults of the API. An empty one is one.
func (a *Autoscaler) behave(b *behavior) {
	if b == nil {
		return
	}
	out := rival.DefaultBehavior()
	a.obey("scaleUp", b.ScaleUp, &out.Up)
	a.obey("scaleDown", b.ScaleDown, &out.Down)
	a.Setup.Behavior = &out
}

func (a *Autoscaler) obey(name string, from *rules, to *rival.Rules) {
	if from == nil {
		return
	}
	if from.Window != nil {
		to.Window = time.Duration(*from.Window) * time.Second
	}
	if from.Tolerance != nil {
		to.Tolerance = from.Tolerance.AsApproximateFloat64()
	}
	to.Select = rival.Select(from.Select)
	var policies []rival.Allowance
	for _, p := range from.Policies {
		period := time.Duration(p.Period) * time.Second
		switch {
		case p.Type == "Pods" && p.Value > 0 && p.Period > 0:
			policies = append(policies, rival.Allowance{Pods: p.Value, Period: period})
		case p.Type == "Percent" && p.Value > 0 && p.Period > 0:
			policies = append(policies, rival.Allowance{Percent: p.Value, Period: period})
		default:
			a.note("its %s policy of type %q, %d in %d s, is none that Kubernetes has, and is left out",
				name, p.Type, p.Value, p.Period)
		}
	}
	if len(policies) > 0 {
		to.Policies = policies
	}
}
