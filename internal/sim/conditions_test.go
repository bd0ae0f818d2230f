package sim

import (
	"strings"
	"testing"
	"time"
)

func TestConditionsReportEverythingAtOnce(t *testing.T) {
	err := Conditions{
		Quota: -1, WarmUpSpread: 2, SpeedSpread: -1, Lost: 1.1, NaN: -0.1, Delay: 2 * time.Hour, Sight: "blind",
		Outages: []Outage{{After: time.Hour}},
	}.Check()
	if err == nil {
		t.Fatal("want an error")
	}
	for _, flag := range []string{
		"--gpu-quota", "--warm-up-spread", "--speed-spread", "--scrapes-lost", "--scrapes-nan", "--scrape-delay", "--sight", "--outage",
	} {
		if !strings.Contains(err.Error(), flag) {
			t.Errorf("want %s in %v", flag, err)
		}
	}
	if err := (Conditions{Quota: 8, Lost: 1, Sight: Scraped}).Check(); err != nil {
		t.Errorf("want sound conditions to pass, got %v", err)
	}
}

func TestOutagesAreAStartAndALength(t *testing.T) {
	o, err := ParseOutage("200h/30m")
	if err != nil || o != (Outage{200 * time.Hour, 30 * time.Minute}) {
		t.Errorf("got %v, %v", o, err)
	}
	if again, err := ParseOutage(o.String()); err != nil || again != o {
		t.Errorf("want what is printed to be read again, got %v, %v", again, err)
	}
	for _, bad := range []string{"", "200h", "200h/", "a/b", "1h/2h/3h"} {
		if o, err := ParseOutage(bad); err == nil || !strings.Contains(err.Error(), "START/LENGTH") {
			t.Errorf("%q: want a refusal, got %v, %v", bad, o, err)
		}
	}
}

// TestConditionsOfAFleet: each fleet has a quota of its own, half of its warm-ups are longer than before, and no two pods
// are alike.
func TestConditionsOfAFleet(t *testing.T) {
	fc := DefaultFleet()
	fc.WarmUp, fc.Replicas = WarmUp{Mean: 100 * time.Second}, 200
	fc.More = []VariantConfig{{Deployment: "more", Replica: fc.Replica, WarmUp: fc.WarmUp, GPUs: 1}}
	c := Conditions{Quota: 1000, WarmUpSpread: 0.5, SpeedSpread: 0.3}
	one, two := c.Burden(fc), c.Burden(fc)
	if one.Quota == two.Quota || one.Quota.Limit != 1000 {
		t.Errorf("want a quota for each fleet, got %p and %p", one.Quota, two.Quota)
	}
	if one.More[0].Spread != 0.3 || one.More[0].WarmUp != one.WarmUp || fc.More[0].Spread != 0 {
		t.Errorf("want every variant under the conditions, and the configuration left as it is, got %+v", one.More)
	}
	src, err := NewWorkload(DefaultWorkload())
	if err != nil {
		t.Fatal(err)
	}
	f, err := NewFleet(one, src)
	if err != nil {
		t.Fatal(err)
	}
	longer, speeds := 0, map[float64]bool{}
	for _, p := range f.Pods() {
		if p.warmUp > 100 {
			longer++
		}
		speeds[p.Replica().cfg.PrefillRate] = true
	}
	if longer < 80 || longer > 120 || len(speeds) != 200 {
		t.Errorf("want half of 200 warm-ups longer and 200 speeds, got %d and %d", longer, len(speeds))
	}
	slots := DefaultSlots()
	if v := slots.Vary(1, 0.3); v == slots || v != slots.Vary(1, 0.3) {
		t.Errorf("want slots that vary by the seed, got %+v", v)
	}
	if fast := DefaultReplica().Faster(2); fast.PrefillRate != 28_000 || fast.IterationBase != 7500*time.Microsecond {
		t.Errorf("want all of it twice as fast, got %+v", fast)
	}
}
