//go:build e2e

package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// trouble is what a source does wrong.
type trouble int

const (
	fine   trouble = iota
	cut            // connections are reset
	empty          // every result is empty, and that is called a success
	nans           // every value is NaN
	frozen         // nothing is ingested any more: every answer is of the moment at which that began
	slow           // no answer at all
)

// troubled stands in front of a Prometheus server, counts queries, and can do what such servers do on a bad day.
type troubled struct {
	*endpoint
	queries atomic.Int64

	mu    sync.Mutex
	now   trouble
	since time.Time
	proxy *httputil.ReverseProxy
}

func startTroubled(upstream string) (*troubled, error) {
	u, err := url.Parse(upstream)
	if err != nil {
		return nil, err
	}
	t := &troubled{proxy: httputil.NewSingleHostReverseProxy(u)}
	t.endpoint, err = serve(t.answer, nil)
	return t, err
}

func (t *troubled) set(now trouble) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now, t.since = now, time.Now()
}

func (t *troubled) answer(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/api/v1/query") {
		t.queries.Add(1)
	}
	t.mu.Lock()
	now, since := t.now, t.since
	t.mu.Unlock()
	switch now {
	case cut:
		panic(http.ErrAbortHandler)
	case slow:
		<-r.Context().Done()
		return
	case empty:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"`+resultType(r)+`","result":[]}}`)
		return
	case frozen:
		if err := freeze(r, since); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	case fine, nans:
	}
	rec := &recorder{header: http.Header{}, code: http.StatusOK}
	r.Header.Del("Accept-Encoding")
	t.proxy.ServeHTTP(rec, r)
	body := rec.body.Bytes()
	if now == nans {
		body = sampleValue.ReplaceAll(body, []byte(`$1,"NaN"]`))
	}
	w.Header().Set("Content-Type", rec.header.Get("Content-Type"))
	w.WriteHeader(rec.code)
	_, _ = w.Write(body)
}

// freeze asks for what there was at a moment instead of what there is.
func freeze(r *http.Request, at time.Time) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	form, then := r.Form, strconv.FormatFloat(float64(at.UnixMilli())/1e3, 'f', 3, 64)
	switch {
	case !form.Has("query"):
		return nil
	case form.Has("end"):
		form.Set("end", then)
	default:
		form.Set("time", then)
	}
	body := form.Encode()
	r.URL.RawQuery, r.Body, r.ContentLength = "", io.NopCloser(strings.NewReader(body)), int64(len(body))
	r.Method = http.MethodPost
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return nil
}

// query is the PromQL of a request.
func query(raw string, form []byte) string {
	for _, s := range []string{raw, string(form)} {
		if v, err := url.ParseQuery(s); err == nil && v.Get("query") != "" {
			return v.Get("query")
		}
	}
	return ""
}

func resultType(r *http.Request) string {
	form, _ := io.ReadAll(r.Body)
	if q := query(r.URL.RawQuery, form); len(q) > 0 && q[len(q)-1] == ']' {
		return "matrix"
	}
	return "vector"
}

// sampleValue is a sample in Prometheus' JSON: [1764148000.123,"4"].
var sampleValue = regexp.MustCompile(`(\[[0-9.]+),"[^"]*"\]`)

// recorder keeps a response.
type recorder struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(code int) { r.code = code }

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }
