package plane

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Tool is the path that test/tools/tool prints, building the tool first where it is not cached.
func Tool(ctx context.Context, name string) (string, error) {
	_, here, _, _ := runtime.Caller(0)
	cmd := exec.CommandContext(ctx, filepath.Join(filepath.Dir(here), "..", "tools", "tool"), name)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("build %s (test/tools/tool %s): %w", name, name, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// FreePorts are ports of loopback that nobody listens on at the moment.
func FreePorts(n int) ([]int, error) {
	ports := make([]int, n)
	listeners := make([]net.Listener, 0, n)
	defer func() {
		for _, l := range listeners { // all of them at once, so that the ports differ
			_ = l.Close()
		}
	}()
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // no name to look up
		if err != nil {
			return nil, fmt.Errorf("look for a free port: %w", err)
		}
		listeners = append(listeners, l)
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

// Listens says whether an address is open.
func Listens(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("dial: %w", err)
		}
		return conn.Close()
	}
}
