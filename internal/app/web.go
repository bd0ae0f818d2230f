package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"
)

// webStop bounds the end of the own HTTP server.
const webStop = 2 * time.Second

// web is the own HTTP server: metrics, health, readiness and the last report.
type web struct {
	server *http.Server
	done   chan struct{}
}

// listen starts the own HTTP server, before everything else, so that liveness and
// metrics are there while history is read.
func (s *server) listen(ctx context.Context) (*web, error) {
	if s.opts.Listen == "" {
		return &web{}, nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.opts.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for metrics and health: %w", err)
	}
	w := &web{done: make(chan struct{}), server: &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute,
	}}
	go func() {
		defer close(w.done)
		if err := w.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.opts.Log.Error("serve metrics and health", zap.Error(err))
		}
	}()
	if s.opts.Started != nil {
		s.opts.Started(l.Addr().String())
	}
	return w, nil
}

func (w *web) close() {
	if w.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), webStop)
	defer cancel()
	if w.server.Shutdown(ctx) != nil {
		_ = w.server.Close()
	}
	<-w.done
}

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.gatherer(), promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, ErrorLog: zap.NewStdLog(s.opts.Log),
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := s.ready(); err != nil {
			plain(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		plain(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /debug/decisions", s.decisions)
	return mux
}

func plain(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = fmt.Fprintln(w, text)
}

// decisions is the report of the last tick, as recommend -o json prints it.
func (s *server) decisions(w http.ResponseWriter, _ *http.Request) {
	r := s.report.Load()
	if r == nil {
		plain(w, http.StatusServiceUnavailable, "no decision yet")
		return
	}
	body, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		plain(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n'))
}

// gatherer holds our metrics, the outputs' and the process's.
func (s *server) gatherer() prometheus.Gatherer {
	reg := prometheus.NewRegistry()
	reg.MustRegister(s, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	all := prometheus.Gatherers{reg}
	for _, o := range s.outputs {
		if c, ok := o.(prometheus.Collector); ok {
			reg.MustRegister(c)
		}
		if g, ok := o.(prometheus.Gatherer); ok {
			all = append(all, g)
		}
	}
	return all
}
