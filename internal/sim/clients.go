package sim

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"
)

// agenda is what is planned, the earliest first; equal moments in the order they were planned.
type agenda struct {
	items   []plan
	planned uint64
}

type plan struct {
	at  time.Time
	seq uint64
	a   Arrival
}

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (g *agenda) Len() int { return len(g.items) }

// Less orders by moment.
func (g *agenda) Less(i, j int) bool {
	a, b := g.items[i], g.items[j]
	return a.at.Before(b.at) || a.at.Equal(b.at) && a.seq < b.seq
}

// Swap swaps two.
func (g *agenda) Swap(i, j int) { g.items[i], g.items[j] = g.items[j], g.items[i] }

// Push adds one at the end.
func (g *agenda) Push(x any) { g.items = append(g.items, x.(plan)) }

// Pop removes the last.
func (g *agenda) Pop() any {
	n := len(g.items) - 1
	x := g.items[n]
	g.items = g.items[:n]
	return x
}

func (g *agenda) add(at time.Time, a Arrival) {
	g.planned++
	a.At = at
	heap.Push(g, plan{at, g.planned, a})
}

// before hands out the earliest if it comes before a moment.
func (g *agenda) before(until time.Time) (Arrival, bool) {
	if len(g.items) == 0 || !g.items[0].at.Before(until) {
		return Arrival{}, false
	}
	return heap.Pop(g).(plan).a, true
}

// ClientsConfig describes clients in a closed loop.
type ClientsConfig struct {
	Seed    uint64
	Start   time.Time
	Clients int
	Think   time.Duration // mean time from an answer to the next request, exponential
	Prompt  Lengths
	Output  Lengths
	Context int // if set, each client talks: prompts grow by all that was said, up to so many tokens
}

func (c ClientsConfig) check() error {
	var p problems
	p.want(!c.Start.IsZero(), "start: want a time, got none")
	p.want(c.Clients > 0, "clients: want above 0, got %d", c.Clients)
	p.want(c.Think > 0, "think: want above 0, got %v", c.Think)
	p.want(c.Prompt.ok(), "prompt: want mean and max at least 1, sigma at least 0, got %+v", c.Prompt)
	p.want(c.Output.ok(), "output: want mean and max at least 1, sigma at least 0, got %+v", c.Output)
	p.want(c.Context >= 0, "context: want at least 0, got %d", c.Context)
	return p.join()
}

// Clients are a closed loop: each sends a request, waits for its end, thinks and sends the next. Their
// number bounds what is in flight, so overload shows as a lower rate, not as a growing queue.
type Clients struct {
	cfg    ClientsConfig
	rng    *rand.Rand
	agenda agenda
	talks  []talk // per client
	last   uint64 // session
}

// NewClients returns clients who start within one think time of the start.
func NewClients(cfg ClientsConfig) (*Clients, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("clients: %w", err)
	}
	c := &Clients{cfg: cfg, rng: source(cfg.Seed, purposeClients), talks: make([]talk, cfg.Clients)}
	for i := range cfg.Clients {
		c.agenda.add(cfg.Start.Add(time.Duration(c.rng.Float64()*float64(cfg.Think))), Arrival{Client: i})
	}
	return c, nil
}

// Next implements Arrivals.
func (c *Clients) Next(until time.Time) (Arrival, bool) {
	a, ok := c.agenda.before(until)
	if !ok {
		return a, false
	}
	a.Prompt, _ = c.cfg.Prompt.draw(c.rng)
	a.Output, a.Truncated = c.cfg.Output.draw(c.rng)
	if c.cfg.Context == 0 {
		return a, true
	}
	k := &c.talks[a.Client]
	if k.session == 0 || k.context+a.Prompt+a.Output > c.cfg.Context {
		c.last++
		*k = talk{session: c.last}
	}
	a.Session, a.Prefix = k.session, k.context
	a.Prompt += k.context
	k.context = a.Prompt + a.Output
	return a, true
}

// Ended implements Feedback.
func (c *Clients) Ended(a Arrival, at time.Time, _ Ending) {
	think := time.Duration(c.rng.ExpFloat64() * float64(c.cfg.Think))
	c.agenda.add(at.Add(think), Arrival{Client: a.Client})
}
