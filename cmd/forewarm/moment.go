package main

import (
	"strings"
	"time"

	"github.com/forewarm/forewarm/internal/config"
)

// moment reads --at: empty is now, -2h is two hours ago, else RFC 3339.
func moment(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return now, nil
	}
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		d, err := config.ParseDuration(rest)
		if err != nil || d < 0 {
			return time.Time{}, usage("--at: want a time such as 2026-09-01T12:00:00Z or -2h, got %q", s)
		}
		return now.Add(-d.Std()), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, usage("--at: want a time such as 2026-09-01T12:00:00Z or -2h, got %q", s)
	}
	if t.After(now) {
		return time.Time{}, usage("--at: want a time that has been, got %s", s)
	}
	return t, nil
}
