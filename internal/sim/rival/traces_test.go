package rival

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/forewarm/forewarm/internal/sim/fluid"
	"github.com/forewarm/forewarm/internal/sim/trace"
)

// traceFolder is FOREWARM_TRACES, else the folder shared/traces beside the repository.
func traceFolder(tb testing.TB) string {
	tb.Helper()
	if dir := os.Getenv("FOREWARM_TRACES"); dir != "" {
		return dir
	}
	root := "."
	for range 8 {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		root = filepath.Join(root, "..")
	}
	dir := filepath.Join(root, "..", "shared", "traces")
	if _, err := os.Stat(dir); err != nil {
		tb.Skipf("no traces: set FOREWARM_TRACES to a folder of them (%v)", err)
	}
	return dir
}

func yardstickLoads(tb testing.TB) []fluid.Trace {
	tb.Helper()
	dir, out := traceFolder(tb), []fluid.Trace(nil)
	for _, tr := range fluid.Development() {
		if only := os.Getenv("FOREWARM_ONLY"); only != "" && !slices.Contains(strings.Split(only, ","), tr.Name) {
			continue
		}
		s, err := trace.Read(filepath.Join(dir, tr.Name+".csv.gz"))
		if err != nil {
			tb.Fatal(err)
		}
		l, err := fluid.Resample(tr.Name, s.Bucket, s.Requests, fluid.Tick)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Logf("%s: %d ticks, %d of them in holes", tr.Name, len(l.Rate), l.Filled)
		out = append(out, fluid.Trace{Load: l, Class: tr.Class})
	}
	return out
}
