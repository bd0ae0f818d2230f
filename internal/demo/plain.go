package demo

import (
	"fmt"
	"io"
	"time"
)

const (
	// historyRow is the virtual time between two lines of history.
	historyRow = 6 * time.Hour
	// leastRow and mostRow bound the virtual time between two lines of the live
	// part, which is what passes in a second.
	leastRow = 5 * time.Minute
	mostRow  = 30 * time.Minute
	// headEvery is after how many lines the heading is repeated.
	headEvery = 40
)

// plain writes lines of text, for logs and pipes.
type plain struct {
	out   io.Writer
	every time.Duration
	next  time.Time // virtual
	live  bool
	rows  int
}

func (p *plain) open(seed uint64, speed float64) {
	p.every = min(max(duration(speed).Truncate(scrapeEvery), leastRow), mostRow)
	if speed <= 0 {
		p.every = mostRow
	}
	for _, line := range banner(seed, speed) {
		p.print("%s", line)
	}
	p.print("")
	p.print("First three days of history, both worlds under the plain HPA:")
}

func (p *plain) print(format string, args ...any) {
	_, _ = fmt.Fprintf(p.out, format+"\n", args...) // a reader who has gone needs nothing
}

func (p *plain) say(lines ...string) {
	p.print("")
	p.print("Forewarm has read the history over HTTP and takes over world A. It knows:")
	for _, l := range lines {
		p.print("  %s", l)
	}
	p.print("")
}

func (p *plain) change(n news) {
	p.print("%s  Forewarm %d -> %d: %s", moment(n.at), n.from, n.to, n.why)
}

func (p *plain) picture(f frame) {
	every := p.every
	if !f.live {
		every = historyRow
	}
	if f.live != p.live {
		p.live, p.next, p.rows = f.live, f.at, 0
	}
	if f.at.Before(p.next) {
		return
	}
	p.next = f.at.Truncate(every).Add(every)
	if p.rows%headEvery == 0 {
		p.heading()
	}
	p.rows++
	p.print("%s", row(f))
}

func (p *plain) wants() bool { return true }

func (p *plain) close() {}

func (p *plain) heading() {
	const world = "want ready warming  TTFT p95  in time    cost"
	if !p.live {
		p.print("%-12s  %-8s  %s", "", "requests", "both worlds")
		p.print("%-12s  %8s  %s", "virtual time", "/s now", world)
		return
	}
	p.print("%-12s  %-17s  %-45s  %s", "", "requests/s", "Forewarm", "plain HPA")
	p.print("%-12s  %8s %8s  %s  %s", "virtual time", "now", "forecast", world, world)
}

func row(f frame) string {
	if !f.live {
		return fmt.Sprintf("%-12s  %8.1f  %s", moment(f.at), f.load, cells(f.hpa))
	}
	ahead := "-"
	if f.known {
		ahead = fmt.Sprintf("%.1f", f.ahead)
	}
	return fmt.Sprintf("%-12s  %8.1f %8s  %s  %s", moment(f.at), f.load, ahead, cells(f.forewarm), cells(f.hpa))
}

func cells(c column) string {
	return fmt.Sprintf("%4d %5d %7d %9s %8s %7s", c.wanted, c.ready, c.warming,
		seconds(c.p95, c.p95Known), share(c.inTime, c.inTimeKnown), fmt.Sprintf("$%.0f", c.usd))
}

// moment is a virtual time of day.
func moment(t time.Time) string { return t.Format("Mon 15:04:05") }
