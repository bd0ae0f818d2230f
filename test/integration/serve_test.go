package integration

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// serve --dry-run decides like serve and prints instead of serving.
func TestServeDryRun(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s := f.add("live", 2, 2, steady())
	prom := f.scrape()
	file := configFile(t, fmt.Sprintf("sources: [{name: default, url: %q}]\ninterval: 1s\nhistory: 1m\nmaxAge: %s\n",
		prom.url, maxAge))

	ctx, cancel := context.WithTimeout(t.Context(), 2*longestRun)
	defer cancel()
	said := &tail{}
	p := startProcess(t, command(ctx, t, "serve", "--dry-run", "--config", file),
		said.add, func(string) bool { return true })
	// saying waits for a line about the model.
	saying := func(what string, words ...string) {
		t.Helper()
		eventually(t, soon, what, func(context.Context) error {
			select {
			case <-p.exited:
				t.Fatalf("the command ended (%s)\n%s\n%s", p.cmd.ProcessState, said.String(), p.stderr.String())
			default:
			}
			for line := range strings.Lines(said.String()) {
				if containsAll(line, words) {
					return nil
				}
			}
			return fmt.Errorf("it said\n%s\n%s", said.String(), p.stderr.String())
		})
	}
	saying("the first decision", s.name, "2 -> 2")
	for _, pod := range s.pods {
		pod.set(overloaded())
	}
	saying("the decision to grow", s.name, "2 -> 8")

	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.exited:
	case <-time.After(5 * time.Second):
		t.Error("still there 5 s after SIGINT")
		return
	}
	if code := p.cmd.ProcessState.ExitCode(); code != exitOK {
		t.Errorf("exit code after SIGINT: want %d, got %d\n%s", exitOK, code, p.stderr.String())
	}
	if log := p.stderr.String(); strings.Contains(log, "panic") || strings.Contains(log, "goroutine ") {
		t.Errorf("want an orderly end, got\n%s", log)
	}
}

func containsAll(text string, words []string) bool {
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
}
