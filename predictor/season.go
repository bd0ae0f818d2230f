package predictor

import "math"

const (
	seasonBlock = 10  // buckets per mean that is correlated
	seasonLeast = 0.3 // autocorrelation from which a period is a season
)

// recurs says whether the history before bucket end repeats itself after a period
// of buckets: the correlation of its 10-minute means with those one period earlier,
// over at least one period of pairs, gaps left out.
func recurs(s *series, end, period int) bool {
	var n, x, y, xx, yy, xy float64
	for i := end; i-period-seasonBlock >= 0; i -= seasonBlock {
		if !s.whole(i-seasonBlock, i) || !s.whole(i-period-seasonBlock, i-period) {
			continue
		}
		a := s.sum(i-seasonBlock, i)
		b := s.sum(i-period-seasonBlock, i-period)
		n, x, y, xx, yy, xy = n+1, x+a, y+b, xx+a*a, yy+b*b, xy+a*b
	}
	if n*seasonBlock < float64(period) {
		return false
	}
	spread := (n*xx - x*x) * (n*yy - y*y)
	return spread > 0 && (n*xy-x*y)/math.Sqrt(spread) >= seasonLeast
}
