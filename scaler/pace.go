package scaler

import (
	"context"
	"sync/atomic"
	"time"
)

// A call that wakes the server for itself alone costs more in system calls and in the scheduler than in everything we
// do for it. So beyond often calls a second, connections are read once per gather and hand over what came meanwhile, as
// network cards do with interrupts. Fewer calls are answered as soon as they come.
const (
	often  = 7500                   // calls per second, of all connections
	gather = 250 * time.Microsecond // timers of an idle process make that about a millisecond
	judged = 250 * time.Millisecond // how often the rate is looked at
	late   = 2 * time.Millisecond   // a pause that took so long: the machine is so busy that calls gather by themselves
	spell  = 200                    // reads that do not wait after that
)

// pace counts calls and knows whether they come often.
type pace struct {
	calls atomic.Int64
	quick atomic.Bool
}

func (p *pace) call() { p.calls.Add(1) }

func (p *pace) busy() bool { return p.quick.Load() }

// watch judges the rate until ctx ends.
func (p *pace) watch(ctx context.Context) {
	ticker := time.NewTicker(judged)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			p.quick.Store(p.calls.Swap(0) > int64(often*judged.Seconds()))
		}
	}
}

// Read reads what is there, or the next that comes. One goroutine reads a connection.
func (c *conn) Read(b []byte) (int, error) {
	if !c.busy() {
		return c.Conn.Read(b)
	}
	c.gather()
	n, err := c.Conn.Read(b)
	c.read = c.now()
	return n, err
}

// gather pauses before a read that follows another at once.
func (c *conn) gather() {
	start := c.now()
	switch {
	case c.eager > 0:
		c.eager--
	case start.Sub(c.read) < gather:
		time.Sleep(gather)
		if c.now().Sub(start) > late {
			c.eager = spell
		}
	}
}
