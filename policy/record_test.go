package policy

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestARecordIsMadeAgain: what is written down, read back and made again is the
// same to the last byte, whatever the scene, budgets binding or not.
func TestARecordIsMadeAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anyScene(t)
		s.flew = rapid.Float64Range(0, 500).Draw(t, "flew")
		m, l, in, f := s.model(), s.learned(), s.input(), s.forecast(t)
		before := Plan{Decisions: []Decision{{
			ID: VariantID{m.ID, "main"}, Known: rapid.Bool().Draw(t, "known"), Replicas: rapid.IntRange(0, 12).Draw(t, "last"),
			Good: noon.Add(-time.Minute), Raised: noon.Add(-time.Minute), Steps: []Step{{Why: "grow"}},
		}}}
		snapshot := &Snapshot{At: noon, Before: before, Models: []ModelView{{
			Model: m, Input: in, Forecast: f, Learned: l, Proposal: Propose(m, l, in, f),
		}}}
		budgets := []Budget{{Limit: rapid.IntRange(0, 20).Draw(t, "limit")}}
		snapshot.Plan = Allocate(budgets, before, []Proposal{snapshot.Models[0].Proposal})
		r, ok := RecordOf(snapshot, m.ID)
		if !ok {
			t.Fatal("no record")
		}
		written := text(t, r)
		var read Record
		if err := json.Unmarshal([]byte(written), &read); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(written, text(t, read.Replay())); diff != "" {
			t.Fatal(diff)
		}
	})
}

func text(t interface{ Fatal(...any) }, v any) string {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestNoRecordOfAnUnknownModel(t *testing.T) {
	if _, ok := RecordOf(&Snapshot{}, ModelID{"llm", "nobody"}); ok {
		t.Error("a record of a model that is not there")
	}
}
