package plane

import (
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
)

// The kernel's own choice never meets a pool that it leaves room for.
func TestPoolIsOutsideOfWhatTheKernelChoosesFrom(t *testing.T) {
	for story, tc := range map[string]struct{ low, high, from, to int }{
		"as Linux has it":             {32768, 60999, 10000, 32768},
		"it begins later":             {49152, 65535, 10000, 32768},
		"it begins earlier":           {15000, 61000, 10000, 15000},
		"it leaves room only above":   {1024, 60999, 61000, 65536},
		"it is all below":             {1024, 4999, 10000, 65536},
		"it leaves no room":           {1024, 65535, 10000, 32768},
		"it leaves too little to use": {11000, 65000, 10000, 32768},
	} {
		t.Run(story, func(t *testing.T) {
			if from, to := outside(tc.low, tc.high); from != tc.from || to != tc.to {
				t.Errorf("want %d to %d, got %d to %d", tc.from, tc.to, from, to)
			}
		})
	}
}

// On this machine ports differ, of one call and of two, and none is of those that the kernel chooses.
func TestFreePortsAreGivenOnce(t *testing.T) {
	low, high := endPort, lastPort
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		if _, err := fmt.Sscan(string(text), &low, &high); err != nil {
			t.Fatal(err)
		}
	}
	roomy := low >= firstPort+enough || lastPort-high >= enough
	seen := map[int]bool{}
	for range 50 {
		some, err := FreePorts(4)
		if err != nil {
			t.Fatal(err)
		}
		for _, port := range some {
			if seen[port] || roomy && port >= low && port <= high {
				t.Errorf("want a new port outside of %d to %d, got %d", low, high, port)
			}
			seen[port] = true
		}
	}
}

// A port that somebody listens on is not free, and one that was given is not given again after it was used.
func TestPoolLeavesOutWhatIsTaken(t *testing.T) {
	some, err := FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	one := func() *pool { return &pool{from: some[0], to: some[0] + 1, given: map[int]bool{}} }
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", some[0]))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := one().take(1); !errors.Is(err, errNoneLeft) {
		t.Errorf("want none while somebody listens, got %v, %v", got, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	p := one()
	if got, err := p.take(1); err != nil || got[0] != some[0] {
		t.Errorf("want %d, got %v, %v", some[0], got, err)
	}
	if got, err := p.take(1); !errors.Is(err, errNoneLeft) {
		t.Errorf("want none a second time, got %v, %v", got, err)
	}
}
