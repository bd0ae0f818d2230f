package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestMain hides the developer's own kubeconfig.
func TestMain(m *testing.M) {
	_ = os.Setenv("KUBECONFIG", filepath.Join(os.TempDir(), "forewarm-test-has-no-kubeconfig"))
	goleak.VerifyTestMain(m)
}

// invoke runs the program as main does.
func invoke(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

func TestBadCommandLines(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		says []string
	}{
		"an unknown command": {[]string{"advise"}, []string{"advise"}},
		"an unknown flag":    {[]string{"recommend", "--promtheus", "x"}, []string{"--promtheus"}},
		"an argument too many": {
			[]string{"recommend", "llm"}, []string{"llm"},
		},
		"everything that is wrong with the flags, at once": {
			[]string{
				"recommend", "--prometheus", "http://127.0.0.1:1", "-o", "xml", "--fail-on", "drift", "--timeout", "-1s",
				"--at", "-2h", "--watch",
			},
			[]string{"--output", "xml", "--fail-on", "drift", "--timeout", "--watch and --at"},
		},
		"nowhere to read from":          {[]string{"recommend"}, []string{"--prometheus URL", "--config"}},
		"a URL without scheme":          {[]string{"recommend", "--prometheus", "prometheus:9090"}, []string{"http"}},
		"credentials without a server":  {[]string{"recommend", "--tenant", "a"}, []string{"--tenant", "--prometheus"}},
		"a header without a value":      {[]string{"recommend", "--prometheus", "http://127.0.0.1:1", "--header", "x"}, []string{"--header"}},
		"less history than rates need":  {[]string{"recommend", "--prometheus", "http://127.0.0.1:1", "--history", "5s"}, []string{"--history", "2m", "5s"}},
		"a watch faster than the ticks": {[]string{"recommend", "--prometheus", "http://127.0.0.1:1", "--watch=5s"}, []string{"--watch", "15s", "5s"}},
		"faster than the file's ticks": {
			[]string{"recommend", "--config", file(t, fmt.Sprintf("interval: 30s"+model, "vllm")), "--prometheus", "http://127.0.0.1:1", "--watch"},
			[]string{"--watch", "30s"},
		},
		"a watch without equals sign": {[]string{"recommend", "--prometheus", "http://127.0.0.1:1", "--watch", "20s"}, []string{"--watch=20s"}},
		"a moment that is none":       {[]string{"recommend", "--prometheus", "http://127.0.0.1:1", "--at", "noon"}, []string{"--at", "noon"}},
		"a metrics API without a cluster": {
			[]string{"serve", "--prometheus", "http://127.0.0.1:1", "--adapter-listen", ":6443"}, []string{"--adapter-listen", "--kubeconfig FILE"},
		},
		"a metrics API that cannot be": {
			[]string{"serve", "--prometheus", "http://127.0.0.1:1", "--adapter-listen", "here", "--adapter-tls-cert", "x", "--adapter-service", "y"},
			[]string{"listen: want IP:port", "certificate: want both", "namespace/name"},
		},
		"times that run backwards": {
			[]string{"serve", "--prometheus", "http://127.0.0.1:1", "--lag", "-1s", "--drain", "-2s", "--stop-timeout", "-3s"},
			[]string{"--lag", "-1s", "--drain", "-2s", "--stop-timeout", "-3s"},
		},
		"config without a subcommand": {[]string{"config"}, []string{"check", "schema"}},
		"config check without a file": {[]string{"config", "check"}, []string{"1 arg"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := invoke(t, tc.args...)
			if code != exitUsage || stdout != "" {
				t.Errorf("want exit code %d and nothing on stdout, got %d and %q", exitUsage, code, stdout)
			}
			for _, s := range tc.says {
				if !strings.Contains(stderr, s) {
					t.Errorf("stderr: want %q in\n%s", s, stderr)
				}
			}
		})
	}
}

// silent is a port nobody listens on.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return "http://" + l.Addr().String()
}

