package predictor

import (
	"encoding/json"
	"testing"
	"time"
)

func cron(tb testing.TB, text string) Cron {
	tb.Helper()
	c, err := ParseCron(text)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestCronFires(t *testing.T) {
	monday := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		cron         string
		after, until time.Duration // since Monday midnight
		want         time.Duration // -1: never
	}{
		"at nine on a working day":          {"0 9 * * 1-5", 0, 10 * time.Hour, 9 * time.Hour},
		"not before nine":                   {"0 9 * * 1-5", 0, 9*time.Hour - time.Second, -1},
		"at nine sharp":                     {"0 9 * * 1-5", 8 * time.Hour, 9 * time.Hour, 9 * time.Hour},
		"what fired before is not asked":    {"0 9 * * 1-5", 9 * time.Hour, 10 * time.Hour, -1},
		"not on Sunday":                     {"0 9 * * 1-5", 5 * 24 * time.Hour, 7 * 24 * time.Hour, -1},
		"Sunday is 7":                       {"0 9 * * 7", 0, 7 * 24 * time.Hour, 6*24*time.Hour + 9*time.Hour},
		"every quarter of an hour":          {"*/15 * * * *", 0, 50 * time.Minute, 45 * time.Minute},
		"from ten past, every half hour":    {"10/30 * * * *", 0, 59 * time.Minute, 40 * time.Minute},
		"a list":                            {"0 3,7 * * *", 0, 8 * time.Hour, 7 * time.Hour},
		"either day field, if both are set": {"0 0 25 * 2", 0, 3 * 24 * time.Hour, 2 * 24 * time.Hour},
		"another month":                     {"0 0 * 12 *", 0, 7 * 24 * time.Hour, -1},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := cron(t, tc.cron).last(monday.Add(tc.after), monday.Add(tc.until))
			if ok != (tc.want >= 0) || ok && got.Sub(monday) != tc.want {
				t.Errorf("fires %v, %v; want %v", got, ok, tc.want)
			}
		})
	}
}

func TestCronRefuses(t *testing.T) {
	for _, text := range []string{"", "@daily", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "5-1 * * * *", "*/0 * * * *", "a * * * *", "1-b * * * *"} {
		if c, err := ParseCron(text); err == nil {
			t.Errorf("%q passes as %v", text, c)
		}
	}
}

func TestEventsRaiseTheForecast(t *testing.T) {
	const ten = 10 * time.Minute
	for name, tc := range map[string]struct {
		cron     string // noon + 60 minutes of 8/s is 13:00
		zone     *time.Location
		want     float64 // least median
		announce bool
	}{
		"one that begins within the horizon": {"5 13 * * *", nil, 16, true},
		"one that has begun":                 {"50 12 * * *", nil, 16, true},
		"one that is over":                   {"0 12 * * *", nil, 8, false},
		"one that is too far away":           {"30 13 * * *", nil, 8, false},
		"one in another time zone":           {"5 14 * * *", time.FixedZone("x", 3600), 16, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHistory()
			live(h, steady(8), 0, 60)
			at := noon.Add(time.Hour)
			h.Add(at, 8)
			plain := NewForecaster(nil, 0).Forecast(h, at, []time.Duration{ten})
			f := plain.Raised(h, []Event{{Begin: cron(t, tc.cron), Location: tc.zone, For: 30 * time.Minute, Multiplier: 2}})
			if got := f.Max(ten, 0.5); got < tc.want-0.1 || (f.Event() == 2) != tc.announce {
				t.Errorf("median %g, event %g; want at least %g", got, f.Event(), tc.want)
			}
			if !tc.announce && f.Max(ten, 0.95) != plain.Max(ten, 0.95) {
				t.Error("an event that is not there changes the forecast")
			}
			if f.Max(ten, 0.95) < plain.Max(ten, 0.95) {
				t.Error("an event lowers the forecast")
			}
		})
	}
}

func TestAnEventSurvivesJSON(t *testing.T) {
	e := Event{Begin: cron(t, "0 9 * * 1-5"), Zone: "Europe/Berlin", For: time.Hour, Multiplier: 2}
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var back Event
	if err := json.Unmarshal(b, &back); err != nil || !back.Equal(e) {
		t.Errorf("%s came back as %+v, %v", b, back, err)
	}
}

// TestDemandThatWasAnnouncedIsNotCountedTwice: an event's floor stands under the forecast, and the jump that it brings
// moves the forecast, not the floor; while it lasts it keeps a margin.
func TestDemandThatWasAnnouncedIsNotCountedTwice(t *testing.T) {
	const lead, base, times = 5 * time.Minute, 10, 3
	h, f := newHistory(), NewForecaster(nil, 0)
	began := day + 60
	l := noisy(steady(base).then(began, steady(base*times)), 1)
	live(h, l, 0, began-4)
	events := []Event{{Begin: cron(t, "0 13 * * *"), For: time.Hour, Multiplier: times}}
	for m := began - 4; m < began+10; m++ {
		made := f.Forecast(h, h.Seen(), []time.Duration{lead}).Raised(h, events)
		live(h, l, m, m+1)
		now := made.Shifted(h.Rate(), h.Top())
		if got := now.Max(lead, 0.5); got < 0.97*base*times {
			t.Errorf("minute %d of the event: a median of %g, less than was announced", m-began, got)
		}
		plain := made.unannounced().Shifted(h.Rate(), h.Top())
		if got := now.Max(lead, 0.92); got < 1.01*base*times || got > max(1.35*base*times, plain.Max(lead, 0.92)) {
			t.Errorf("minute %d of the event: %g req/s to carry, for the %d that were announced", m-began, got, base*times)
		}
	}
}

// TestEventsInARowAreOne: the hour before a later one has the demand of the one before.
func TestEventsInARowAreOne(t *testing.T) {
	const ten = 10 * time.Minute
	h := newHistory()
	live(h, steady(10).then(60, steady(30)), 0, 176) // from 13:00 on, and it is 14:56
	events := []Event{{Begin: cron(t, "0 13-17 * * *"), For: time.Hour, Multiplier: 3}}
	plain := NewForecaster(nil, 0).Forecast(h, h.Seen(), []time.Duration{ten})
	if got, alone := plain.Raised(h, events).Max(ten, 0.92), plain.Max(ten, 0.92); got > 1.3*max(alone, 30) {
		t.Errorf("%g req/s expected at three times 10, %g without the events", got, alone)
	}
}

// unannounced is a forecast without what events announce.
func (f Forecast) unannounced() Forecast {
	f.floor = nil
	return f
}
