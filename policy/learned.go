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
	Gaps     []time.Duration  `json:"gaps"`     // proven idle times between work, newest last, at most maxGaps
	Refusals Refusals         `json:"refusals"` // how many requests are usually refused
	Serving  Serving          `json:"serving"`  // how many replicas serve, and since when
	Flight   Flight           `json:"flight"`   // requests in the system at the newest moment
	Variants []VariantLearned `json:"variants"` // in the model's order
}

// Request is the work of one request, from decayed sums of rates.
type Request struct {
	Count    float64 `json:"count"`    // decayed completed requests behind Output
	Output   float64 `json:"output"`   // decayed output tokens
	Prompted float64 `json:"prompted"` // decayed completed requests behind Prompt
	Prompt   float64 `json:"prompt"`   // decayed uncached prompt tokens, while known
	Asked    float64 `json:"asked"`    // decayed prompt tokens, cached ones as well
	Served   float64 `json:"served"`   // decayed completed requests behind Busy
	Busy     float64 `json:"busy"`     // decayed seconds in service, while the SLO held
	Settled  bool    `json:"settled"`  // twice as many have completed as were in service at a time
}

// VariantLearned is what was learned of one variant. Loads are those of a mean
// pod: it is the mean that replicas are counted by, however unevenly a router
// spreads the work.
type VariantLearned struct {
	Lower   Capacity      `json:"lower"`   // highest pod load carried while the SLO held
	Upper   Capacity      `json:"upper"`   // pod load at which the SLO was missed; 0 = never seen
	Plan    Capacity      `json:"plan"`    // what a replica is planned with; 0 = evidence never touched the prior
	Trial   Trial         `json:"trial"`   // load that may become Lower
	Missed  Spell         `json:"missed"`  // load that may become Upper
	Missing time.Duration `json:"missing"` // for how long a queue has stood while the SLO was not held
	Packed  Packed        `json:"packed"`  // how full the KV caches are for how much work
	Pods    []Sighting    `json:"pods"`    // pods serving, and since when; sorted by name
	Podless Podless       `json:"podless"` // replicas asked for that were given no pod
	Stood   []Standing    `json:"stood"`   // of spot: lows of the ready replicas within returnHold; see withLow
	WarmUps []WarmedUp    `json:"warmUps"` // newest last, at most maxWarmUps
}

// WarmedUp is one completed warm-up.
type WarmedUp struct {
	Took    time.Duration `json:"took"`
	NewNode bool          `json:"newNode"` // it waited for a node
}

// Trial is load on its way to being believed: what a pod carried over one window
// counts only after the next window, too, passed with the SLO held and no queue.
// TTFT and queues tell of overload minutes after it began.
type Trial struct {
	Window    Spell    `json:"window"`    // the present one
	Confirmed Capacity `json:"confirmed"` // mean of the window before, waiting for this one to pass
}

// Spell is a stretch of time with the load that was carried in it.
type Spell struct {
	For time.Duration `json:"for"`
	Sum Capacity      `json:"sum"` // load x seconds
}

// Packed are decayed sums over time that tell how much work fills a KV cache.
type Packed struct {
	Load Capacity `json:"load"` // load x seconds
	KV   float64  `json:"kv"`   // KV use (0..1) x seconds
}

// Standing is how many replicas were ready at a moment.
type Standing struct {
	At    time.Time `json:"at"`
	Ready int       `json:"ready"`
}

// Sighting is since when a pod has been seen to serve; the zero time for one that
// was there from the first moment.
type Sighting struct {
	Name  string    `json:"name"`
	Since time.Time `json:"since"`
}

// variant is what was learned of variant i, to be read; nothing if i is new.
func (l *Learned) variant(i int) *VariantLearned {
	if i < len(l.Variants) {
		return &l.Variants[i]
	}
	return &nothingLearned
}

var nothingLearned VariantLearned // never written to
