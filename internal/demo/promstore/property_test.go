package promstore

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"pgregory.net/rapid"
)

type point struct {
	t int64
	v float64
}

// naive is what the store must agree with: everything in a map, no chunks, no index.
type naive map[string][]point

func (n naive) between(key string, minT, maxT int64) []point {
	var out []point
	for _, p := range n[key] {
		if p.t >= minT && p.t <= maxT {
			out = append(out, p)
		}
	}
	return out
}

func lset(name, pod string) labels.Labels {
	return labels.FromStrings(model.MetricNameLabel, name, "pod", pod)
}

// fill appends the same random samples to a store and to its naive twin.
func fill(t *rapid.T) (*Store, naive) {
	s, twin := New(0), naive{}
	for _, name := range []string{"a", "b"} {
		for _, pod := range []string{"x", "y", "z"} {
			now := rapid.Int64Range(-5_000, 5_000).Draw(t, "start")
			l := lset(name, pod)
			for range rapid.IntRange(0, 3*headSize+5).Draw(t, "samples") {
				now += rapid.SampledFrom([]int64{1, 10, 15, 15, 15, 400}).Draw(t, "gap")
				v := rapid.Float64().Draw(t, "value")
				if err := s.Append(l, time.UnixMilli(now), v); err != nil {
					t.Fatal(err)
				}
				twin[l.String()] = append(twin[l.String()], point{now, v})
			}
			if rapid.Bool().Draw(t, "seal") {
				s.mu.Lock()
				s.series(l).seal()
				s.mu.Unlock()
			}
		}
	}
	return s, twin
}

// TestSelectMatchesNaive compares what a range query sees with the twin.
func TestSelectMatchesNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, twin := fill(t)
		minT := rapid.Int64Range(-6_000, 20_000).Draw(t, "min")
		maxT := minT + rapid.Int64Range(0, 20_000).Draw(t, "length")
		name := rapid.SampledFrom([]string{"a", "a|b", "b.*", "c"}).Draw(t, "name")
		pod := rapid.SampledFrom([]string{"x", "x|z", ".*", ""}).Draw(t, "pod")
		ms := []*labels.Matcher{
			labels.MustNewMatcher(labels.MatchRegexp, model.MetricNameLabel, name),
			labels.MustNewMatcher(labels.MatchRegexp, "pod", pod),
		}
		q, _ := s.Querier(minT, maxT)
		got := naive{}
		var order []string
		set := q.Select(t.Context(), true, nil, ms...)
		var it chunkenc.Iterator
		for set.Next() {
			key := set.At().Labels().String()
			order = append(order, key)
			for it = set.At().Iterator(it); it.Next() != chunkenc.ValNone; {
				at, v := it.At()
				got[key] = append(got[key], point{at, v})
			}
		}
		if !slices.IsSorted(order) {
			t.Fatalf("want sorted series, got %v", order)
		}
		for _, n := range []string{"a", "b"} {
			for _, p := range []string{"x", "y", "z"} {
				l := lset(n, p)
				var want []point
				if ms[0].Matches(n) && ms[1].Matches(p) {
					want = twin.between(l.String(), minT, maxT)
				}
				if !slices.Equal(want, got[l.String()]) {
					t.Fatalf("%s in [%d, %d]: want %v, got %v", l, minT, maxT, want, got[l.String()])
				}
			}
		}
	})
}

// TestSeekMatchesNaive walks one series with a random mix of Next and Seek.
func TestSeekMatchesNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, twin := fill(t)
		l := lset("a", "x")
		minT := rapid.Int64Range(-6_000, 10_000).Draw(t, "min")
		maxT := minT + rapid.Int64Range(0, 20_000).Draw(t, "length")
		want := twin.between(l.String(), minT, maxT)
		s.mu.Lock()
		it := s.series(l).view(minT, maxT).Iterator(nil)
		s.mu.Unlock()
		pos := -1 // of the twin
		for range rapid.IntRange(1, 50).Draw(t, "moves") {
			var kind chunkenc.ValueType
			if rapid.Bool().Draw(t, "next") {
				pos++
				kind = it.Next()
			} else {
				to := rapid.Int64Range(-6_000, 25_000).Draw(t, "to")
				pos = max(pos, 0)
				for pos < len(want) && want[pos].t < to {
					pos++
				}
				kind = it.Seek(to)
			}
			if (kind == chunkenc.ValFloat) != (pos < len(want)) {
				t.Fatalf("at %d of %d samples: got kind %v", pos, len(want), kind)
			}
			if kind == chunkenc.ValNone {
				return
			}
			if at, v := it.At(); at != want[pos].t || v != want[pos].v {
				t.Fatalf("sample %d: want %v, got %d %g", pos, want[pos], at, v)
			}
		}
	})
}

