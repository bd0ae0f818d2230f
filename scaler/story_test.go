package scaler

import (
	"testing"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"

	"github.com/forewarm/forewarm/policy"
)

// at is a server with one snapshot, at noon.
func at(t *testing.T, s *policy.Snapshot) (keda, *board) {
	t.Helper()
	b := &board{s: s}
	server := serve(t, options(b, func() time.Time { return noon }))
	return keda{client: pb.NewExternalScalerClient(dial(t, nil, server)), ref: ref("model", "llama")}, b
}

// snapshot is a plan of decisions, with the models they name.
func snapshot(ds ...policy.Decision) *policy.Snapshot {
	s := &policy.Snapshot{At: noon}
	for _, d := range ds {
		if n := len(s.Models); n == 0 || s.Models[n-1].Model.ID != d.ID.Model {
			s.Models = append(s.Models, policy.ModelView{Model: policy.Model{ID: d.ID.Model}})
		}
		s.Plan.Decisions = append(s.Plan.Decisions, d)
	}
	return s
}

// decided is a good decision for now of a variant main, changed by more.
func decided(model string, replicas, now int, more ...func(*policy.Decision)) policy.Decision {
	d := policy.Decision{
		ID:    policy.VariantID{Model: policy.ModelID{Namespace: "llm", Name: model}, Variant: "main"},
		Known: true, Replicas: replicas, Now: now, NowKnown: true, Active: true, Good: noon,
	}
	for _, f := range more {
		f(&d)
	}
	return d
}
