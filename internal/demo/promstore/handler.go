package promstore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// Limits of the server, those of Prometheus by default.
const (
	maxSamples   = 50_000_000 // loaded by one query
	maxPoints    = 11_000     // per series of a range query
	queryTimeout = 2 * time.Minute
	lookBack     = 5 * time.Minute
	maxBody      = 1 << 20 // bytes of a form
)

// Handler serves the HTTP API of Prometheus over a store. The given clock says when a query without a
// time is evaluated, so that the store may live on virtual time.
func Handler(store *Store, now func() time.Time) http.Handler {
	p := parser.NewParser(parser.Options{})
	a := &api{
		store:  store,
		now:    now,
		parser: p,
		engine: promql.NewEngine(promql.EngineOpts{
			MaxSamples:               maxSamples,
			Timeout:                  queryTimeout,
			LookbackDelta:            lookBack,
			NoStepSubqueryIntervalFn: func(millis) millis { return time.Minute.Milliseconds() },
			EnableAtModifier:         true,
			EnableNegativeOffset:     true,
			Parser:                   p,
		}),
	}
	mux := http.NewServeMux()
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		mux.Handle(method+" /api/v1/query", a.endpoint(a.query))
		mux.Handle(method+" /api/v1/query_range", a.endpoint(a.queryRange))
		mux.Handle(method+" /api/v1/series", a.endpoint(a.series))
		mux.Handle(method+" /api/v1/labels", a.endpoint(a.labelNames))
	}
	mux.Handle("GET /api/v1/label/{name}/values", a.endpoint(a.labelValues))
	mux.Handle("GET /api/v1/status/buildinfo", a.endpoint(buildInfo))
	mux.HandleFunc("GET /-/ready", alive("Prometheus Server is Ready.\n"))
	mux.HandleFunc("GET /-/healthy", alive("Prometheus Server is Healthy.\n"))
	return mux
}

type api struct {
	store  *Store
	now    func() time.Time
	parser parser.Parser
	engine *promql.Engine
}

// answer is the data of a successful response, already JSON, and what to say beside it.
type answer struct {
	data     []byte
	warnings []string
	infos    []string
}

// failure is an error with its place in the table of error types of the API.
type failure struct {
	status int
	kind   string
	err    error
}

// Error implements error.
func (f *failure) Error() string { return f.err.Error() }

func badData(err error) error { return &failure{http.StatusBadRequest, "bad_data", err} }

func badParameter(name string, err error) error {
	return badData(fmt.Errorf("invalid parameter %q: %w", name, err))
}

// statusClientClosed is what Prometheus answers a client that has gone away.
const statusClientClosed = 499

// queryFailure classifies what the engine reports.
func queryFailure(err error) error {
	var (
		canceled promql.ErrQueryCanceled
		timeout  promql.ErrQueryTimeout
		broken   promql.ErrStorage
	)
	switch {
	case errors.As(err, &canceled), errors.Is(err, context.Canceled):
		return &failure{statusClientClosed, "canceled", err}
	case errors.As(err, &timeout):
		return &failure{http.StatusServiceUnavailable, "timeout", err}
	case errors.As(err, &broken):
		return &failure{http.StatusInternalServerError, "internal", err}
	default:
		return &failure{http.StatusUnprocessableEntity, "execution", err}
	}
}

// endpoint wraps a function of the API in the envelope every answer has.
func (a *api) endpoint(serve func(*http.Request) (answer, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := r.ParseForm(); err != nil {
			respondError(w, badData(fmt.Errorf("parse form: %w", err)))
			return
		}
		got, err := serve(r)
		if err != nil {
			respondError(w, err)
			return
		}
		respond(w, http.StatusOK, envelope(got))
	})
}

func respondError(w http.ResponseWriter, err error) {
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{http.StatusInternalServerError, "internal", err}
	}
	respond(w, f.status, errorEnvelope(f))
}

func respond(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client has gone; there is nobody to tell
}

func alive(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
}
