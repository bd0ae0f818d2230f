//go:build e2e

package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Set by TestMain before any story runs.
var (
	shared         *cluster
	forewarmBinary string
	root           = filepath.Join("..", "..")
)

// TestMain starts the cluster once, and looks after the last story for what was skipped.
func TestMain(m *testing.M) {
	flag.Parse()
	if !given("test.parallel") {
		_ = flag.Set("test.parallel", "64") // stories wait; they hardly work
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
	dir, err := workDir()
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e: make a directory:", err)
		return 1
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	start := time.Now()
	err = buildForewarm(ctx, dir)
	if err == nil {
		shared, err = startCluster(ctx, dir)
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e: start the cluster:", err)
	} else {
		fmt.Printf("e2e: control plane, Prometheus and Forewarm are ready after %.1f s; logs are in %s\n",
			time.Since(start).Seconds(), dir)
		code = m.Run()
	}
	cancel() // watches, for which the API server would wait
	if shared != nil && shared.Plane != nil {
		if err := shared.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "e2e: stop:", err)
			code = 1
		}
	}
	took := time.Since(start)
	whole := flag.Lookup("test.run").Value.String() == ""
	summary.print(took, whole)
	if whole && took > failsAfter {
		code = 1
	}
	if code == 0 && summary.nothing() {
		fmt.Fprintln(os.Stderr, "*** e2e: NO SCENARIO RAN, WHICH PROVES NOTHING: is -run (E2E=) the name of one? ***")
		code = 1
	}
	if code == 0 && os.Getenv("FOREWARM_E2E_DIR") == "" {
		_ = os.RemoveAll(dir)
	} else {
		fmt.Fprintln(os.Stderr, "e2e: logs are kept in", dir)
	}
	return code
}

// buildForewarm builds the binary of this tree, as it is.
func buildForewarm(ctx context.Context, dir string) error {
	forewarmBinary = filepath.Join(dir, "bin", "forewarm")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", forewarmBinary, "./cmd/forewarm")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build ./cmd/forewarm: %w\n%s", err, out)
	}
	return nil
}

// summary is what the run says at its end; .ci/run looks for its first and its last line.
var summary = &report{}

type report struct {
	mu      sync.Mutex
	passed  int
	failed  []string
	skipped []string
	lines   []string
}

// told notes how a story ended; one that was skipped has been noted with its reason.
func (r *report) told(name string, failed, skipped bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case failed:
		r.failed = append(r.failed, name)
	case !skipped:
		r.passed++
	}
}

// skip notes a story that was not told, and why.
func (r *report) skip(name, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.skipped = append(r.skipped, name+": "+why)
}

// measured notes a figure.
func (r *report) measured(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
}

// nothing says whether no story was told, nor left out.
func (r *report) nothing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.passed+len(r.failed)+len(r.skipped) == 0
}

// What a whole run may take, once the servers are built: beyond atMost its last line says so, because a busy machine can
// be why; beyond failsAfter it fails.
const (
	atMost     = 12 * time.Minute
	failsAfter = 20 * time.Minute
)

// pace says what is wrong with how long a run took, if anything is. Parts of a run may take what they take.
func pace(took time.Duration, whole bool) string {
	switch {
	case !whole || took <= atMost:
		return ""
	case took <= failsAfter:
		return fmt.Sprintf(" (TOO SLOW: %.0f s AT MOST)", atMost.Seconds())
	}
	return fmt.Sprintf(" (FAILED, TOO SLOW: %.0f s AT MOST, %.0f ON A BUSY MACHINE)",
		atMost.Seconds(), failsAfter.Seconds())
}

func (r *report) print(took time.Duration, whole bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Printf("\ne2e: summary\n")
	if len(r.lines) > 0 {
		fmt.Printf("measured\n  %s\n", strings.Join(r.lines, "\n  "))
	}
	if len(r.skipped) > 0 {
		fmt.Printf("\n*** e2e: %d SCENARIOS WERE SKIPPED AND PROVE NOTHING ***\n  %s\n",
			len(r.skipped), strings.Join(r.skipped, "\n  "))
	}
	if len(r.failed) > 0 {
		fmt.Printf("\nfailed\n  %s\n", strings.Join(r.failed, "\n  "))
	}
	slow := pace(took, whole)
	if slow != "" {
		fmt.Printf("\n*** e2e: THE RUN TOOK %.0f s%s ***\n", took.Seconds(), slow)
	}
	fmt.Printf("e2e: %d scenarios passed, %d failed, %d skipped, %.0f s%s in all\n",
		r.passed, len(r.failed), len(r.skipped), took.Seconds(), slow)
}

// eventually polls until check returns nil; the last error is the test's.
func eventually(ctx context.Context, within time.Duration, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		if last == nil || !errors.Is(err, context.DeadlineExceeded) {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %s: %w", within, last)
		case <-tick.C:
		}
	}
}
