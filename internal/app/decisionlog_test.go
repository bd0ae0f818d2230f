package app

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/forewarm/forewarm/policy"
)

// TestTheDecisionLogHoldsEveryChangeOnce plays three ticks to the log: a first
// decision, the same again, and a change. Each record can be made again.
func TestTheDecisionLogHoldsEveryChangeOnce(t *testing.T) {
	id := policy.ModelID{Namespace: "llm", Name: "llama"}
	m := policy.Model{ID: id, SLO: policy.SLO{TTFTP95: time.Second, Attainment: 0.99}, Variants: []policy.Variant{{
		Name: "main", Max: 9, WarmUp: time.Minute, WarmUpFixed: true, Capacity: policy.Capacity{Requests: 1}, CapacityFixed: true,
	}}}
	var out bytes.Buffer
	o, err := NewDecisionLog(&out)(View{})
	if err != nil {
		t.Fatal(err)
	}
	before := policy.Plan{}
	for i, arrivals := range []float64{2, 2, 5} {
		in := policy.Input{
			Model: id, Now: noon.Add(time.Duration(i) * 15 * time.Second),
			Signals: policy.Signals{Arrivals: policy.Seen(arrivals, 0)},
			Supply:  []policy.Supply{{Variant: "main", Known: true, Spec: 1}},
		}
		v := policy.ModelView{Model: m, Input: in, Proposal: policy.Propose(m, policy.Learned{}, in, policy.ModelView{}.Forecast)}
		s := &policy.Snapshot{At: in.Now, Models: []policy.ModelView{v}, Before: before}
		s.Plan = policy.Allocate(nil, before, []policy.Proposal{v.Proposal})
		before = s.Plan
		if err := o.(*decisionLog).write(s); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(out.String(), "\n"); n != 2 {
		t.Errorf("%d records, want 2", n)
	}
	var answers []string
	if err := Replay(&out, func(r Redo) error {
		for _, d := range r.Differences {
			t.Error(d)
		}
		lines := Sentences(r.Record)
		answers = append(answers, lines[len(lines)-1])
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(answers, " "); got != "main: 2 replicas. main: 5 replicas." {
		t.Error(got)
	}
}
