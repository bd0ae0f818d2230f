package predictor

import "math"

// features is how many things the forest looks at. All but the clocks are
// logarithms of ratios to the present level, so that a forest means the same at
// any scale.
const features = 32

// level is what the forest's ratios are relative to: the mean of the last three
// buckets, softened by a share of the day's mean so that silence is no infinity.
func level(s *series, i int) (base, soft float32) {
	soft = softness*s.average(i, day) + tiny
	return s.average(i, 3) + soft, soft
}

// describe fills the features of bucket i for the h buckets after it; winters is
// the Holt-Winters forecast made there, shake the decayed mean step.
func describe(s *series, i, h int, winters, shake float32, x *[features]float32) {
	b, e := level(s, i)
	ratio := func(v float32) float32 { return log32((v + e) / b) }
	*x = [features]float32{
		ratio(s.mean[i]), ratio(s.peak[i]),
		ratio(s.average(i, 8)), ratio(s.average(i, 15)), ratio(s.average(i, 60)), ratio(s.average(i, 360)),
		ratio(s.highest(i, 5)), ratio(s.highest(i, 10)), ratio(s.highest(i, 30)), ratio(s.highest(i, 60)),
		ratio(s.highest(i, 180)), ratio(s.highest(i, 720)),
		ratio(s.average(i, day)), ratio(lowest(s, i, 30)), ratio(shake), ratio(winters),
		slope(s, i, 5, e), slope(s, i, 15, e),
		grown(s, i-day, h), grown(s, i-2*day, h), grown(s, i-7*day, h), grown(s, i-60, h),
		then(s, i-day, h, b, e), then(s, i-2*day, h, b, e), then(s, i-7*day, h, b, e),
		then(s, i-60, min(h, 55), b, e),
	}
	number := s.first + int64(i)
	x[26] = float32(minuteOfDay(number))
	x[27] = float32(number % 60)
	x[28] = float32(floorDiv(number, int64(day)) % 7)
	x[29] = since(s, i, 1.7)
	up, ok := recurring(s, i, h, day, 7)
	if ok {
		x[30] = ratio(max(s.mean[i]+up, 0))
	}
	if v, ok := sameClock(s, i, h); ok {
		x[31] = ratio(v)
	}
}

// slope compares the last n buckets with the n before them.
func slope(s *series, i, n int, e float32) float32 {
	return log32((s.average(i, n) + e) / (s.average(max(i-n, 0), n) + e))
}

// grown is how the window after bucket j compares with the level there, a little
// wider than the window asked for; 0 where that is not known.
func grown(s *series, j, h int) float32 {
	if j < 2 || !s.whole(j-2, j+h+3) {
		return 0
	}
	b, e := level(s, j)
	return log32((s.top(j-1, j+h+3) + e) / b)
}

// then is how the window after bucket j compares with the level now.
func then(s *series, j, h int, b, e float32) float32 {
	if j < 2 || !s.whole(j-2, j+h+3) {
		return 0
	}
	return log32((s.top(j-1, j+h+3) + e) / b)
}

func lowest(s *series, i, n int) float32 {
	low := s.mean[i]
	for _, v := range s.mean[max(i+1-n, 0) : i+1] {
		low = min(low, v)
	}
	return low
}

// since is how many buckets ago the rate was last above times the day's mean,
// logarithmically, within twelve hours.
func since(s *series, i int, times float32) float32 {
	limit := times * s.average(i, day)
	for k := range min(720, i+1) {
		if s.mean[i-k] > limit {
			return log32(float32(k + 1))
		}
	}
	return log32(720)
}

func log32(x float32) float32 { return float32(math.Log(float64(max(x, 1e-6)))) }
