package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The exit codes that users script against.
const (
	exitOK       = 0
	exitError    = 1
	exitUsage    = 2
	exitFindings = 3
	exitNoData   = 4
)

// longestRun ends a command that hangs; none may need more.
const longestRun = 60 * time.Second

// result is what a command left behind.
type result struct {
	code           int
	stdout, stderr string
	took, cpu      time.Duration
	peak           string // most memory at a time
}

// command is the binary as a user would run it on a laptop that has neither a
// kubeconfig nor anything else of its owner's.
func command(ctx context.Context, t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(ctx, forewarmBinary, args...)
	home := t.TempDir()
	cmd.Dir, cmd.Env = home, []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + home}
	cmd.SysProcAttr = dieWithParent()
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// forewarm runs the binary to its end.
func forewarm(t *testing.T, args ...string) result {
	t.Helper()
	return forewarmWithin(t, longestRun, args...)
}

// forewarmWithin is the same for what may take another time.
func forewarmWithin(t *testing.T, longest time.Duration, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	cmd := command(ctx, t, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	r := result{stdout: stdout.String(), stderr: stderr.String(), took: time.Since(start)}
	if p := cmd.ProcessState; p != nil {
		r.cpu, r.peak = p.UserTime()+p.SystemTime(), peakOf(p)
	}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		t.Fatalf("forewarm %s did not end within %s\n%s", strings.Join(args, " "), longest, r)
	case errors.As(err, &exit):
		r.code = exit.ExitCode()
	case err != nil:
		t.Fatal(err)
	}
	if strings.Contains(r.stderr+r.stdout, "goroutine ") || strings.Contains(r.stderr, "panic:") {
		t.Errorf("forewarm %s panicked\n%s", strings.Join(args, " "), r)
	}
	return r
}

func (r result) String() string {
	return "-- stdout\n" + r.stdout + "-- stderr\n" + r.stderr + "--"
}

// want checks an exit code.
func (r result) want(t *testing.T, code int) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code: want %d, got %d\n%s", code, r.code, r)
	}
}

// empty checks that there is no result, and so none that could be misread.
func (r result) empty(t *testing.T) {
	t.Helper()
	if r.stdout != "" {
		t.Errorf("standard output: want nothing, got\n%s", r.stdout)
	}
}

// says checks that a text mentions all of the words, whatever their case.
func says(t *testing.T, what, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(strings.ToLower(text), strings.ToLower(w)) {
			t.Errorf("%s: want it to say %q, got\n%s", what, w, text)
		}
	}
}

// configFile writes a configuration file.
func configFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "forewarm.yaml")
	if err := os.WriteFile(path, []byte("apiVersion: forewarm.dev/v1alpha1\nkind: Config\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// recommendation is what we read of the JSON output. The names are spelled out
// here, not imported: they are a contract with scripts. See docs/output.md.
type recommendation struct {
	APIVersion string  `json:"apiVersion"`
	Kind       string  `json:"kind"`
	Models     []row   `json:"models"`
	Faults     []fault `json:"faults"`
}

type row struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	ModelName string    `json:"modelName"`
	Engine    string    `json:"engine"`
	Work      work      `json:"work"`
	Pending   *float64  `json:"pendingRequests"`
	Running   *float64  `json:"runningRequests"`
	KV        *float64  `json:"kvUtilization"`
	TTFT      *float64  `json:"ttftP95Seconds"`
	Partial   bool      `json:"partial"`
	Active    bool      `json:"active"`
	Hold      bool      `json:"hold"`
	Signals   []signal  `json:"signals,omitempty"`
	Variants  []variant `json:"variants"`
	Steps     []step    `json:"steps,omitempty"`
	Faults    []fault   `json:"faults"`
}

type work struct {
	Requests     *float64 `json:"requestsPerSecond"`
	PromptTokens *float64 `json:"promptTokensPerSecond"`
	OutputTokens *float64 `json:"outputTokensPerSecond"`
}

type signal struct {
	Name  string   `json:"name"`
	Pod   string   `json:"pod"`
	Value *float64 `json:"value"`
	Age   *float64 `json:"ageSeconds"`
	State string   `json:"state"`
}

type variant struct {
	Name        string `json:"name"`
	State       string `json:"state"`
	Now         *int   `json:"replicasNow"`
	Recommended *int   `json:"replicasRecommended"`
	Ready       *int   `json:"readyReplicas"`
	Starting    *int   `json:"startingReplicas"`
	Why         string `json:"why"`
	GPUs        int    `json:"gpusPerReplica"`
}

func (v variant) String() string {
	return text(v.Now) + " now, " + text(v.Recommended) + " recommended, " + v.State
}

type step struct {
	Why  string `json:"why"`
	Text string `json:"text"`
}

type fault struct {
	Code   string `json:"code"`
	Signal string `json:"signal"`
	Object string `json:"object"`
	Text   string `json:"text"`
}

// recommend runs the command with -o json and decodes what it prints.
func recommend(t *testing.T, args ...string) (recommendation, result) {
	t.Helper()
	r := forewarm(t, append([]string{"recommend", "-o", "json"}, args...)...)
	var out recommendation
	if err := json.Unmarshal([]byte(r.stdout), &out); err != nil {
		t.Fatalf("want one JSON document on stdout, got %v (exit code %d)\n%s", err, r.code, r)
	}
	if out.APIVersion != "forewarm.dev/v1alpha1" || out.Kind != "Recommendation" {
		t.Errorf("want a Recommendation of forewarm.dev/v1alpha1, got %q of %q", out.Kind, out.APIVersion)
	}
	return out, r
}

// model finds the row of a model by its namespace; each scene has its own.
func (r recommendation) model(t *testing.T, namespace string) row {
	t.Helper()
	var found []row
	for _, m := range r.Models {
		if m.Namespace == namespace {
			found = append(found, m)
		}
	}
	if len(found) != 1 {
		t.Fatalf("want one model in namespace %s, got %d of %s; faults %s",
			namespace, len(found), text(&r.Models), text(&r.Faults))
	}
	return found[0]
}

// only is the model's single variant.
func (m row) only(t *testing.T) variant {
	t.Helper()
	if len(m.Variants) != 1 {
		t.Fatalf("%s: want one variant, got %d: %s", m.Namespace, len(m.Variants), m)
	}
	return m.Variants[0]
}

// String leaves out what only an explanation needs.
func (m row) String() string {
	m.Signals, m.Steps = nil, nil
	return text(&m)
}

// blind says whether nothing is known of the model's load.
func (m row) blind() bool {
	return m.Pending == nil && m.Running == nil && m.KV == nil && m.Work.Requests == nil
}

// faulty says whether one of the model's faults mentions all words.
func (m row) faulty(words ...string) bool { return mentions(m.Faults, words...) }

// mentions says whether one of the faults mentions all words: a pod, a signal.
func mentions(faults []fault, words ...string) bool {
	return slices.ContainsFunc(faults, func(f fault) bool {
		return containsAll(f.Code+" "+f.Signal+" "+f.Object+" "+f.Text, words)
	})
}

// near says whether a known value is within a tenth of what was put in.
func near(got *float64, want float64) bool {
	return got != nil && *got >= want*0.9 && *got <= want*1.1
}

// text is an optional number for messages.
func text[T any](v *T) string {
	if v == nil {
		return "unknown"
	}
	b, _ := json.Marshal(v)
	return string(b)
}
