package engine

import (
	"sync"
	"time"
)

// Stats are the engine's own figures since it was built.
type Stats struct {
	Ticks      uint64        // moments folded, replayed ones included
	Skipped    uint64        // moments that passed while a tick was still running
	Blind      uint64        // ticks whose load failed: decisions were held
	Panics     uint64        // panics recovered in one model's policy or in Allocate
	ClockSteps uint64        // times the clock went backwards
	LastLoad   time.Duration // real time of the newest load
	LastStep   time.Duration // real time of the newest fold
	LastGood   time.Time     // newest moment folded
}

// counters guards Stats; they are written by the tick and read by anyone.
type counters struct {
	mu sync.Mutex
	s  Stats
}

func (c *counters) update(f func(*Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.s)
}

func (c *counters) loaded(took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.LastLoad = took
}

func (c *counters) folded(took time.Duration, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.Ticks, c.s.LastStep, c.s.LastGood = c.s.Ticks+1, took, at
}

func (c *counters) read() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.s
}
