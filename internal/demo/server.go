package demo

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/forewarm/forewarm/internal/demo/promstore"
)

// server is the store behind the HTTP API of Prometheus, on loopback.
type server struct {
	url  string
	http *http.Server
	now  atomic.Int64 // virtual milliseconds since 1970
	done sync.WaitGroup
}

// serve listens on a free port of 127.0.0.1 until close.
func serve(ctx context.Context, store *promstore.Store) (*server, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen on loopback: %w", err)
	}
	s := &server{url: "http://" + l.Addr().String()}
	s.http = &http.Server{
		Handler:           promstore.Handler(store, s.clock),
		ReadHeaderTimeout: time.Minute,
	}
	s.done.Go(func() { _ = s.http.Serve(l) }) // it returns when close is called
	return s, nil
}

// set tells the server what time it is.
func (s *server) set(now time.Time) { s.now.Store(now.UnixMilli()) }

// clock is the virtual time that everybody goes by.
func (s *server) clock() time.Time { return time.UnixMilli(s.now.Load()).UTC() }

func (s *server) close() {
	_ = s.http.Close() // what is left are idle connections
	s.done.Wait()
}
