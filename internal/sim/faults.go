package sim

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// FaultConfig says what goes wrong between an exposition and who reads it. The zero value is no fault.
type FaultConfig struct {
	Seed    uint64
	Gap     float64       // share of scrapes that fail
	Outages []Span        // all scrapes fail
	Delay   time.Duration // what is read is that old, with the time of reading
	NaN     float64       // share of samples read as NaN
	Names   []string      // metrics that may be NaN; none means all
}

// Span is a time from a moment up to but not including another.
type Span struct{ From, To time.Time }

// Faults spoil what a scraper reads. Whether a scrape or a sample is hit depends on the seed, its name and
// its moment alone, so two runs suffer the same.
type Faults struct {
	cfg  FaultConfig
	past map[string][]page // per target, oldest first, as long as Delay needs them
}

type page struct {
	at   time.Time
	text []byte
}

// ErrLost is a scrape that failed by a fault.
var ErrLost = errors.New("scrape lost")

// NewFaults checks the configuration.
func NewFaults(cfg FaultConfig) (*Faults, error) {
	var p problems
	p.want(cfg.Gap >= 0 && cfg.Gap <= 1, "gap: want [0, 1], got %g", cfg.Gap)
	p.want(cfg.NaN >= 0 && cfg.NaN <= 1, "nan: want [0, 1], got %g", cfg.NaN)
	p.want(cfg.Delay >= 0, "delay: want at least 0, got %v", cfg.Delay)
	for i, o := range cfg.Outages {
		p.want(o.To.After(o.From), "outages[%d]: want an end after its start, got %v", i, o)
	}
	if err := p.join(); err != nil {
		return nil, fmt.Errorf("faults: %w", err)
	}
	return &Faults{cfg: cfg, past: map[string][]page{}}, nil
}

// Lost says whether the scrape of a target at a moment fails.
func (f *Faults) Lost(target string, at time.Time) bool {
	for _, o := range f.cfg.Outages {
		if !at.Before(o.From) && at.Before(o.To) {
			return true
		}
	}
	return f.cfg.Gap > 0 && f.chance(target, at) < f.cfg.Gap
}

// Garbled says whether a sample of a target reads as NaN at a moment.
func (f *Faults) Garbled(target, metric string, at time.Time) bool {
	if f.cfg.NaN == 0 || (len(f.cfg.Names) > 0 && !slices.Contains(f.cfg.Names, metric)) {
		return false
	}
	return f.chance(target+" "+metric, at) < f.cfg.NaN
}

// Delay is how old what is read is.
func (f *Faults) Delay() time.Duration { return f.cfg.Delay }

// chance is a uniform number fixed by the seed, a name and a moment.
func (f *Faults) chance(name string, at time.Time) float64 {
	h := mix(f.cfg.Seed ^ mix(purposeFaults) ^ mix(hashName(name)) ^ mix(uint64(at.UnixNano())))
	return float64(h>>11) / (1 << 53)
}

// Apply is what a scraper reads of a target at a moment instead of the text. Nothing was there to read
// before the target is as old as the delay.
func (f *Faults) Apply(target string, at time.Time, text []byte) ([]byte, error) {
	if f.cfg.Delay > 0 {
		f.past[target] = append(f.past[target], page{at, bytes.Clone(text)})
	}
	if f.Lost(target, at) {
		return nil, fmt.Errorf("scrape %s at %s: %w", target, at.UTC().Format(time.RFC3339), ErrLost)
	}
	if f.cfg.Delay > 0 {
		old, ok := f.old(target, at)
		if !ok {
			return nil, fmt.Errorf("scrape %s at %s: nothing %v ago: %w", target, at.UTC().Format(time.RFC3339),
				f.cfg.Delay, ErrLost)
		}
		text = old
	}
	if f.cfg.NaN == 0 {
		return text, nil
	}
	return f.garble(target, at, text), nil
}

// old is the newest page that is at least Delay old; older ones are forgotten.
func (f *Faults) old(target string, at time.Time) ([]byte, bool) {
	pages, newest := f.past[target], -1
	for i, p := range pages {
		if !p.at.After(at.Add(-f.cfg.Delay)) {
			newest = i
		}
	}
	if newest < 0 {
		return nil, false
	}
	f.past[target] = pages[newest:]
	return pages[newest].text, true
}

func (f *Faults) garble(target string, at time.Time, text []byte) []byte {
	var out []byte
	for line := range bytes.Lines(text) {
		name := string(line[:max(0, bytes.IndexAny(line, "{ "))])
		cut := bytes.LastIndexByte(line, ' ')
		if cut > 0 && line[0] != '#' && f.Garbled(target, family(name), at) {
			out = append(append(out, line[:cut]...), " NaN\n"...)
			continue
		}
		out = append(out, line...)
	}
	return out
}

// family is the name of a histogram's metric, so that its series are hit together.
func family(name string) string {
	for _, end := range []string{"_bucket", "_sum", "_count"} {
		if stem, ok := strings.CutSuffix(name, end); ok {
			return stem
		}
	}
	return name
}
