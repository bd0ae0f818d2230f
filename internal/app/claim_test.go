package app

import (
	"context"
	"testing"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/forewarm/forewarm/internal/fleet"
)

// named is the definition of the model of a service under a name of its own.
func named(model, service, promise string) map[string]string {
	m := definition(service)
	m["model"], m["slo.ttftP95"] = model, promise
	return m
}

// said is what the calls of one turn of KEDA's loop answer to one ScaledObject: a count, or why there is none.
func said(t *testing.T, c pb.ExternalScalerClient, o fleet.ScaledObject) (count int64, errs [2]error) {
	t.Helper()
	ref := &pb.ScaledObjectRef{Name: o.Name, Namespace: o.Namespace, ScalerMetadata: o.Triggers[0]}
	spec, err := c.GetMetricSpec(t.Context(), ref)
	if err != nil {
		t.Fatal("KEDA would build the HPA without us:", err)
	}
	m, err := c.GetMetrics(t.Context(), &pb.GetMetricsRequest{MetricName: spec.MetricSpecs[0].MetricName, ScaledObjectRef: ref})
	_, inactive := c.IsActive(t.Context(), ref)
	for _, v := range m.GetMetricValues() {
		count += v.MetricValue
	}
	return count, [2]error{err, inactive}
}

// Two definitions have one name, and KEDA polls for both. The count of the one that is taken is right for its own
// object only: to the other it would be an order to shrink or to grow by a load that it does not have.
func TestARefusedDefinitionNeverGetsAnothersCount(t *testing.T) {
	calm := service{namespace: "llm", name: "calm", pods: 2, rate: 0.1}
	busy := service{namespace: "llm", name: "busy", pods: 6, rate: 9}
	for name, tc := range map[string]struct {
		configured     string
		taken, refused fleet.ScaledObject
	}{
		"another ScaledObject has the name": {
			"other", scaledObject("a", "calm", named("shared", "calm", "2s")), scaledObject("b", "busy", named("shared", "busy", "3s")),
		},
		"and only the variant tells them apart": {
			"other", scaledObject("a", "calm", named("shared", "calm", "2s")), scaledObject("b", "busy", named("shared", "calm", "2s")),
		},
		"a configured model has the name": {
			"calm", scaledObject("a", "calm", map[string]string{"model": "calm"}), scaledObject("b", "busy", named("calm", "busy", "2s")),
		},
	} {
		t.Run(name, func(t *testing.T) {
			src := &objects{list: []fleet.ScaledObject{tc.taken}}
			a, clock := opened(t, Options{Scaled: src, Config: fileWith(t, tc.configured)}, calm, busy)
			c := kedaClient(t, a, KEDAOptions{})
			expect := func(when string, code codes.Code) {
				t.Helper()
				if n, errs := said(t, c, tc.taken); n < 1 || errs != [2]error{} {
					t.Errorf("%s: want the one that is taken answered, got %d (%v)", when, n, errs)
				}
				n, errs := said(t, c, tc.refused)
				if n != 0 || status.Code(errs[0]) != code || status.Code(errs[1]) != code {
					t.Errorf("%s: want %s and no count, got %d (%v)", when, code, n, errs)
				}
			}
			expect("before it is seen", codes.Unavailable) // KEDA knows a new ScaledObject before we do
			src.set(tc.taken, tc.refused)
			turns(t, a, clock, 2, nil)
			expect("when it is refused", codes.FailedPrecondition)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			push, err := c.StreamIsActive(ctx, &pb.ScaledObjectRef{Name: "b", Namespace: "llm", ScalerMetadata: tc.refused.Triggers[0]})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := push.Recv(); err == nil {
				t.Errorf("want nothing pushed, got %v", got)
			}
			src.set(tc.refused) // it has the name to itself now, unless the file has it
			turns(t, a, clock, 3, nil)
			n, errs := said(t, c, tc.refused)
			if free := tc.configured == "other"; free != (errs == [2]error{}) || free != (n > 0) {
				t.Errorf("alone: want an answer %t, got %d (%v)", free, n, errs)
			}
		})
	}
}
