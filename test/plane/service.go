package plane

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

// lookWithin bounds the look at one endpoint's readiness; a new connection waits for it.
const lookWithin = time.Second

// Endpoint is a process behind a Service.
type Endpoint struct {
	Address string
	Ready   func(context.Context) error
}

// Service is one address on loopback for processes that serve the same, as kube-proxy has one for pods: a connection goes
// to one of the endpoints that are ready when it is made, in turn, and stays with it. Nothing is tried twice, and without
// a ready endpoint it is closed. Readiness is looked at then and there; kubelet and kube-proxy are about a second behind.
type Service struct {
	Port int

	listener net.Listener
	work     sync.WaitGroup

	mu        sync.Mutex
	endpoints []Endpoint
	turn      int
	open      map[net.Conn]bool
	closed    bool
}

// NewService opens an address without endpoints.
func NewService() (*Service, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // no name to look up
	if err != nil {
		return nil, fmt.Errorf("open a Service: %w", err)
	}
	s := &Service{Port: l.Addr().(*net.TCPAddr).Port, listener: l, open: map[net.Conn]bool{}}
	s.work.Go(s.accept)
	return s, nil
}

// Join adds an endpoint.
func (s *Service) Join(e Endpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoints = append(s.endpoints, e)
}

// Leave takes the endpoint of an address out; connections with it stay.
func (s *Service) Leave(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoints = slices.DeleteFunc(s.endpoints, func(e Endpoint) bool { return e.Address == address })
}

// Close ends the Service and all connections.
func (s *Service) Close() {
	s.mu.Lock()
	s.closed = true
	_ = s.listener.Close()
	for c := range s.open {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.work.Wait()
}

func (s *Service) accept() {
	for {
		client, err := s.listener.Accept()
		if err != nil {
			return // closed
		}
		s.work.Go(func() { s.connect(client) })
	}
}

// connect joins a client with an endpoint until one of them ends.
func (s *Service) connect(client net.Conn) {
	defer s.forget(client)
	if !s.remember(client) {
		return
	}
	address, ok := s.choose()
	if !ok {
		return
	}
	server, err := net.Dial("tcp", address) //nolint:noctx // loopback answers or refuses at once
	if err != nil {
		return
	}
	defer s.forget(server)
	if !s.remember(server) {
		return
	}
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		s.work.Go(func() {
			_, _ = io.Copy(way[0], way[1]) // that it broke off is what the other end sees
			ended <- struct{}{}
		})
	}
	<-ended
}

// choose is the next ready endpoint.
func (s *Service) choose() (string, bool) {
	s.mu.Lock()
	all, from := slices.Clone(s.endpoints), s.turn
	s.turn++
	s.mu.Unlock()
	for i := range all {
		if e := all[(from+i)%len(all)]; e.isReady() {
			return e.Address, true
		}
	}
	return "", false
}

// isReady takes an endpoint that does not say so in time for one that is not, whatever the others take.
func (e Endpoint) isReady() bool {
	ctx, cancel := context.WithTimeout(context.Background(), lookWithin)
	defer cancel()
	return e.Ready(ctx) == nil
}

// remember keeps a connection for Close, or says that it is too late.
func (s *Service) remember(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[c] = true
	return !s.closed
}

func (s *Service) forget(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
	_ = c.Close()
}
