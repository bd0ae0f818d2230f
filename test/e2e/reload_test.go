//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The file is read while running. A broken one changes nothing, and a good one after it does.
func TestConfigurationIsReadWhileRunning(t *testing.T) {
	s := tell(t, "reload")
	path := filepath.Join(s.dir, "reload.yaml")
	write := func(text string) { s.check(os.WriteFile(path, []byte(text), 0o600)) }
	document := func(low int) string {
		return fmt.Sprintf(`
apiVersion: forewarm.dev/v1alpha1
kind: Config
sources: [{name: default, url: '%s'}]
interval: 2s
history: 0s
models:
- name: llama
  namespace: reload
  engine: vllm
  modelName: reload/llama
  slo: {ttftP95: 2s}
  variants: [{name: on-demand, target: {name: llama}, replicas: {min: %d, max: 9}, capacity: {requestsPerSecond: 6}}]
`, s.prom.url, low)
	}
	write(document(2))
	f, err := startForewarmWith(t.Context(), s.cluster, "forewarm-reload", path, s.certs())
	s.check(err)
	t.Cleanup(func() { _ = f.Stop() })
	m := s.serve("llama", options{})
	m.turn(1)
	says := func(n int) func(context.Context) error {
		return func(ctx context.Context) error {
			r, err := f.report(ctx)
			if err != nil {
				return err
			}
			if v := r.Models[0].Variants[0].Recommended; v == nil || *v != n {
				return fmt.Errorf("it says %v", v)
			}
			return nil
		}
	}
	s.eventually(time.Minute, "Forewarm wants the minimum of two", says(2))
	write(document(4))
	s.eventually(time.Minute, "the new minimum is in force", says(4))
	write("kind: Nonsense")
	s.always(8*time.Second, "a broken file changes nothing", says(4))
	write(document(5))
	s.eventually(time.Minute, "a good file after it is taken", says(5))
	if log, err := os.ReadFile(f.Log); err != nil || !strings.Contains(string(log), "apiVersion") {
		t.Errorf("want the broken file reported, got %v:\n%s", err, log)
	}
}
