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
	Count    float64 `json:"count"`    // decayed completed requests behind Output
	Output   float64 `json:"output"`   // decayed output tokens
	Prompted float64 `json:"prompted"` // decayed completed requests behind Prompt
	Prompt   float64 `json:"prompt"`   // decayed uncached prompt tokens, while known
	Served   float64 `json:"served"`   // decayed completed requests behind Busy
	Busy     float64 `json:"busy"`     // decayed seconds in service, while the SLO held
}

// VariantLearned is what was learned of one variant.
type VariantLearned struct {
	Lower     Capacity        `json:"lower"`     // highest sustained pod load carried while the SLO held
	Trial     Trial           `json:"trial"`     // load that may become Lower
	Upper     Capacity        `json:"upper"`     // pod load at which the queue stood; 0 = never seen
	Saturated int             `json:"saturated"` // ticks in a row with a standing queue
	WarmUps   []time.Duration `json:"warmUps"`   // newest last, at most maxWarmUps
}

// Trial is load on its way to being believed: what the busiest pod carried on
// average over one window counts only after the next window, too, passed with the
// SLO held and no queue. TTFT and queues tell of overload minutes after it began.
type Trial struct {
	Ticks     int      `json:"ticks"`     // of the present window
	Sum       Capacity `json:"sum"`       // of the busiest pod's load, over those ticks
	Confirmed Capacity `json:"confirmed"` // mean of the window before, waiting for this one to pass
}

// variant returns what was learned of variant i; nothing if i is new.
func (l Learned) variant(i int) VariantLearned {
	if i < len(l.Variants) {
		return l.Variants[i]
	}
	return VariantLearned{}
}
