package sim

import (
	"math"
	"strings"
	"testing"
	"time"
)

func take(w *Workload, length, step time.Duration) []Arrival {
	var all []Arrival
	for to := step; to <= length; to += step {
		for {
			a, ok := w.Next(w.cfg.Start.Add(to))
			if !ok {
				break
			}
			all = append(all, a)
		}
	}
	return all
}

func TestWorkloadIsTheSameHoweverItIsAsked(t *testing.T) {
	a := take(newWorkload(t, DefaultWorkload()), 24*time.Hour, 24*time.Hour)
	b := take(newWorkload(t, DefaultWorkload()), 24*time.Hour, 7*time.Second)
	if len(a) < 100_000 || len(a)-len(b) > 5 { // the last odd seconds are not asked for
		t.Fatalf("want about as many, got %d and %d", len(a), len(b))
	}
	for i := range b {
		if a[i] != b[i] {
			t.Fatalf("arrival %d: %v and %v", i, a[i], b[i])
		}
		if i > 0 && b[i].At.Before(b[i-1].At) {
			t.Fatalf("arrival %d is before the one before it", i)
		}
	}
	other := DefaultWorkload()
	other.Seed++
	if c := take(newWorkload(t, other), time.Hour, time.Hour); c[0] == a[0] {
		t.Error("another seed gives the same first arrival")
	}
}

func TestWorkloadFollowsItsRate(t *testing.T) {
	c := DefaultWorkload()
	c.Burst = 1
	w := newWorkload(t, c)
	const hours = 48
	var got, want [hours]float64
	for _, a := range take(w, hours*time.Hour, time.Hour) {
		got[int(a.At.Sub(c.Start).Hours())]++
	}
	for h := range want {
		for s := 5; s < 3600; s += 10 {
			want[h] += 10 * w.Rate(c.Start.Add(time.Duration(3600*h+s)*time.Second))
		}
		if math.Abs(got[h]-want[h]) > 5*math.Sqrt(want[h])+5 {
			t.Errorf("hour %d: want %.0f arrivals, got %.0f", h, want[h], got[h])
		}
	}
}

func TestRateShape(t *testing.T) {
	c := DefaultWorkload()
	c.Wander, c.Crowds = 0, Crowds{}
	c.TrendPerDay = 0.1
	w := newWorkload(t, c)
	at := func(day int, hour float64) float64 {
		return w.Rate(c.Start.Add(time.Duration((24*float64(day) + hour) * float64(time.Hour))))
	}
	for name, tc := range map[string]struct{ got, want float64 }{
		"peak of the first day, a Monday":    {at(0, 14), c.PeakRate * math.Pow(1.1, 14.0/24)},
		"trough opposite the peak":           {at(0, 2), c.PeakRate * c.Trough * math.Pow(1.1, 2.0/24)},
		"a day later it has grown by 10 %":   {at(1, 14) / at(0, 14), 1.1},
		"Saturday is half of what it was":    {at(5, 14) / at(4, 14), 0.5 * 1.1},
		"Monday again":                       {at(7, 14) / at(0, 14), math.Pow(1.1, 7)},
		"before the start there is nothing":  {at(0, -1), 0},
		"a flat day has the peak rate at 02": {newWorkload(t, flat(3)).Rate(c.Start.Add(2 * time.Hour)), 3},
	} {
		if !near(tc.got, tc.want) {
			t.Errorf("%s: want %g, got %g", name, tc.want, tc.got)
		}
	}
}

func TestFlashCrowds(t *testing.T) {
	c := flat(1)
	c.Crowds = Crowds{PerDay: 1, Factor: 4, Rise: time.Minute, Length: 30 * time.Minute}
	w := newWorkload(t, c)
	busy, top := 0, 0.0
	const days = 60
	for m := range days * 24 * 60 {
		if r := w.Rate(c.Start.Add(time.Duration(m) * time.Minute)); r > 1 {
			busy++
			top = max(top, r)
		}
	}
	if mean := float64(busy) / days; mean < 15 || mean > 45 {
		t.Errorf("want about 30 busy minutes a day, got %g", mean)
	}
	if top < 3 || top > 40 {
		t.Errorf("want the largest crowd at 4 to 5.5 times, more if two meet, got %g", top)
	}
}

func TestBurstAndLengths(t *testing.T) {
	for _, burst := range []float64{0.5, 1, 3} {
		c := flat(2)
		c.Burst = burst
		all := take(newWorkload(t, c), 24*time.Hour, 24*time.Hour)
		var gaps, squares, prompt, output float64
		for i, a := range all[1:] {
			g := a.At.Sub(all[i].At).Seconds()
			gaps += g
			squares += g * g
			prompt += float64(a.Prompt)
			output += float64(a.Output)
		}
		n := float64(len(all) - 1)
		cv := math.Sqrt(squares/n/(gaps/n*gaps/n) - 1)
		if math.Abs(cv-burst) > 0.1*burst || math.Abs(n/86_400-2) > 0.1 {
			t.Errorf("burst %g: want that variation at 2/s, got %g at %g/s", burst, cv, n/86_400)
		}
		if math.Abs(prompt/n-1000) > 15 || math.Abs(output/n-640) > 10 {
			t.Errorf("want means of 1000 and 640 tokens, got %g and %g", prompt/n, output/n)
		}
	}
}

func TestWorkloadWithoutTraffic(t *testing.T) {
	c := DefaultWorkload()
	c.PeakRate = 0
	if all := take(newWorkload(t, c), 240*time.Hour, time.Hour); len(all) != 0 {
		t.Errorf("want nothing, got %d arrivals", len(all))
	}
}

func TestConfigErrorsComeTogether(t *testing.T) {
	wc := DefaultWorkload()
	wc.PeakRate, wc.Trough, wc.Burst, wc.Prompt.Mean = math.NaN(), 2, 0, 0
	_, err := NewWorkload(wc)
	for _, field := range []string{"peakRate", "trough", "burst", "prompt"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("want an error on %s, got %v", field, err)
		}
	}
	fc := DefaultFleet()
	fc.GPUs, fc.TTFT, fc.Replica.KVBlocks, fc.Replica.PrefixHit = 0, 0, 0, 1
	_, err = NewFleet(fc, &script{})
	for _, field := range []string{"gpus", "ttft", "kvBlocks", "prefixHit"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("want an error on %s, got %v", field, err)
		}
	}
}
