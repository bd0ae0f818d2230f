package plane

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
)

const (
	firstPort = 10000 // below are those that servers are known by
	endPort   = 32768 // where the ports that kernels choose begin at the earliest, unless configured
	lastPort  = 65535
	enough    = 2000 // for the pools of many runs to differ
)

// pool hands out ports, each once: a server that was killed has its port when it starts again. What else keeps it free
// meanwhile is that kernels do not choose from the pool, for a connection or for a listener on port 0.
type pool struct {
	from, to int // to is not in it

	mu    sync.Mutex
	given map[int]bool
}

// ports is the pool of this process.
var ports = sync.OnceValue(func() *pool {
	low, high := endPort, lastPort
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil { // Linux
		if _, err := fmt.Sscan(string(text), &low, &high); err != nil {
			low, high = endPort, lastPort
		}
	}
	from, to := outside(low, high)
	return &pool{from: from, to: to, given: map[int]bool{}}
})

// FreePorts are ports of loopback that nobody listens on at the moment, and that nobody is given by chance later.
func FreePorts(n int) ([]int, error) { return ports().take(n) }

// outside is where ports are that the kernel does not choose by itself, from low to high: below, or else above. Where it
// chooses from nearly all there are, any will do.
func outside(low, high int) (from, to int) {
	switch {
	case low >= firstPort+enough:
		return firstPort, min(low, endPort)
	case lastPort-high >= enough:
		return max(high+1, firstPort), lastPort + 1
	}
	return firstPort, endPort
}

// take tries every port of the pool, from a random one on.
func (p *pool) take(n int) ([]int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]int, 0, n)
	size := p.to - p.from
	start := rand.IntN(size)
	for i := 0; i < size && len(out) < n; i++ {
		port := p.from + (start+i)%size
		if p.given[port] {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)) //nolint:noctx // no name to look up
		if err != nil {
			continue
		}
		_ = l.Close()
		p.given[port] = true
		out = append(out, port)
	}
	if len(out) < n {
		return nil, fmt.Errorf("look for %d free ports from %d to %d: %w", n, p.from, p.to-1, errNoneLeft)
	}
	return out, nil
}

var errNoneLeft = errors.New("none is left")
