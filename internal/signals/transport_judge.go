package signals

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// judge reads the answer within the cap and says what is wrong with it before
// anything tries to decode it.
type judge struct {
	next  http.RoundTripper
	limit int64
	shown string // base URL without credentials
}

// RoundTrip returns a response whose body is whole and in memory, or an error.
func (j *judge) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := j.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if redirects(resp.StatusCode) || fallsBack(req, resp.StatusCode) {
		resp.Body = http.NoBody
		resp.ContentLength = 0
		return resp, nil
	}
	body, err := j.read(resp)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		return nil, j.refusal(resp, body)
	}
	if err := j.check(resp, body); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	resp.Header.Del("Content-Encoding")
	return resp, nil
}

// redirects are for http.Client, which asks checkRedirect.
func redirects(status int) bool { return status/100 == 3 && status != http.StatusNotModified }

// fallsBack says whether the API client will repeat a POST as a GET.
func fallsBack(req *http.Request, status int) bool {
	return req.Method == http.MethodPost &&
		(status == http.StatusForbidden || status == http.StatusMethodNotAllowed || status == http.StatusNotImplemented)
}

// read takes the body up to the cap, unpacked. One byte more than the cap is
// asked for, so that a cut body is an error rather than a truncated answer.
func (j *judge) read(resp *http.Response) ([]byte, error) {
	var r io.Reader = resp.Body
	if strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		z, err := gzip.NewReader(resp.Body)
		if err != nil {
			return nil, j.broken(fmt.Sprintf("said gzip but sent something else (%v)", err), err)
		}
		r = z
	}
	body, err := io.ReadAll(io.LimitReader(r, j.limit+1))
	if int64(len(body)) > j.limit {
		return nil, &SourceError{
			Kind: TooLarge,
			Text: fmt.Sprintf("answer is larger than the cap of %s and was cut;"+
				" scope models by namespace or job, or raise the key maxResponseBytes of the source in the file of --config",
				byteCount(j.limit)),
		}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, cut(fmt.Sprintf("answer ended after %s, before it was complete", byteCount(int64(len(body)))), err)
	}
	if err != nil {
		return nil, err
	}
	return body, nil
}

// check wants whole JSON: the content type may be lost by a proxy, the first and
// the last byte not.
func (j *judge) check(resp *http.Response, body []byte) error {
	trimmed := bytes.TrimSpace(body)
	switch {
	case len(trimmed) == 0:
		return j.broken(fmt.Sprintf("got HTTP %d with an empty body", resp.StatusCode), nil)
	case bytes.HasPrefix(trimmed, []byte("# HELP ")) || bytes.HasPrefix(trimmed, []byte("# TYPE ")):
		return &SourceError{
			Kind: NotPrometheus,
			Text: "this is the metrics page of one exporter; give the URL of the Prometheus that scrapes it",
		}
	case trimmed[0] != '{':
		return j.broken(fmt.Sprintf("got %s (%q)", contentType(resp, trimmed), excerpt(trimmed)), nil)
	case trimmed[len(trimmed)-1] != '}':
		return cut(fmt.Sprintf("got truncated JSON (%s, ends in %q)",
			byteCount(int64(len(body))), trimmed[max(0, len(trimmed)-20):]), nil)
	}
	return nil
}

// cut is an answer that began well.
func cut(what string, err error) error {
	return &SourceError{
		Kind: NotPrometheus, Err: err,
		Text: what + "; a restart or a proxy cut it: ask again, and if it stays check what is in between",
	}
}

// broken is an answer that no Prometheus gives. A URL without a path may lack
// the one that Mimir and some proxies want.
func (j *judge) broken(what string, err error) error {
	remedy := "check the URL and what is in between"
	if u, bad := url.Parse(j.shown); bad == nil && strings.Trim(u.Path, "/") == "" {
		remedy = fmt.Sprintf("check the URL; did you mean %s/prometheus?", strings.TrimRight(j.shown, "/"))
	}
	text := fmt.Sprintf("this is not a Prometheus API: %s; %s", what, remedy)
	return &SourceError{Kind: NotPrometheus, Text: text, Err: err}
}

// apiFailure is the error envelope of the Prometheus API.
type apiFailure struct {
	Type string `json:"errorType"`
	Text string `json:"error"`
}

