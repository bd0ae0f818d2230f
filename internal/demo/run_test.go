package demo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/forewarm/forewarm/internal/demo/promstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// short is a demo that a test can afford: a few hours before the opening, and
// the morning's rise after it.
func short(span time.Duration) Options {
	return Options{Seed: 1, Span: span, history: 3 * time.Hour, Plain: true}
}

// album is a view that keeps what it is shown.
type album struct {
	frames  []frame
	changes []news
	url     func() string
	urls    []string
	closed  int
}

func (a *album) open(uint64, float64) {}
func (a *album) wants() bool          { return true }
func (a *album) change(n news)        { a.changes = append(a.changes, n) }
func (a *album) say(...string)        {}
func (a *album) close()               { a.closed++ }
func (a *album) picture(f frame) {
	a.frames = append(a.frames, f)
	if f.live {
		a.urls = append(a.urls, a.url())
	}
}

// watch runs a demo and returns what was shown.
func watch(t *testing.T, opts Options) (*album, Result) {
	t.Helper()
	opts, err := opts.withSpan()
	if err != nil {
		t.Fatal(err)
	}
	r := &run{opts: opts}
	a := &album{url: func() string { return r.server.url }}
	r.view = a
	result, err := r.show(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return a, result
}

func TestReplicasFollowTheMorning(t *testing.T) {
	a, result := watch(t, short(5*time.Hour))
	var loads, wanted, plain []float64
	for _, f := range a.frames {
		if f.live {
			loads = append(loads, f.load)
			wanted, plain = append(wanted, float64(f.forewarm.wanted)), append(plain, float64(f.hpa.wanted))
		}
	}
	hour := int(time.Hour / scrapeEvery)
	if early, late := mean(wanted[:hour]), mean(wanted[len(wanted)-hour:]); late < early+1 {
		t.Errorf("the load rises from %.1f to %.1f req/s; Forewarm wants %.1f replicas, then %.1f",
			mean(loads[:hour]), mean(loads[len(loads)-hour:]), early, late)
	}
	for name, counts := range map[string][]float64{"Forewarm": wanted, "plain HPA": plain} {
		if c := correlation(loads, counts); c < 0.7 {
			t.Errorf("%s: want replicas that follow the load, got a correlation of %.2f", name, c)
		}
	}
	if len(a.changes) == 0 || a.changes[0].why == "" {
		t.Errorf("want every change of mind with its reason, got %+v", a.changes)
	}
	if s := result.Forewarm; s.InTime < 0.9 || s.GPUHours <= 0 || s.P95 <= 0 || s.P99 < s.P95 || s.Starts == 0 {
		t.Errorf("want a score that makes sense, got %+v", s)
	}
	if result.Forewarm.Requests != result.HPA.Requests {
		t.Errorf("want the same requests in both worlds, got %d and %d", result.Forewarm.Requests, result.HPA.Requests)
	}
	if a.closed != 1 {
		t.Errorf("want the view closed once, got %d times", a.closed)
	}
}

// With days of history a replica is ordered before the morning needs it, and the
// line says so.
func TestTheMorningIsSeenComing(t *testing.T) {
	if testing.Short() {
		t.Skip("lives through three days")
	}
	opts := short(6 * time.Hour)
	opts.history = historySpan
	a, _ := watch(t, opts)
	for _, n := range a.changes {
		if n.to > n.from && strings.HasPrefix(n.why, "Ahead of a rise: ") {
			return
		}
	}
	t.Errorf("want a replica ordered ahead of the rise, got %+v", a.changes)
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

func correlation(x, y []float64) float64 {
	mx, my := mean(x), mean(y)
	var xy, xx, yy float64
	for i := range x {
		xy, xx, yy = xy+(x[i]-mx)*(y[i]-my), xx+(x[i]-mx)*(x[i]-mx), yy+(y[i]-my)*(y[i]-my)
	}
	return xy / math.Sqrt(xx*yy)
}

func TestBothWorldsAreOneUntilTheOpening(t *testing.T) {
	a, _ := watch(t, short(scrapeEvery))
	for _, f := range a.frames {
		if f.live {
			break
		}
		if diff := cmp.Diff(f.hpa, f.forewarm, cmp.AllowUnexported(column{}, point{})); diff != "" {
			t.Fatalf("at %s (-hpa +forewarm):\n%s", f.at, diff)
		}
	}
}

func TestTheOutcomeDependsOnSeedAndSpanAlone(t *testing.T) {
	_, first := watch(t, short(30*time.Minute))
	paced := short(30 * time.Minute)
	paced.Speed = 18_000
	_, again := watch(t, paced)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("another speed, another result (-max +paced):\n%s", diff)
	}
	other := short(30 * time.Minute)
	other.Seed = 2
	if _, got := watch(t, other); got.Forewarm.Requests == first.Forewarm.Requests {
		t.Errorf("another seed, the same %d requests", first.Forewarm.Requests)
	}
}

func TestNothingListensBeyondLoopback(t *testing.T) {
	a, _ := watch(t, short(time.Minute))
	for _, u := range a.urls {
		parsed, err := url.Parse(u)
		if err != nil {
			t.Fatal(err)
		}
		if at, err := netip.ParseAddrPort(parsed.Host); err != nil || !at.Addr().IsLoopback() {
			t.Fatalf("want a server on loopback, got %s (%v)", u, err)
		}
	}
	if len(a.urls) == 0 {
		t.Error("no live frame")
	}
}

func TestLinesOfTextSayAllAndNothingToATerminal(t *testing.T) {
	var out bytes.Buffer
	opts := short(4 * time.Hour)
	opts.Plain = false // a buffer is no terminal
	if _, err := Run(t.Context(), opts, &out); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\n' }); i >= 0 {
		t.Errorf("want no control characters, got %q", text[i:min(i+20, len(text))])
	}
	for _, want := range []string{
		"Forewarm demo:", "virtual time", "It knows:", "output tokens/s", "forecast",
		"Thu 06:30:00", "Summary of 4h of virtual time", "GPU-hours", "go run ./cmd/demo --seed 1 --span 4h --speed max",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("want %q in:\n%s", want, text)
		}
	}
	if !regexp.MustCompile(`(?m)^Thu \d\d:\d\d:\d\d  Forewarm \d+ -> \d+: [A-Z].+\.$`).MatchString(text) {
		t.Errorf("want every change of mind with its reason in:\n%s", text)
	}
	for l := range strings.Lines(text[strings.Index(text, "\nSummary"):]) {
		if n := len([]rune(l)) - 1; n > 80 {
			t.Errorf("want summary lines of at most 80 characters, got %d: %s", n, l)
		}
	}
}

