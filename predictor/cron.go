package predictor

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Cron is a parsed crontab schedule of five fields, minute, hour, day of month,
// month and day of week: each a star, a number, a range a-b or a list of these,
// with /step. As in cron, a day has to match either day field if both are
// restricted. Sunday is 0 or 7. The zero value never fires.
type Cron struct {
	text                           string
	minute, hour, day, month, week uint64 // bit per value
	anyDay, anyWeek                bool
}

var cronFields = []struct {
	name     string
	min, max int
}{{"minute", 0, 59}, {"hour", 0, 23}, {"day of month", 1, 31}, {"month", 1, 12}, {"day of week", 0, 7}}

// ParseCron reads a schedule, for example "0 9 * * 1-5".
func ParseCron(text string) (Cron, error) {
	fields := strings.Fields(text)
	if len(fields) != len(cronFields) {
		return Cron{}, fmt.Errorf("want 5 fields (minute hour day month weekday), got %d", len(fields))
	}
	var bits [5]uint64
	for i, f := range fields {
		var err error
		if bits[i], err = cronBits(f, cronFields[i].min, cronFields[i].max); err != nil {
			return Cron{}, fmt.Errorf("%s: %w", cronFields[i].name, err)
		}
	}
	bits[4] |= bits[4] >> 7 & 1
	return Cron{
		text: strings.Join(fields, " "), minute: bits[0], hour: bits[1], day: bits[2], month: bits[3], week: bits[4],
		anyDay: fields[2] == "*", anyWeek: fields[4] == "*",
	}, nil
}

func cronBits(field string, low, high int) (bits uint64, err error) {
	for part := range strings.SplitSeq(field, ",") {
		span, step, stepped := strings.Cut(part, "/")
		every := 1
		if stepped {
			if every, err = strconv.Atoi(step); err != nil || every < 1 {
				return 0, fmt.Errorf("want a step above 0, got %q", step)
			}
		}
		from, to, err := cronSpan(span, stepped, low, high)
		if err != nil {
			return 0, err
		}
		for v := from; v <= to; v += every {
			bits |= 1 << v
		}
	}
	return bits, nil
}

// cronSpan reads *, a number or a range; a number with a step begins an open range.
func cronSpan(span string, stepped bool, low, high int) (from, to int, err error) {
	if span == "*" {
		return low, high, nil
	}
	a, b, ranged := strings.Cut(span, "-")
	if from, err = strconv.Atoi(a); err != nil {
		return 0, 0, fmt.Errorf("want a number or *, got %q", a)
	}
	switch {
	case ranged:
		if to, err = strconv.Atoi(b); err != nil {
			return 0, 0, fmt.Errorf("want a number, got %q", b)
		}
	case stepped:
		to = high
	default:
		to = from
	}
	if from < low || to > high || from > to {
		return 0, 0, fmt.Errorf("want %d to %d in order, got %q", low, high, span)
	}
	return from, to, nil
}

// String is the schedule as it was given.
func (c Cron) String() string { return c.text }

// MarshalText writes the schedule.
func (c Cron) MarshalText() ([]byte, error) { return []byte(c.text), nil }

// UnmarshalText reads what MarshalText wrote.
func (c *Cron) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*c = Cron{}
		return nil
	}
	*c, err = ParseCron(string(b))
	return err
}

// last is the newest firing within (after, upTo], in the time zone of upTo; false
// if there is none.
func (c Cron) last(after, upTo time.Time) (time.Time, bool) {
	t := upTo.Truncate(time.Minute)
	for t.After(after) {
		switch {
		case !c.onDay(t):
			t = time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location()).Add(-time.Minute)
		case c.hour>>t.Hour()&1 == 0:
			t = t.Add(-time.Duration(t.Minute()+1) * time.Minute)
		case c.minute>>t.Minute()&1 == 0:
			t = t.Add(-time.Minute)
		default:
			return t, true
		}
	}
	return time.Time{}, false
}

func (c Cron) onDay(t time.Time) bool {
	if c.month>>int(t.Month())&1 == 0 {
		return false
	}
	day, week := c.day>>t.Day()&1 == 1, c.week>>int(t.Weekday())&1 == 1
	if c.anyDay || c.anyWeek {
		return day && week
	}
	return day || week
}
