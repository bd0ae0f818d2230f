package integration

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Set by TestMain before any test runs.
var (
	prometheusBinary string
	forewarmBinary   string
)

// TestMain builds what is tested once for the package, and looks after the last
// test for what was left behind.
func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Fprintln(os.Stderr, "integration: SKIPPED under -short: nothing was run against a real Prometheus server")
		os.Exit(0)
	}
	if !given("test.parallel") {
		_ = flag.Set("test.parallel", "32") // these tests wait; they hardly work
	}
	os.Exit(run(m))
}

// given says whether a flag is on the command line.
func given(name string) bool {
	found := false
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "forewarm-integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "integration: make a directory for the binary:", err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	// A tool that is not cached yet takes minutes; go test has its own deadline.
	ctx, cancel := context.WithTimeout(context.Background(), 19*time.Minute)
	defer cancel()
	if prometheusBinary, err = findPrometheus(ctx); err == nil {
		forewarmBinary, err = buildForewarm(ctx, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		return 1
	}
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "integration: goroutines left behind:", err)
		return 1
	}
	return code
}

// findPrometheus is FOREWARM_TEST_PROMETHEUS, else what the project's own tool
// script builds and caches.
func findPrometheus(ctx context.Context) (string, error) {
	path := os.Getenv("FOREWARM_TEST_PROMETHEUS")
	if path == "" {
		cmd := exec.CommandContext(ctx, filepath.Join("..", "tools", "tool"), "prometheus")
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("build the Prometheus server (test/tools/tool prometheus): %w;"+
				" or name one in FOREWARM_TEST_PROMETHEUS", err)
		}
		path = strings.TrimSpace(string(out))
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("look for the Prometheus server: %w", err)
	}
	if info.IsDir() || info.Mode()&0o111 == 0 {
		return "", fmt.Errorf("look for the Prometheus server: %s is not an executable file", path)
	}
	return path, nil
}

// buildForewarm builds the binary of this tree, as it is.
func buildForewarm(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "forewarm")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", path, "./cmd/forewarm")
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build ./cmd/forewarm: %w\n%s", err, out)
	}
	return path, nil
}
