package signals

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/forewarm/forewarm/policy"
)

// ErrorKind says what went wrong with a source, so that callers need not read
// texts.
type ErrorKind string

// The kinds of source errors. Their values are also the codes of the Faults
// that they become.
const (
	Unreachable   ErrorKind = "source-unreachable"   // refused, no DNS, TLS, 5xx
	TimedOut      ErrorKind = "source-timeout"       // our deadline or the server's
	AuthRefused   ErrorKind = "source-auth"          // 401, 403, 407
	BadQuery      ErrorKind = "query-refused"        // 400, 422: never retried
	NotPrometheus ErrorKind = "source-no-prometheus" // HTML, redirect, empty, cut or malformed JSON
	TooLarge      ErrorKind = "response-too-large"   // body above the cap, also after decompression
	OverLimit     ErrorKind = "limit-exceeded"       // series or samples above our or the server's cap
)

// SourceError is what a Client returns: which source, what came, and what to do
// about it. URL carries no credentials.
type SourceError struct {
	Kind   ErrorKind
	Source string
	URL    string
	Query  string // "" if the error does not depend on the query
	Text   string // what came, and the remedy
	Err    error  // cause, may be nil
}

// Error is the source, its URL and the text.
func (e *SourceError) Error() string {
	s := e.Text
	if e.Source != "" || e.URL != "" {
		s = fmt.Sprintf("source %s (%s): %s", e.Source, e.URL, e.Text)
	}
	if e.Query != "" {
		s += fmt.Sprintf(" [query %s]", shorten(e.Query, 200))
	}
	return s
}

// Unwrap is the cause.
func (e *SourceError) Unwrap() error { return e.Err }

// fault is the error as seen by a model. The query is left to the log.
func (e *SourceError) fault() policy.Fault {
	return policy.Fault{
		Code: string(e.Kind), Object: e.Source,
		Text: fmt.Sprintf("source %s (%s): %s", e.Source, e.URL, e.Text),
	}
}

// faultOf makes a Fault of any error of a source.
func faultOf(source string, err error) policy.Fault {
	var se *SourceError
	if errors.As(err, &se) {
		return se.fault()
	}
	return policy.Fault{Code: string(Unreachable), Object: source, Text: fmt.Sprintf("source %s: %v", source, err)}
}

// kindOf is the kind of a source's error, "" for any other.
func kindOf(err error) ErrorKind {
	var se *SourceError
	if errors.As(err, &se) {
		return se.Kind
	}
	return ""
}

// classify turns whatever the API client returned into a SourceError. The
// transport has already judged what came over HTTP; what is left is the network
// and the decoder.
func (c *Client) classify(err error, query string) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("query source %s: %w", c.opt.Name, err)
	}
	out := &SourceError{Source: c.opt.Name, URL: c.URL(), Query: query, Err: err}
	var se *SourceError
	if errors.As(err, &se) {
		out.Kind, out.Text, out.Err = se.Kind, se.Text, se.Err
		if se.Kind != BadQuery && se.Kind != OverLimit && se.Kind != TooLarge {
			out.Query = ""
		}
		return out
	}
	var api *promv1.Error
	if errors.As(err, &api) {
		out.Kind, out.Text = judgeAPIError(string(api.Type), api.Msg)
		if out.Kind != BadQuery && out.Kind != OverLimit {
			out.Query = ""
		}
		return out
	}
	out.Query = ""
	out.Kind, out.Text = judgeNetwork(err, c.opt)
	return out
}

// judgeNetwork names the usual network troubles and their remedies.
func judgeNetwork(err error, opt SourceOptions) (ErrorKind, string) {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err // its text repeats the URL, which may carry a user name
	}
	var (
		dns  *net.DNSError
		cert *tls.CertificateVerificationError
		rec  tls.RecordHeaderError
		to   net.Error
	)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &to) && to.Timeout():
		return TimedOut, fmt.Sprintf("no answer within the time allowed, %s at most; ask for less, or raise"+
			" the key timeout of the source in the file of --config", opt.Timeout)
	case errors.As(err, &dns):
		return Unreachable, fmt.Sprintf("host %s does not resolve; check the URL or port-forward the Service", dns.Name)
	case errors.As(err, &cert):
		return Unreachable, fmt.Sprintf("certificate refused (%v); set http.tls_config.ca_file", cert.Err)
	case errors.As(err, &rec), errors.Is(err, http.ErrSchemeMismatch):
		return Unreachable, "server does not speak TLS here; use http:// in the URL"
	}
	return Unreachable, fmt.Sprintf("unreachable: %v; check the URL and that the server is up", err)
}
