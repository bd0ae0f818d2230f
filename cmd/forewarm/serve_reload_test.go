package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A file that breaks while running must not be ignored in silence: its owner believes it is in force.
func TestABrokenFileIsSaidOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "forewarm.yaml")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	good := "apiVersion: forewarm.dev/v1alpha1\nkind: Config\nsources: [{name: default, url: 'http://127.0.0.1:9'}]\n"
	write(good)
	var stderr bytes.Buffer
	f := &serveFlags{}
	f.configFile = path
	reload, err := f.reload(&streams{err: &stderr})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	check := func(want string) {
		t.Helper()
		stderr.Reset()
		now = now.Add(15 * time.Second)
		if _, changed := reload(now); changed {
			t.Error("want the good version kept")
		}
		if got := stderr.String(); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("want %q, got %q", want, got)
		}
	}
	check("")
	write("kind: Nonsense\n")
	check("cannot be used, the last good version stays in use: ")
	check("")
	write(good)
	check("is good again")
	check("")
}
