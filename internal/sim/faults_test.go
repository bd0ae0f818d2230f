package sim

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

const page3 = "# TYPE a gauge\na{x=\"1 2\"} 1\n# TYPE h histogram\nh_bucket{le=\"1.0\"} 2\nh_sum 3\nh_count 2\n"

func faults(t *testing.T, cfg FaultConfig) *Faults {
	t.Helper()
	f, err := NewFaults(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFaults(t *testing.T) {
	start := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	t.Run("none", func(t *testing.T) {
		got, err := faults(t, FaultConfig{}).Apply("p", start, []byte(page3))
		if err != nil || string(got) != page3 {
			t.Errorf("want the text as it is, got %q, %v", got, err)
		}
	})
	t.Run("gaps come as often as asked, and the same again", func(t *testing.T) {
		lost := func() (n int) {
			f := faults(t, FaultConfig{Seed: 1, Gap: 0.2})
			for i := range 1000 {
				if _, err := f.Apply("p", start.Add(time.Duration(i)*15*time.Second), nil); errors.Is(err, ErrLost) {
					n++
				}
			}
			return n
		}
		if n := lost(); n < 160 || n > 240 || n != lost() {
			t.Errorf("want about 200 of 1,000 lost, got %d and %d", n, lost())
		}
	})
	t.Run("an outage ends when it ends", func(t *testing.T) {
		f := faults(t, FaultConfig{Outages: []Span{{start, start.Add(time.Minute)}}})
		if !f.Lost("p", start) || f.Lost("p", start.Add(time.Minute)) || f.Lost("p", start.Add(-1)) {
			t.Error("want the first minute lost")
		}
	})
	t.Run("delay serves what was there", func(t *testing.T) {
		f := faults(t, FaultConfig{Delay: 30 * time.Second})
		for i := range 10 {
			got, err := f.Apply("p", start.Add(time.Duration(i)*15*time.Second), fmt.Append(nil, i))
			if i < 2 && err == nil || i >= 2 && string(got) != fmt.Sprint(i-2) {
				t.Errorf("scrape %d: got %q, %v", i, got, err)
			}
		}
		if n := len(f.past["p"]); n > 3 {
			t.Errorf("want no more pages kept than needed, got %d", n)
		}
	})
	t.Run("NaN hits the named metric, a histogram as a whole", func(t *testing.T) {
		f := faults(t, FaultConfig{NaN: 1, Names: []string{"h"}})
		got, err := f.Apply("p", start, []byte(page3))
		want := strings.NewReplacer("} 2", "} NaN", "sum 3", "sum NaN", "count 2", "count NaN").Replace(page3)
		if err != nil || string(got) != want {
			t.Errorf("want %q, got %q, %v", want, got, err)
		}
	})
	t.Run("out of range", func(t *testing.T) {
		_, err := NewFaults(FaultConfig{Gap: 2, NaN: -1, Delay: -1, Outages: []Span{{start, start}}})
		for _, field := range []string{"gap", "nan", "delay", "outages[0]"} {
			if err == nil || !strings.Contains(err.Error(), field) {
				t.Errorf("want an error on %s, got %v", field, err)
			}
		}
	})
}
