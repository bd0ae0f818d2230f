package policy

import "time"

// Learned is what Observe has learned of a model: a value, rebuilt by replaying
// the same inputs in the same order. The zero value has learned nothing.
type Learned struct {
	Since    time.Time        `json:"since"`    // first moment observed
	At       time.Time        `json:"at"`       // newest moment observed
	LastBusy time.Time        `json:"lastBusy"` // newest moment at which idleness was not proven
	Good     time.Time        `json:"good"`     // newest moment at which inputs allowed a decision
	Request  Request          `json:"request"`  // what one request asks for
	Variants []VariantLearned `json:"variants"` // in the model's order
}

// Request is the work of one request, from decayed sums of rates.
type Request struct {
	Count  float64 `json:"count"`  // decayed completed requests behind the sums
	Prompt float64 `json:"prompt"` // decayed uncached prompt tokens
	Output float64 `json:"output"` // decayed output tokens
}

// VariantLearned is what was learned of one variant.
type VariantLearned struct {
	Lower     Capacity        `json:"lower"`     // highest pod load carried while the SLO held
	Upper     Capacity        `json:"upper"`     // pod load at which the queue stood; 0 = never seen
	Saturated int             `json:"saturated"` // ticks in a row with a standing queue
	WarmUps   []time.Duration `json:"warmUps"`   // newest last, at most maxWarmUps
}

// variant returns what was learned of variant i; nothing if i is new.
func (l Learned) variant(i int) VariantLearned {
	if i < len(l.Variants) {
		return l.Variants[i]
	}
	return VariantLearned{}
}
