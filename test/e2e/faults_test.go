//go:build e2e

package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"sync"
)

// trouble is what a source does wrong.
type trouble int

const (
	fine   trouble = iota
	cut            // connections are reset
	empty          // every result is empty, and that is called a success
	nans           // every value is NaN
	frozen         // answers are those of before, with the timestamps of before
	slow           // no answer at all
)

// troubled stands in front of a Prometheus server and can do what such servers do on a bad day.
type troubled struct {
	*endpoint
	mu    sync.Mutex
	now   trouble
	seen  map[string][]byte // last good body per form
	proxy *httputil.ReverseProxy
}

func startTroubled(upstream string) (*troubled, error) {
	u, err := url.Parse(upstream)
	if err != nil {
		return nil, err
	}
	t := &troubled{seen: map[string][]byte{}, proxy: httputil.NewSingleHostReverseProxy(u)}
	t.endpoint, err = serve(t.answer, nil)
	return t, err
}

func (t *troubled) set(now trouble) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now = now
}

func (t *troubled) answer(w http.ResponseWriter, r *http.Request) {
	t.mu.Lock()
	now := t.now
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
	case fine, nans, frozen:
	}
	form, _ := io.ReadAll(r.Body) // a short body is a bad request, which upstream says
	r.Body = io.NopCloser(bytes.NewReader(form))
	key := r.URL.Path + " " + query(r.URL.RawQuery, form)
	rec := &recorder{header: http.Header{}, code: http.StatusOK}
	r.Header.Del("Accept-Encoding")
	t.proxy.ServeHTTP(rec, r)
	body := rec.body.Bytes()
	t.mu.Lock()
	if old := t.seen[key]; now == frozen && old != nil {
		body = old
	} else if rec.code == http.StatusOK {
		t.seen[key] = body
	}
	t.mu.Unlock()
	if now == nans {
		body = sampleValue.ReplaceAll(body, []byte(`$1,"NaN"]`))
	}
	for _, k := range []string{"Content-Type"} {
		w.Header().Set(k, rec.header.Get(k))
	}
	w.WriteHeader(rec.code)
	_, _ = w.Write(body)
}

// query is the PromQL of a request, which identifies it; its time changes with every tick.
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
