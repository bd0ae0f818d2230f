package fluid

// GridSize is how many headrooms every policy gets in a sweep.
const GridSize = 13

// Policy is a family of Scalers with one parameter.
type Policy struct {
	Name string
	Doc  string
	// Headroom says what the parameter is, and Grid what is tried, GridSize values. Default is as published.
	Headroom string
	Grid     []float64
	Default  float64
	// On prepares the policy for a course; what it returns makes a Scaler for one run. Both may read of the
	// course what an operator would know, and what the runs of one course share is kept between them.
	On func(c *Course) func(headroom float64) Scaler
}
