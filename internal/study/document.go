package study

// The version of the document; documented in docs/cli.md.
const (
	Version = "forewarm.dev/v1alpha1"
	Kind    = "Simulation"
)

// Simulation is what a study found. Shares are 0..1, costs are multiples of the clairvoyant's.
type Simulation struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Seed       uint64      `json:"seed"`
	Resolution string      `json:"resolution"`
	Sight      string      `json:"sight"`
	Conditions *Conditions `json:"conditions,omitempty"` // absent in an easy world
	BurnIn     float64     `json:"burnInSeconds"`        // at most half of each load; see scoredDays
	WarmUps    []float64   `json:"warmUpSeconds"`
	Fleets     []float64   `json:"fleets"`  // mean demand, in replicas
	Weights    []float64   `json:"weights"` // of V1 in J; the first one is that of j and froze the headrooms
	Versus     string      `json:"versus"`
	Loads      []Load      `json:"loads"`
	Policies   []Policy    `json:"policies"`
	Duel       *Duel       `json:"byLoad,omitempty"` // where it was asked for
	Notes      []string    `json:"notes,omitempty"`  // loads that were left out, and why
	Courses    []Course    `json:"-"`                // for charts
}

// Load is one input.
type Load struct {
	Name   string  `json:"name"`
	Class  string  `json:"class"`
	Days   float64 `json:"days"`        // that were run
	Scored float64 `json:"scoredDays"`  // after the burn-in
	Filled int     `json:"filledTicks"` // of the whole load, over holes of its source
}

// Policy is what a policy came to.
type Policy struct {
	Name     string     `json:"name"`
	Doc      string     `json:"doc"`
	Headroom float64    `json:"headroom"` // frozen once for all cells
	Means    string     `json:"headroomMeans"`
	Tried    int        `json:"headroomsTried"`
	LeftOut  float64    `json:"jLeaveOneTraceOut"`
	Against  *Interval  `json:"jVersus"`                      // null for the policy that the others are compared with
	Ahead    *int       `json:"cellsAheadOfRivals,omitempty"` // cells in which its j is below every rival's; ours only
	Weighted []Weighted `json:"weighted"`
	Classes  []Class    `json:"classes"` // the first one is all
	Cells    []Cell     `json:"cells"`
	Frontier []Point    `json:"frontier"` // one per headroom, over all cells
}

// Interval is a mean difference in J with its 95 % paired bootstrap interval over whole loads; null with one load.
type Interval struct {
	Mean float64  `json:"mean"`
	Low  *float64 `json:"low"`
	High *float64 `json:"high"`
}

// Weighted is the least J at one weight of V1, and the headroom that gives it.
type Weighted struct {
	Weight   float64 `json:"weight"`
	Headroom float64 `json:"headroom"`
	J        float64 `json:"j"`
}

// Score is the mean over some cells.
type Score struct {
	Cost   float64 `json:"cost"`
	V1     float64 `json:"v1"` // share of requests in ticks with more demand than ready capacity
	V2     float64 `json:"v2"` // share of requests beyond ready capacity
	J      float64 `json:"j"`
	Starts float64 `json:"coldStartsPerDay"`
	Events float64 `json:"scaleEventsPerDay"`
	Flaps  float64 `json:"flapsPerDay"`
}

// Class is the mean over the loads of a class.
type Class struct {
	Class string `json:"class"`
	Score
	V1AtCost *float64 `json:"v1AtCost1_2"` // null where the sweep does not get there
}

// Cell is one load in one world.
type Cell struct {
	Load   string  `json:"load"`
	WarmUp float64 `json:"warmUpSeconds"`
	Fleet  float64 `json:"fleet"`
	Score
}

// Point is one headroom of the sweep.
type Point struct {
	Headroom float64 `json:"headroom"`
	Cost     float64 `json:"cost"`
	V1       float64 `json:"v1"`
}
