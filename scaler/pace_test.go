package scaler

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

func TestCallsThatComeOftenMakeTheServerBusyUntilTheyCease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pace{}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go p.watch(ctx)
		second := func(calls int) bool {
			for range 10 {
				for range calls / 10 {
					p.call()
				}
				time.Sleep(100 * time.Millisecond)
			}
			synctest.Wait()
			return p.busy()
		}
		if second(5000) {
			t.Error("want each call answered as it comes at 5,000 a second")
		}
		if !second(10_000) {
			t.Error("want calls gathered at 10,000 a second")
		}
		if second(0) {
			t.Error("want the end of the rush noticed within a second")
		}
	})
}

// Nothing is lost or reordered by waiting, and only what follows at once waits.
func TestReadsAreGatheredOnlyWhileBusy(t *testing.T) {
	for name, tc := range map[string]struct {
		busy   bool
		pause  time.Duration // between one read and the next
		waited time.Duration
	}{
		"a quiet server reads at once":                         {false, 0, 0},
		"a busy server waits for more":                         {true, 0, gather},
		"a busy server reads at once what comes after a while": {true, gather, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				here, there := net.Pipe()
				go func() {
					_, _ = there.Write([]byte("first"))
					_, _ = there.Write([]byte("second"))
					_ = there.Close()
				}()
				c := &conn{Conn: here, busy: func() bool { return tc.busy }, now: time.Now}
				got := make([]byte, 5)
				if _, err := io.ReadFull(c, got); err != nil || string(got) != "first" {
					t.Fatalf("got %q, %v", got, err)
				}
				time.Sleep(tc.pause)
				start := time.Now()
				rest := make([]byte, 6)
				n, err := c.Read(rest)
				if err != nil || string(rest[:n]) != "second" {
					t.Fatalf("got %q, %v", rest[:n], err)
				}
				if waited := time.Since(start); waited != tc.waited {
					t.Errorf("want a wait of %s, got %s", tc.waited, waited)
				}
			})
		})
	}
}