// stopper ends a context once it was shown a live picture.
type stopper struct {
	album
	stop context.CancelFunc
	when func(f frame) bool
}

func (s *stopper) picture(f frame) {
	s.frames = append(s.frames, f)
	if s.when(f) {
		s.stop()
	}
}

func TestAnEarlyEndStillGivesTheTerminalBack(t *testing.T) {
	for name, tc := range map[string]struct {
		when func(f frame) bool
		want error
	}{
		"while the past is lived through": {func(frame) bool { return true }, ErrInterrupted},
		"while the past is read": {func(f frame) bool {
			return !f.live && strings.Contains(f.stage, "reads")
		}, ErrInterrupted},
		"in the live part": {func(f frame) bool { return f.live && f.at.After(opening.Add(5*time.Minute)) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			opts, err := short(time.Hour).withSpan()
			if err != nil {
				t.Fatal(err)
			}
			s := &stopper{stop: stop, when: tc.when}
			result, err := (&run{opts: opts, view: s}).show(ctx)
			if !errors.Is(err, tc.want) {
				t.Errorf("want error %v, got %v", tc.want, err)
			}
			if s.closed != 1 {
				t.Errorf("want the view closed once, got %d times", s.closed)
			}
			if tc.want == nil && !result.To.After(opening) {
				t.Errorf("want the result so far, got %+v", result)
			}
		})
	}
}

func TestAsFastAsPossibleEndsWithTheRealTime(t *testing.T) {
	opts := short(0)
	opts.For = 500 * time.Millisecond
	if _, result := watch(t, opts); !result.To.After(opening) {
		t.Errorf("want some virtual time to pass, got %s", result.To)
	}
}

func TestImpossibleOptionsAreRefused(t *testing.T) {
	for _, o := range []Options{{For: -1}, {Span: -1}, {Speed: -1}} {
		if _, err := Run(t.Context(), o, io.Discard); err == nil {
			t.Errorf("want %+v refused", o)
		}
	}
}

func TestAShortSpanIsStillOneTick(t *testing.T) {
	o, err := Options{Span: time.Second}.withSpan()
	if err != nil || o.Span != scrapeEvery {
		t.Errorf("want one interval, got %s (%v)", o.Span, err)
	}
	if o, _ = (Options{For: 1 << 62, Speed: 1e9}).withSpan(); o.Span <= 0 {
		t.Errorf("want a bounded span, got %s", o.Span)
	}
}

// What the scrapes saw of first tokens must agree with the fleet's own books.
func TestLatenciesAgreeWithTheBooksOfTheFleet(t *testing.T) {
	w, err := newWorld(scene{seed: 3, history: 24 * time.Hour}, promstore.New(0))
	if err != nil {
		t.Fatal(err)
	}
	h := plainHPA()
	first := 0.0
	for range 10 * time.Hour / scrapeEvery {
		if err := w.follow(h); err != nil {
			t.Fatal(err)
		}
		first += float64(w.fleet.Drain().FirstTokens)
	}
	seen := w.ttft.counts[len(w.ttft.counts)-1]
	if seen > first || seen < 0.999*first {
		t.Errorf("the fleet gave %.0f first tokens, the scrapes saw %.0f", first, seen)
	}
}
