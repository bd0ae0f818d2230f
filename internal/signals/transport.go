package signals

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/sigv4"
	"golang.org/x/time/rate"
)

const (
	tenantHeader  = "X-Scope-OrgID"
	firstBackoff  = 500 * time.Millisecond
	longestErrDoc = 4 << 10 // bytes read of an error page
)

// newTransport builds the chain, from the outside in:
//
//	judge (caps, content, statuses) -> retry (rate, 429, 503) -> tenant, parameters
//	-> SigV4 -> prometheus/common (auth, TLS, headers)
func newTransport(opt SourceOptions, base *url.URL) (http.RoundTripper, error) {
	rt, err := promconfig.NewRoundTripperFromConfig(opt.HTTP, "forewarm-"+opt.Name)
	if err != nil {
		return nil, fmt.Errorf("http: %w", err)
	}
	if opt.SigV4 != nil {
		if rt, err = sigv4.NewSigV4RoundTripper(opt.SigV4, rt); err != nil {
			return nil, fmt.Errorf("sigv4: %w", err)
		}
	}
	rt = &dresser{next: rt, tenant: opt.Tenant, parameters: opt.QueryParameters}
	rt = &retrier{
		next: rt, limiter: rate.NewLimiter(rate.Limit(opt.QueriesPerSecond), opt.Burst),
		retries: opt.Retries, longest: opt.Timeout, jitter: halfJitter,
	}
	return &judge{next: rt, limit: opt.MaxResponseBytes, shown: redact(base)}, nil
}

// dresser adds what every request carries. It asks for gzip because
// prometheus/common does not; judge unpacks it, so that the cap holds for what
// is unpacked.
type dresser struct {
	next       http.RoundTripper
	tenant     string
	parameters map[string]string
}

// RoundTrip sends a dressed copy of the request.
func (d *dresser) RoundTrip(req *http.Request) (*http.Response, error) {
	out := req.Clone(req.Context())
	out.Header.Set("Accept-Encoding", "gzip")
	out.Header.Set("Accept", "application/json")
	if d.tenant != "" {
		out.Header.Set(tenantHeader, d.tenant)
	}
	if len(d.parameters) > 0 {
		q := out.URL.Query()
		for k, v := range d.parameters {
			q.Set(k, v)
		}
		out.URL.RawQuery = q.Encode()
	}
	return d.next.RoundTrip(out)
}

// retrier keeps the rate and waits when told to. Only 429 and 503 are retried:
// both say that nothing was done.
type retrier struct {
	next    http.RoundTripper
	limiter *rate.Limiter
	retries int
	longest time.Duration                       // a longer wait is not worth it
	jitter  func(d time.Duration) time.Duration // spreads clients apart
}

// halfJitter is between d/2 and d.
func halfJitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

// RoundTrip sends the request until it is answered or retrying is pointless.
func (r *retrier) RoundTrip(req *http.Request) (*http.Response, error) {
	for attempt := 0; ; attempt++ {
		if err := r.limiter.Wait(req.Context()); err != nil {
			return nil, &SourceError{
				Kind: TimedOut, Err: err,
				Text: "the time was up before the query could be sent; allow more time or ask for less",
			}
		}
		out, err := rewind(req, attempt)
		if err != nil {
			return nil, err
		}
		resp, err := r.next.RoundTrip(out)
		if err != nil || !busy(resp) || attempt == r.retries {
			return resp, err
		}
		if err := r.wait(req, resp, attempt); err != nil {
			return nil, err
		}
	}
}

// rewind gives each attempt after the first a fresh body.
func rewind(req *http.Request, attempt int) (*http.Request, error) {
	if attempt == 0 || req.GetBody == nil {
		return req, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, fmt.Errorf("rewind request: %w", err)
	}
	out := req.Clone(req.Context())
	out.Body = body
	return out, nil
}

// busy says whether the server asks to come back later. A 503 with an API error
// (query timeout) is an answer, not a request to repeat it.
func busy(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		return true
	case http.StatusServiceUnavailable:
		return !isJSON(resp.Header)
	}
	return false
}

// wait sleeps as long as the server asked, else with doubling pauses.
func (r *retrier) wait(req *http.Request, resp *http.Response, attempt int) error {
	status := resp.Status
	_, _ = io.CopyN(io.Discard, resp.Body, longestErrDoc) // so that the connection can be used again
	_ = resp.Body.Close()
	pause, asked := retryAfter(resp.Header)
	if !asked {
		pause = r.jitter(firstBackoff << attempt)
	}
	busyErr := &SourceError{
		Kind: Unreachable,
		Text: fmt.Sprintf("server is busy (%s, asks for a pause of %s); slow down or raise its limits", status, pause),
	}
	if pause > r.longest {
		return busyErr
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-req.Context().Done():
		busyErr.Err = req.Context().Err()
		return busyErr
	}
}

// retryAfter reads seconds or a date; a date counts from the server's own Date,
// so that clock skew does not matter.
func retryAfter(h http.Header) (time.Duration, bool) {
	v := h.Get("Retry-After")
	if v == "" {
		return 0, false
	}
	if s, err := strconv.Atoi(v); err == nil && s >= 0 {
		return time.Duration(min(s, 24*3600)) * time.Second, true
	}
	until, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil || until.Before(now) {
		return 0, false
	}
	return until.Sub(now), true
}

// checkRedirect follows only where nothing is lost: the same host, no downgrade
// to http, and the method (hence the query) kept.
func checkRedirect(follow bool) func(*http.Request, []*http.Request) error {
	return func(req *http.Request, via []*http.Request) error {
		first := via[0]
		same := req.URL.Host == first.URL.Host && (req.URL.Scheme == first.URL.Scheme || req.URL.Scheme == "https")
		if follow && same && req.Method == first.Method && len(via) < 5 {
			return nil
		}
		return &SourceError{
			Kind: NotPrometheus,
			Text: fmt.Sprintf("redirected to %s, which is not followed; if that is the Prometheus, make it the URL"+
				" (a login page means that credentials are missing)", redact(req.URL)),
		}
	}
}