// refusal makes an error of a status other than 2xx.
func (j *judge) refusal(resp *http.Response, body []byte) error {
	var api apiFailure
	if json.Unmarshal(body, &api) == nil && api.Type != "" {
		kind, text := judgeAPIError(api.Type, api.Text)
		return &SourceError{Kind: kind, Text: text}
	}
	if strings.Contains(string(body), "HTTP request to an HTTPS server") {
		return &SourceError{Kind: NotPrometheus, Text: "server speaks TLS here; use https:// in the URL"}
	}
	came := fmt.Sprintf("got HTTP %d", resp.StatusCode)
	if e := excerpt(body); e != "" {
		came += fmt.Sprintf(" (%q)", e)
	}
	kind, remedy := judgeStatus(resp.StatusCode)
	if kind == NotPrometheus {
		return j.broken(came, nil)
	}
	return &SourceError{Kind: kind, Text: came + "; " + remedy}
}

// statusVerdicts are the statuses that say more than their hundred.
var statusVerdicts = map[int]struct {
	kind   ErrorKind
	remedy string
}{
	http.StatusUnauthorized:          {AuthRefused, "check the credentials of the source"},
	http.StatusForbidden:             {AuthRefused, "check the credentials and the tenant of the source"},
	http.StatusProxyAuthRequired:     {AuthRefused, "check the credentials for the proxy"},
	http.StatusNotFound:              {NotPrometheus, ""},
	http.StatusMethodNotAllowed:      {NotPrometheus, ""},
	http.StatusRequestEntityTooLarge: {OverLimit, "the query is too long for what is in between"},
	http.StatusRequestURITooLong:     {OverLimit, "the query is too long for what is in between"},
	http.StatusTooManyRequests:       {Unreachable, "slow down, or raise the server's limits"},
	http.StatusRequestTimeout:        {TimedOut, "the server or a proxy gave up waiting"},
	http.StatusGatewayTimeout:        {TimedOut, "the server or a proxy gave up waiting"},
}

// judgeStatus reads a status without an API error behind it.
func judgeStatus(code int) (ErrorKind, string) {
	if v, ok := statusVerdicts[code]; ok {
		return v.kind, v.remedy
	}
	if code/100 == 4 {
		return BadQuery, "the server refused the query"
	}
	return Unreachable, "the server or a proxy failed; look at its log, or try again"
}

// judgeAPIError reads an error of the Prometheus API: by its type, and by words,
// because limits and timeouts come under several types.
func judgeAPIError(errorType, text string) (ErrorKind, string) {
	low := strings.ToLower(text)
	switch {
	case errorType == "timeout" || containsAny(low, "timed out", "deadline"):
		return TimedOut, fmt.Sprintf("the server gave up on the query (%s); raise its query timeout", text)
	case errorType == "bad_response":
		return NotPrometheus, fmt.Sprintf("malformed JSON (%s); check what is in between", shorten(text, 120))
	case containsAny(low, "too many samples", "maximum resolution", "limit", "exceeded"):
		return OverLimit, fmt.Sprintf("the server's limits stopped the query (%s)", text)
	}
	switch errorType {
	case "internal", "unavailable", "canceled", "server_error":
		return Unreachable, fmt.Sprintf("the server failed (%s: %s); look at its log, or try again", errorType, text)
	}
	return BadQuery, fmt.Sprintf("refused the query (%s: %s)", errorType, text)
}

func containsAny(s string, words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(s, w) })
}

// isJSON looks at the content type only.
func isJSON(h http.Header) bool {
	t, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && t == "application/json"
}

// contentType names what came, sniffing if the header says nothing.
func contentType(resp *http.Response, body []byte) string {
	t, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || t == "" {
		t, _, _ = mime.ParseMediaType(http.DetectContentType(body))
	}
	return t
}

// excerpt is the beginning of a body, on one line and printable.
func excerpt(body []byte) string {
	s := strings.ToValidUTF8(string(body[:min(len(body), 400)]), "")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	return shorten(strings.Join(strings.Fields(s), " "), 80)
}

// shorten cuts at a rune and says so.
func shorten(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "…"
}

// byteCount prints a size.
func byteCount(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.0f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}
