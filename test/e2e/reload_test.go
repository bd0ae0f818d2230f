//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// configMap is the volume of a ConfigMap as kubelet has it: the file is a link into ..data, which is a link to a
// directory that nothing changes any more. Whoever reads has all of the old text or all of the new one.
type configMap struct {
	dir      string
	revision int
}

func (c *configMap) file() string { return filepath.Join(c.dir, "forewarm.yaml") }

// replace writes a revision, turns ..data to it at once, and removes the one before.
func (c *configMap) replace(text string) error {
	before, after := fmt.Sprintf("..%d", c.revision), fmt.Sprintf("..%d", c.revision+1)
	c.revision++
	data, next := filepath.Join(c.dir, "..data"), filepath.Join(c.dir, "..data_tmp")
	if err := os.MkdirAll(filepath.Join(c.dir, after), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(c.dir, after, "forewarm.yaml"), []byte(text), 0o600); err != nil {
		return err
	}
	if err := errors.Join(os.Symlink(after, next), os.Rename(next, data)); err != nil {
		return err
	}
	if c.revision == 1 {
		return os.Symlink(filepath.Join("..data", "forewarm.yaml"), c.file())
	}
	return os.RemoveAll(filepath.Join(c.dir, before))
}

// The file is read while running. A broken one changes nothing, and a good one after it does.
func TestConfigurationIsReadWhileRunning(t *testing.T) {
	s := tell(t, "reload")
	volume := &configMap{dir: filepath.Join(s.dir, "reload")}
	write := func(text string) { s.check(volume.replace(text)) }
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
	f := s.startOwn("forewarm-reload", volume.file(), s.certs())
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