func answering(t *testing.T, contentType, body string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestServersThatDoNotHelp(t *testing.T) {
	const empty = `{"status":"success","data":{"resultType":"vector","result":[]}}`
	for name, tc := range map[string]struct {
		url  string
		code int
		says []string
	}{
		"nobody listens":         {silent(t), exitFailed, []string{"refused", "check the URL"}},
		"a page, not an API":     {answering(t, "text/html", "<html>sign in</html>"), exitFailed, []string{"not a Prometheus"}},
		"JSON of something else": {answering(t, "application/json", `{"hello":1}`), exitFailed, []string{"source default"}},
		"an empty Prometheus":    {answering(t, "application/json", empty), exitNoData, []string{"no inference engine", "PodMonitor"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := invoke(t, "recommend", "--prometheus", tc.url)
			if code != tc.code || stdout != "" {
				t.Errorf("want exit code %d and nothing on stdout, got %d and %q", tc.code, code, stdout)
			}
			for _, s := range append(tc.says, tc.url) {
				if !strings.Contains(stderr, s) {
					t.Errorf("stderr: want %q in\n%s", s, stderr)
				}
			}
		})
	}
}

const model = `
models:
- name: llama
  namespace: llm
  engine: %s
  modelName: meta/llama
  slo: {ttftP95: 2s}
  variants: [{name: main, target: {name: llama}, replicas: {min: 1, max: 8}}]
`

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "forewarm.yaml")
	if err := os.WriteFile(path, []byte("apiVersion: forewarm.dev/v1alpha1\nkind: Config\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConfigCheck(t *testing.T) {
	good := fmt.Sprintf("sources: [{name: default, url: 'http://p:9090'}]"+model, "vllm")
	for name, tc := range map[string]struct {
		path string
		code int
		says []string
	}{
		"a good file":       {file(t, good), exitOK, []string{"ok (1 sources, 1 models"}},
		"an unknown engine": {file(t, fmt.Sprintf(model, "vlm")), exitFindings, []string{"models[0].engine", "did you mean vllm"}},
		"two slips at once": {file(t, "interval: 1ms\nholdfor: 3m\n"), exitFindings, []string{"interval", "holdfor"}},
		"no file":           {"/no/such/file.yaml", exitFailed, []string{"/no/such/file.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := invoke(t, "config", "check", tc.path)
			if code != tc.code {
				t.Errorf("want exit code %d, got %d", tc.code, code)
			}
			for _, s := range tc.says {
				if !strings.Contains(stdout+stderr, s) {
					t.Errorf("want %q in\n%s%s", s, stdout, stderr)
				}
			}
		})
	}
}

func TestRecommendRefusesABadFile(t *testing.T) {
	code, stdout, stderr := invoke(t, "recommend", "--prometheus", "http://127.0.0.1:1", "--config", file(t, fmt.Sprintf(model, "vlm")))
	if code != exitFailed || stdout != "" || !strings.Contains(stderr, "models[0].engine") {
		t.Errorf("want exit code %d and the field named, got %d\n%s%s", exitFailed, code, stdout, stderr)
	}
}

func TestAConfiguredModelIsShownThoughNothingAnswers(t *testing.T) {
	code, stdout, stderr := invoke(t, "recommend", "--prometheus", silent(t), "--config", file(t, fmt.Sprintf(model, "vllm")))
	if code != exitNoData {
		t.Errorf("want exit code %d, got %d\n%s", exitNoData, code, stderr)
	}
	for _, s := range []string{"llama", "no answer"} {
		if !strings.Contains(stdout, s) {
			t.Errorf("want %q in the table\n%s", s, stdout)
		}
	}
	if !strings.Contains(stderr, "refused") {
		t.Errorf("want the cause on stderr\n%s", stderr)
	}
}

func TestTheSchemaIsTheGeneratedOne(t *testing.T) {
	code, stdout, _ := invoke(t, "config", "schema")
	want, err := os.ReadFile("../../docs/config.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if code != exitOK || stdout != string(want) {
		t.Error("config schema differs from docs/config.schema.json: copy that file to cmd/forewarm")
	}
	if !json.Valid([]byte(stdout)) {
		t.Error("config schema is not JSON")
	}
}

func TestAKubeconfigThatIsNotThereIsNamed(t *testing.T) {
	code, stdout, stderr := invoke(t, "recommend", "--kubeconfig", "/no/such/kubeconfig")
	if code != exitFailed || stdout != "" || !strings.Contains(stderr, "/no/such/kubeconfig") {
		t.Errorf("want exit code %d and the file named, got %d\n%s%s", exitFailed, code, stdout, stderr)
	}
}

func TestAFileThatIsNotThereIsAnError(t *testing.T) {
	for flag, says := range map[string]string{"--bearer-token-file": "bearer token", "--config": "config"} {
		code, stdout, stderr := invoke(t, "recommend", "--prometheus", "http://127.0.0.1:1", flag, "/no/such")
		if code != exitFailed || stdout != "" || !strings.Contains(stderr, "/no/such") || !strings.Contains(stderr, says) {
			t.Errorf("%s: want exit code %d and the file named, got %d\n%s%s", flag, exitFailed, code, stdout, stderr)
		}
	}
}

func TestAKubeconfigThatDoesNotHelpIsTheCause(t *testing.T) {
	server := silent(t)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	for name, tc := range map[string]struct {
		text string
		says []string
	}{
		"nobody listens": {
			"apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters: [{name: a, cluster: {server: '" + server + "'}}]\n" +
				"contexts: [{name: a, context: {cluster: a}}]\n",
			[]string{"API server " + server + " did not answer", "refused", "port-forward service/prometheus-operated", "--prometheus"},
		},
		"a file of something else": {"global: {scrape_interval: 15s}\n", []string{"--kubeconfig " + path, "not a kubeconfig", "no cluster"}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			code, stdout, stderr := invoke(t, "recommend", "--kubeconfig", path)
			if code != exitFailed || stdout != "" {
				t.Errorf("want exit code %d and nothing on stdout, got %d and %q", exitFailed, code, stdout)
			}
			for _, s := range tc.says {
				if !strings.Contains(stderr, s) {
					t.Errorf("want %q in\n%s", s, stderr)
				}
			}
		})
	}
}

func TestVersionAndHelp(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"help"}, {"recommend", "--help"}, {"completion", "bash"}} {
		if code, stdout, stderr := invoke(t, args...); code != exitOK || stdout == "" || stderr != "" {
			t.Errorf("%v: want 0 and text on stdout only, got %d, %d bytes, %q", args, code, len(stdout), stderr)
		}
	}
}