// FuzzParse reads text twice, so that the second time takes the short way where it applies, and compares
// both with the parser of Prometheus. Two things are left out: comments, of which it refuses malformed ones
// and the store none, and NUL, where it stops reading without a word.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"a 1", "a  1", "a 1 ", "a\t1", `a{x="b c 4"} 12`, `a{x="1 2"} 1.5e-3`, "a NaN", "a +Inf", "a -1", "a 1 1000",
		"a 123456789012345678", "a 1.7976931348623157e308", "a .5", "a 00", "a 1e400", "a 1e", "a x", "a", `a{x="1} 2`,
		" a 3", `{"a b", x="1"} 4`, "a 0x10", "a 1_0", "a -", "a 1 2 3", "a 1\nb 2\n\nc 3", "a 1\nb\na 2", `a{x="\n"} 1`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "#\x00") {
			t.Skip("comment or NUL")
		}
		want, wantErr := wholeText(text)
		target := New(0).Target(TargetOptions{})
		for i := range 2 {
			target.round++
			err := target.parse(0, []byte(text))
			if (err != nil) != (wantErr != nil) {
				t.Fatalf("%q, time %d: want error %v, got %v", text, i+1, wantErr, err)
			}
			var got []point
			for _, f := range target.found {
				got = append(got, point{f.t, f.v})
			}
			if err == nil && fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%q, time %d: want %v, got %v", text, i+1, want, got)
			}
		}
	})
}

func wholeText(line string) ([]point, error) {
	p := textparse.NewPromParser([]byte(line+"\n"), labels.NewSymbolTable(), false)
	var out []point
	for {
		kind, err := p.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if kind == textparse.EntrySeries {
			_, own, v := p.Series()
			q := point{0, v}
			if own != nil {
				q.t = *own
			}
			out = append(out, q)
		}
	}
}

func TestRetention(t *testing.T) {
	s := New(time.Hour)
	alive, brief := pod(s, "alive"), pod(s, "brief")
	for i := range 4 * 240 {
		scrape(t, alive, 15*float64(i), fmt.Sprintf("g %d", i))
		switch {
		case i < 10:
			scrape(t, brief, 15*float64(i), "g 1")
		case i == 10:
			brief.Close(at(150))
		}
	}
	if held, _ := s.Size(); held != 2 {
		t.Errorf("want g and up of the living pod, got %d series", held)
	}
	s.mu.RLock()
	for _, c := range s.byName["g"] {
		if kept := c.maxT - c.minT; kept < 3600_000 || kept > 3600_000+45*60_000 {
			t.Errorf("want a little over an hour, got %d s", kept/1000)
		}
	}
	s.mu.RUnlock()
	scrape(t, brief, 20_000, "g 5")
	if got := query(t, client(t, s, at(20_000)), `g{pod="brief"} + 0`, time.Time{}); got == "" {
		t.Error("a series that comes back after retention is lost")
	}
}

func TestOutOfOrderAndClashes(t *testing.T) {
	s := New(0)
	if err := s.Append(lset("a", "x"), at(1), 1); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(lset("a", "x"), at(1), 2); err == nil {
		t.Error("same time twice: want an error")
	}
	strict := s.Target(TargetOptions{Labels: map[string]string{"job": "ksm", "pod": "ksm-0"}})
	honest := s.Target(TargetOptions{Labels: map[string]string{"job": "honest", "pod": "ksm-0"}, HonorLabels: true})
	scrape(t, strict, 0, `k{pod="p"} 1`, `k{pod="p"} 2`)
	scrape(t, honest, 0, `k{pod="p"} 1`)
	api := client(t, s, at(0))
	if got := query(t, api, `k{pod="ksm-0", exported_pod="p"}`, time.Time{}); got == "" {
		t.Error("clash: want the target's pod and exported_pod")
	}
	if got := query(t, api, `k{pod="p", job="honest"}`, time.Time{}); got == "" {
		t.Error("honor labels: want the series' own pod")
	}
	if err := strict.Scrape(at(15), []byte("k{ 1\n")); err == nil {
		t.Error("broken text: want an error")
	}
	got := query(t, client(t, s, at(16)), `sum(up{job="ksm"}) or k{job="ksm"}`, time.Time{})
	if got != "{} => 0 @[1767603616]" {
		t.Errorf("after broken text: want up 0 and no k, got %s", got)
	}
}

func TestConcurrentScrapesAndQueries(t *testing.T) {
	s := New(30 * time.Minute)
	api := client(t, s, at(0))
	var wg sync.WaitGroup
	for p := range 3 {
		target := pod(s, fmt.Sprint(p))
		wg.Go(func() {
			for i := range 600 {
				if err := target.Scrape(at(15*float64(i)), fmt.Appendf(nil, "g %d\n", i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for i := range 50 {
			if _, _, _, err := api.Query(t.Context(), `sum(rate(g[5m]))`, at(float64(180*i))); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
}
