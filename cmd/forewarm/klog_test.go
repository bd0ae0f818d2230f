package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestLibrariesDoNotWriteToStderrOnTheirOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters: [{name: a, cluster: {server: '" + silent(t) + "'}}]\n" +
		"contexts: [{name: a, context: {cluster: a}}]\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	os.Stderr = w
	code, _, _ := invoke(t, "recommend", "--config", file(t, fmt.Sprintf(model, "vllm")), "--prometheus", fakeVLLM(t, 1),
		"--history", "10m", "--kubeconfig", path)
	os.Stderr = stderr
	_ = w.Close()
	raw, err := io.ReadAll(r)
	if err != nil || len(raw) > 0 {
		t.Errorf("want nothing beside our own stderr (code %d), got %v\n%s", code, err, raw)
	}
}
