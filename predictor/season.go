package predictor

import "math"

const (
	seasonBlock = 10  // buckets per mean that is correlated
	seasonLeast = 0.3 // autocorrelation from which a period is a season
)

// recurs says whether the history before bucket end repeats itself after a period
// of buckets: the correlation of its 10-minute means with those one period earlier,
// over at least half a period of pairs, gaps left out. Each mean is taken relative to
// that of the period before it, so that a change of level is no season.
func recurs(s *series, end, period int) bool {
	var n, x, y, xx, yy, xy float64
	for i := end; i-2*period >= 0; i -= seasonBlock {
		if !s.whole(i-seasonBlock, i) || !s.whole(i-period-seasonBlock, i-period) {
			continue
		}
		a := bump(s, i, period)
		b := bump(s, i-period, period)
		n, x, y, xx, yy, xy = n+1, x+a, y+b, xx+a*a, yy+b*b, xy+a*b
	}
	if n*seasonBlock < float64(period)/2 {
		return false
	}
	spread := (n*xx - x*x) * (n*yy - y*y)
	return spread > 0 && (n*xy-x*y)/math.Sqrt(spread) >= seasonLeast
}

// bump is how far the block before bucket i lies above the mean of the period.
func bump(s *series, i, period int) float64 {
	return s.sum(i-seasonBlock, i)/seasonBlock - s.sum(i-period, i)/float64(period)
}
