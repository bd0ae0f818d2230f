package plane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
)

// named is an endpoint that says its name to whoever connects.
func named(t *testing.T, name string, ready *atomic.Bool) Endpoint {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, name)
			_ = c.Close()
		}
	}()
	return Endpoint{Address: l.Addr().String(), Ready: func(context.Context) error {
		if !ready.Load() {
			return errors.New("not ready")
		}
		return nil
	}}
}

// Connections go to ready endpoints in turn, to one that is left alone, and to nobody where nobody is ready.
func TestServiceLeadsToReadyEndpoints(t *testing.T) {
	s, err := NewService()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var a, b atomic.Bool
	first := named(t, "a", &a)
	s.Join(first)
	s.Join(named(t, "b", &b))
	four := func() string {
		out := ""
		for range 4 {
			c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port))
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(c)
			_ = c.Close()
			out += string(text) + " "
		}
		return out
	}
	for _, tc := range []struct {
		story      string
		do         func()
		want, also string
	}{
		{"nobody is ready", func() {}, "    ", ""},
		{"one is", func() { b.Store(true) }, "b b b b ", ""},
		{"both are", func() { a.Store(true) }, "a b a b ", "b a b a "},
		{"the other one alone", func() { b.Store(false) }, "a a a a ", ""},
		{"it has left", func() { b.Store(true); s.Leave(first.Address) }, "b b b b ", ""},
	} {
		tc.do()
		if got := four(); got != tc.want && got != tc.also {
			t.Errorf("%s: want %q, got %q", tc.story, tc.want, got)
		}
	}
}

// Close ends what is connected, and waits for it.
func TestServiceEndsConnections(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	s, err := NewService()
	if err != nil {
		t.Fatal(err)
	}
	s.Join(Endpoint{silent.Addr().String(), func(context.Context) error { return nil }})
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := silent.Accept(); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("want the connection ended, got %d bytes, %v", n, err)
	}
}
