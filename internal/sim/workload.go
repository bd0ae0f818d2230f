package sim

import (
	"math"
	"time"
)

// Lengths is a lognormal distribution of token counts, cut to 1..Max.
type Lengths struct {
	Mean  float64 // tokens, before the cut
	Sigma float64 // of the logarithm; 0 means constant
	Max   int     // tokens
}

func (l Lengths) ok() bool { return l.Mean >= 1 && l.Sigma >= 0 && l.Max >= 1 }

// Crowds are flash crowds: sudden, short and not foreseeable from the clock.
type Crowds struct {
	PerDay float64 // mean number
	Factor float64 // mean multiple of the ordinary rate at the top, spread over half to one and a half
	Rise   time.Duration
	Length time.Duration // from first sign to last
}

// WorkloadConfig describes the demand for one model.
type WorkloadConfig struct {
	Seed        uint64
	Start       time.Time
	PeakRate    float64 // requests/s at the top of an ordinary weekday
	Trough      float64 // share of the peak left at night, 0..1
	PeakHour    float64 // hour of day in UTC, 0..24
	Sharpness   float64 // of the daily bump: 0 is flat, 1 broad, 4 narrow
	Weekend     float64 // factor on Saturdays and Sundays
	TrendPerDay float64 // growth of one day over the last, 0.02 is 2 %
	Wander      float64 // sigma of the slow lognormal wander
	Burst       float64 // coefficient of variation of gaps between arrivals: 1 is Poisson, above is bursty
	Crowds      Crowds
	Prompt      Lengths
	Output      Lengths

	Visits      Visits   // if set, there is traffic during visits only
	PromptDrift float64  // growth of the mean prompt of one day over the last, 0.05 is 5 %
	OutputDrift float64  // the same of the output
	Sessions    Sessions // if set, requests are turns of conversations
}

// Visits are the only times at which a sparse tenant sends anything.
type Visits struct {
	PerDay float64 // mean number; 0 means always there
	Length time.Duration
}

// Sessions make requests turns of conversations: the prompt of a turn is all that was said before and a
// new question drawn from Prompt. Arrivals stay what they are; which conversation goes on is drawn.
type Sessions struct {
	Turns   float64 // mean number per conversation; 0 or 1 means no conversations
	Active  int     // conversations open at a time
	Context int     // tokens at which a conversation ends
}

// DefaultWorkload is a product used in office hours, some of it abroad, with token lengths that match
// DefaultReplica: about 1,000 in, 640 out.
func DefaultWorkload() WorkloadConfig {
	return WorkloadConfig{
		Seed:      1,
		Start:     time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC),
		PeakRate:  6,
		Trough:    0.05,
		PeakHour:  14,
		Sharpness: 2,
		Weekend:   0.5,
		Wander:    0.1,
		Burst:     1.5,
		Crowds:    Crowds{PerDay: 1, Factor: 2.5, Rise: time.Minute, Length: 15 * time.Minute},
		Prompt:    Lengths{Mean: 1000, Sigma: 0.6, Max: 16_000},
		Output:    Lengths{Mean: 640, Sigma: 0.6, Max: 4_000},
	}
}

func (c WorkloadConfig) check() error {
	var p problems
	p.want(!c.Start.IsZero(), "start: want a time, got none")
	p.want(c.PeakRate >= 0 && !math.IsInf(c.PeakRate, 0), "peakRate: want at least 0, got %g", c.PeakRate)
	p.want(c.Trough >= 0 && c.Trough <= 1, "trough: want [0, 1], got %g", c.Trough)
	p.want(c.PeakHour >= 0 && c.PeakHour < 24, "peakHour: want [0, 24), got %g", c.PeakHour)
	p.want(c.Sharpness >= 0, "sharpness: want at least 0, got %g", c.Sharpness)
	p.want(c.Weekend >= 0, "weekend: want at least 0, got %g", c.Weekend)
	p.want(c.TrendPerDay > -1, "trendPerDay: want above -1, got %g", c.TrendPerDay)
	p.want(c.Wander >= 0, "wander: want at least 0, got %g", c.Wander)
	p.want(c.Burst > 0, "burst: want above 0, got %g", c.Burst)
	p.within("crowds", c.Crowds.check())
	p.want(c.Prompt.ok(), "prompt: want mean and max at least 1, sigma at least 0, got %+v", c.Prompt)
	p.want(c.Output.ok(), "output: want mean and max at least 1, sigma at least 0, got %+v", c.Output)
	p.within("visits", c.Visits.check())
	p.want(c.PromptDrift > -1, "promptDrift: want above -1, got %g", c.PromptDrift)
	p.want(c.OutputDrift > -1, "outputDrift: want above -1, got %g", c.OutputDrift)
	p.want(c.Sessions.Turns < 1e6 && (c.Sessions.Turns <= 1 || c.Sessions.Active > 0 && c.Sessions.Context > 0),
		"sessions: want active and context above 0, got %+v", c.Sessions)
	return p.join()
}

func (c Crowds) check() error {
	var p problems
	p.want(c.PerDay >= 0 && c.PerDay <= 20, "perDay: want [0, 20], got %g", c.PerDay)
	p.want(c.PerDay == 0 || c.Factor >= 1, "factor: want at least 1, got %g", c.Factor)
	p.want(c.PerDay == 0 || (c.Length > 0 && c.Length <= 24*time.Hour), "length: want (0, 24h], got %v", c.Length)
	p.want(c.Rise >= 0, "rise: want at least 0, got %v", c.Rise)
	return p.join()
}

func (c Visits) check() error {
	var p problems
	p.want(c.PerDay >= 0 && c.PerDay <= 100, "perDay: want [0, 100], got %g", c.PerDay)
	p.want(c.PerDay == 0 || (c.Length > 0 && c.Length <= 24*time.Hour), "length: want (0, 24h], got %v", c.Length)
	return p.join()
}
