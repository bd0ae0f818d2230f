package signals

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
)

func TestClientDoesNotRepeatWhatIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		code int
		want int
	}{
		"a bad query is asked once":                {400, 1},
		"a busy server is asked again":             {429, 3},
		"a failing server waits for the next tick": {500, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := newFaultProm(t, 1)
			p.breakWith(func(w http.ResponseWriter, r *http.Request) bool {
				w.Header().Set("Retry-After", "0")
				return status(tc.code, "text/plain", "no")(w, r)
			})
			_, err := p.client(t, func(o *SourceOptions) { o.Retries = 2 }).Query(t.Context(), "up", epoch)
			if err == nil || len(p.queries()) != tc.want {
				t.Errorf("want %d requests and an error, got %d, %v", tc.want, len(p.queries()), err)
			}
		})
	}
}

// script is a round tripper that answers from a list.
type script struct {
	answers []reply
	at      []time.Duration
	began   time.Time
}

func (s *script) RoundTrip(*http.Request) (*http.Response, error) {
	s.at = append(s.at, time.Since(s.began))
	return s.answers[min(len(s.at), len(s.answers))-1].response(), nil
}

// reply is one answer of a script: a status and header pairs.
type reply struct {
	code   int
	header []string
}

func (r reply) response() *http.Response {
	h := http.Header{}
	for i := 0; i+1 < len(r.header); i += 2 {
		h.Set(r.header[i], r.header[i+1])
	}
	return &http.Response{StatusCode: r.code, Status: http.StatusText(r.code), Header: h, Body: http.NoBody}
}

func TestRetriesWaitAsToldAndNoLonger(t *testing.T) {
	date := "Mon, 02 Mar 2026 09:00:00 GMT"
	for name, tc := range map[string]struct {
		answers []reply
		want    []time.Duration // moments of the requests
		fails   bool
	}{
		"told two seconds": {
			[]reply{{429, []string{"Retry-After", "2"}}, {code: 200}}, []time.Duration{0, 2 * time.Second}, false,
		},
		"told a date": {
			[]reply{{503, []string{"Retry-After", "Mon, 02 Mar 2026 09:00:03 GMT", "Date", date}}, {code: 200}},
			[]time.Duration{0, 3 * time.Second},
			false,
		},
		"not told: doubling": {
			[]reply{{code: 429}, {code: 429}, {code: 200}},
			[]time.Duration{0, 500 * time.Millisecond, 1500 * time.Millisecond},
			false,
		},
		"told longer than useful": {
			[]reply{{429, []string{"Retry-After", "3600"}}}, []time.Duration{0}, true,
		},
		"a query timeout is no 'later'": {
			[]reply{{503, []string{"Content-Type", "application/json"}}}, []time.Duration{0}, false,
		},
		"an error is final": {[]reply{{code: 500}}, []time.Duration{0}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: tc.answers, began: time.Now()}
				r := &retrier{
					next: s, limiter: rate.NewLimiter(rate.Inf, 1), retries: 2, longest: 10 * time.Second,
					jitter: func(d time.Duration) time.Duration { return d },
				}
				req, _ := http.NewRequestWithContext(
					t.Context(), http.MethodPost, "http://x", strings.NewReader("query=up"),
				)
				resp, err := r.RoundTrip(req)
				if (err != nil) != tc.fails {
					t.Fatalf("want failure %v, got %v", tc.fails, err)
				}
				if err == nil {
					_ = resp.Body.Close()
				}
				if len(s.at) != len(tc.want) {
					t.Fatalf("want requests at %v, got %v", tc.want, s.at)
				}
				for i := range s.at {
					if s.at[i] != tc.want[i] {
						t.Errorf("want requests at %v, got %v", tc.want, s.at)
					}
				}
			})
		})
	}
}

func TestRetryEndsWithTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		s := &script{answers: []reply{{429, []string{"Retry-After", "5"}}}, began: time.Now()}
		r := &retrier{
			next: s, limiter: rate.NewLimiter(rate.Inf, 1), retries: 2, longest: time.Minute, jitter: halfJitter,
		}
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://x", nil)
		_, err := r.RoundTrip(req) //nolint:bodyclose // there is none on an error
		if kindOf(err) != Unreachable || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("want a busy server at the deadline, got %v", err)
		}
	})
}

func TestClientSendsFixedParameters(t *testing.T) {
	p := newFaultProm(t, 1)
	c := p.client(t, func(o *SourceOptions) { o.QueryParameters = map[string]string{"dedup": "true"} })
	if _, err := c.Query(t.Context(), "up", epoch); err != nil {
		t.Fatal(err)
	}
	form := url.Values(p.forms[0])
	fixed := form.Get("dedup") == "true" && form.Get("query") == "up"
	if !fixed || form.Get("timeout") == "" || form.Get("limit") == "" {
		t.Errorf("want dedup, query, timeout and limit, got %v", form)
	}
}

func TestClientReadsThroughAServerThatAllowsOnlyGet(t *testing.T) {
	p := newFaultProm(t, 1)
	p.add(t, "up", Sample{T: epoch, V: 1})
	p.breakWith(func(w http.ResponseWriter, r *http.Request) bool {
		return r.Method == http.MethodPost && status(405, "text/plain", "no")(w, r)
	})
	r, err := p.client(t).Query(t.Context(), "up", epoch)
	if err != nil || r.Samples != 1 {
		t.Fatalf("want one sample by GET, got %+v, %v", r, err)
	}
}
