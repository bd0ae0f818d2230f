package trace

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"
)

// azureLayout also takes fractions of a second; the traces of 2024 add the zone.
const azureLayout = "2006-01-02 15:04:05"

// parseAzure reads a line of the Azure LLM inference traces of 2023 and 2024.
func (r *Requests) parseAzure(head []string) (Request, error) {
	c, err := r.l.cut(head)
	if err != nil {
		return Request{}, err
	}
	var f faults
	text := strings.TrimSpace(c.cells[0])
	at, err := time.Parse(azureLayout, text)
	if err != nil {
		at, err = time.Parse(azureLayout+"Z07:00", text)
	}
	if err != nil {
		f.add(r.l.wrong(head[0], azureLayout, c.cells[0]))
	}
	if r.origin.IsZero() {
		r.origin = at.UTC()
	}
	prompt, err := c.count(1)
	f.add(err)
	output, err := c.count(2)
	f.add(err)
	return Request{At: at.Sub(r.origin), Prompt: prompt, Output: output}, f.join()
}

// parseBurst reads BurstGPT, whose columns are found by name: versions differ in order and number.
// A response of no tokens is a failure in the source.
func parseBurst(l *lines, head []string) func() (Request, error) {
	at := slices.Index(head, burstHead[0])
	prompt, output := slices.Index(head, burstHead[1]), slices.Index(head, burstHead[2])
	return func() (Request, error) {
		r, err := l.cut(head)
		if err != nil {
			return Request{}, err
		}
		var f faults
		seconds, err := r.amount(at, false)
		f.add(err)
		if seconds > maxCount {
			f.add(l.wrong(head[at], "seconds from 0 to 2^31", r.cells[at]))
			seconds = 0
		}
		in, err := r.count(prompt)
		f.add(err)
		out, err := r.count(output)
		f.add(err)
		return Request{At: time.Duration(seconds * float64(time.Second)), Prompt: in, Output: out}, f.join()
	}
}

const (
	mooncakeBlock = 512 // tokens behind one hash id
	// maxBlockID bounds the memory of the blocks seen: ids are counted up from 0 in the published traces.
	maxBlockID = 1 << 27
)

// mooncake reads Mooncake's JSON lines. The blocks seen so far are a bit each.
type mooncake struct {
	l    *lines
	seen []uint64
}

func (m *mooncake) parse() (Request, error) {
	var in struct {
		Timestamp *float64 `json:"timestamp"` // ms
		Input     *int     `json:"input_length"`
		Output    *int     `json:"output_length"`
		Hash      []uint64 `json:"hash_ids"`
	}
	if err := json.Unmarshal([]byte(m.l.text), &in); err != nil {
		return Request{}, m.l.wrong("", "an object with timestamp, input_length, output_length and hash_ids",
			err.Error()+": "+m.l.text)
	}
	var f faults
	if in.Timestamp == nil || *in.Timestamp < 0 || *in.Timestamp > 1000*float64(maxCount) {
		f.add(m.l.wrong("timestamp", "milliseconds of at least 0", m.l.text))
	}
	for _, c := range []struct {
		name  string
		value *int
	}{{"input_length", in.Input}, {"output_length", in.Output}} {
		if c.value == nil || *c.value < 0 || *c.value > maxCount {
			f.add(m.l.wrong(c.name, "a whole number from 0 to 2^31", m.l.text))
		}
	}
	if err := f.join(); err != nil {
		return Request{}, err
	}
	at := time.Duration(math.Round(*in.Timestamp * float64(time.Millisecond)))
	q := Request{At: at, Prompt: *in.Input, Output: *in.Output, Session: conversation(in.Hash)}
	q.Cached = min(q.Prompt, m.look(in.Hash)*mooncakeBlock)
	return q, nil
}

// conversation is the second block's id: the first is a system prompt that all share. Ids count from 0,
// which here means that the session is not known, so one is added.
func conversation(hash []uint64) uint64 {
	if len(hash) < 2 {
		return 0
	}
	return hash[1] + 1
}

// look counts the leading blocks seen before and remembers all.
func (m *mooncake) look(hash []uint64) (hits int) {
	leading := true
	for _, id := range hash {
		if id >= maxBlockID {
			leading = false
			continue
		}
		for id/64 >= uint64(len(m.seen)) {
			m.seen = append(m.seen, 0)
		}
		bit := uint64(1) << (id % 64)
		if leading = leading && m.seen[id/64]&bit != 0; leading {
			hits++
		}
		m.seen[id/64] |= bit
	}
	return hits
}
