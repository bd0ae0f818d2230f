package sim

import (
	"fmt"
	"time"

	"github.com/forewarm/forewarm/internal/sim/trace"
)

// Named is a workload that the project ships, for those who have no trace and for tests that everybody can
// repeat. The shapes are made up; none is fitted to a trace.
type Named struct {
	Name   string
	Doc    string        // one sentence
	Length time.Duration // how long it takes to show what it is about
	change func(*WorkloadConfig)
}

const oneDay = 24 * time.Hour

// Workloads are the shipped workloads, in the order in which they are listed.
func Workloads() []Named {
	return []Named{
		{
			"flat", "the same rate for ever, Poisson arrivals", 6 * time.Hour,
			func(c *WorkloadConfig) { c.Sharpness, c.Wander, c.Burst, c.Weekend, c.Crowds = 0, 0, 1, 1, Crowds{} },
		},
		{
			"day", "a product of office hours: quiet nights, a broad peak in the afternoon", 3 * oneDay,
			func(c *WorkloadConfig) { c.Burst, c.Weekend, c.Crowds = 1, 1, Crowds{} },
		},
		{
			"week", "the same with half as much at weekends and a flash crowd a day", 14 * oneDay,
			func(*WorkloadConfig) {},
		},
		{
			"trend", "a week that grows by 4 % a day", 14 * oneDay,
			func(c *WorkloadConfig) { c.TrendPerDay, c.Crowds = 0.04, Crowds{} },
		},
		{
			"bursty", "strong slow wander and clustered arrivals (gaps vary 4 times as much as Poisson's)", 3 * oneDay,
			func(c *WorkloadConfig) { c.Wander, c.Burst, c.Crowds = 0.5, 4, Crowds{} },
		},
		{
			"flash-crowd", "four flash crowds a day, 4 times the rate within half a minute", 3 * oneDay,
			func(c *WorkloadConfig) {
				c.PeakRate, c.Sharpness, c.Weekend = 3, 0.5, 1
				c.Crowds = Crowds{PerDay: 4, Factor: 4, Rise: 30 * time.Second, Length: 10 * time.Minute}
			},
		},
		{
			"sparse-tenant", "a small tenant: six visits a day of about a quarter of an hour, nothing between", 7 * oneDay,
			func(c *WorkloadConfig) {
				c.PeakRate, c.Sharpness, c.Weekend, c.Crowds = 0.5, 0, 0.3, Crowds{}
				c.Visits = Visits{PerDay: 6, Length: 15 * time.Minute}
			},
		},
		{
			"token-drift", "steady requests whose answers get 15 % longer a day and prompts 5 %", 7 * oneDay,
			func(c *WorkloadConfig) { c.OutputDrift, c.PromptDrift, c.Weekend, c.Crowds = 0.15, 0.05, 1, Crowds{} },
		},
		{
			"chat", "conversations of about six turns whose prompts grow: prefix caches matter", 3 * oneDay,
			func(c *WorkloadConfig) {
				c.PeakRate, c.Weekend, c.Crowds = 4, 1, Crowds{}
				c.Prompt = Lengths{Mean: 300, Sigma: 0.8, Max: 8000}
				c.Output = Lengths{Mean: 300, Sigma: 0.6, Max: 2000}
				c.Sessions = Sessions{Turns: 6, Active: 60, Context: 16_000}
			},
		},
	}
}

// WorkloadNamed finds a shipped workload.
func WorkloadNamed(name string) (Named, error) {
	var names []string
	for _, n := range Workloads() {
		if n.Name == name {
			return n, nil
		}
		names = append(names, n.Name)
	}
	return Named{}, fmt.Errorf("workload: want one of %v, got %q", names, name)
}

// Config is the workload's configuration; a caller may change its size.
func (n Named) Config(seed uint64) WorkloadConfig {
	c := DefaultWorkload()
	c.Seed = seed
	n.change(&c)
	return c
}

// Arrivals are its single requests.
func (n Named) Arrivals(seed uint64) (*Workload, error) { return NewWorkload(n.Config(seed)) }

// SeriesStep is the resolution of Series, a usual scrape interval.
const SeriesStep = 15 * time.Second

// Series are the same requests as sums per 15 s: what Arrivals of that seed gives, counted.
func (n Named) Series(seed uint64, length time.Duration) (trace.Series, error) {
	w, err := n.Arrivals(seed)
	if err != nil {
		return trace.Series{}, err
	}
	s := Count(w, w.cfg.Start, length, SeriesStep)
	s.Name = n.Name
	return s, nil
}

// Count sums arrivals into buckets from a moment on. What came earlier is passed over.
func Count(src Arrivals, start time.Time, length, bucket time.Duration) trace.Series {
	n := int(length / bucket)
	s := trace.Series{
		Bucket: bucket, Start: start,
		Requests: make([]float64, n), Prompt: make([]float64, n), Output: make([]float64, n),
	}
	end := start.Add(time.Duration(n) * bucket)
	for a, ok := src.Next(end); ok; a, ok = src.Next(end) {
		if i := a.At.Sub(start) / bucket; i >= 0 {
			s.Requests[i]++
			s.Prompt[i] += float64(a.Prompt)
			s.Output[i] += float64(a.Output)
		}
	}
	return s
}
