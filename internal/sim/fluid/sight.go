package fluid

import "time"

// scrapes turns the demand that flowed into what a scraper would make of it, in constant memory.
//
// The counter is scraped at Phase within every tick. A rate is the growth between the oldest and the newest
// scrape inside the window, over the time between them, as the product computes it: no extrapolation.
type scrapes struct {
	sight   Sight
	step    float64
	total   float64   // counter at the end of the last finished tick
	counter []float64 // ring of scraped values
	taken   int       // scrapes so far
	exact   []float64 // ring of tick rates, for the delay
	ticks   int       // ticks so far
}

func newScrapes(s Sight, step time.Duration) *scrapes {
	keep := max(int(s.Window/step), 2) // scrapes in a window that is open on the left
	return &scrapes{
		sight: s, step: step.Seconds(),
		counter: make([]float64, keep+s.Delay), exact: make([]float64, 1+s.Delay),
	}
}

// flow books one tick of demand, with the scrape that falls into it.
func (s *scrapes) flow(rate float64) {
	s.exact[s.ticks%len(s.exact)] = rate
	s.ticks++
	s.counter[s.taken%len(s.counter)] = s.total + rate*s.sight.Phase.Seconds()
	s.taken++
	s.total += rate * s.step
}

// rate is what can be read now, at the end of the last tick that flowed.
func (s *scrapes) rate() (rate float64, age time.Duration, known bool) {
	step := time.Duration(s.step * float64(time.Second))
	late := time.Duration(s.sight.Delay) * step
	if s.sight.Window == 0 {
		i := s.ticks - 1 - s.sight.Delay
		if i < 0 {
			return 0, 0, false
		}
		return s.exact[i%len(s.exact)], step + late, true
	}
	newest := s.taken - 1 - s.sight.Delay
	oldest := max(s.taken-len(s.counter), 0)
	if newest <= oldest {
		return 0, 0, false
	}
	growth := s.counter[newest%len(s.counter)] - s.counter[oldest%len(s.counter)]
	return growth / (float64(newest-oldest) * s.step), step - s.sight.Phase + late, true
}
