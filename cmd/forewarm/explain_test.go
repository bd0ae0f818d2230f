package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExplainAndReplay(t *testing.T) {
	cfg, url := file(t, fmt.Sprintf(model, "vllm")), fakeVLLM(t, 2)
	from := []string{"--config", cfg, "--prometheus", url, "--history", "10m", "-q"}
	code, stdout, _ := invoke(t, append([]string{"explain", "llm/llama"}, from...)...)
	for _, part := range []string{"SIGNALS", "FORECAST", "RULES", "RESULT"} {
		if code != exitOK || !strings.Contains(stdout, part) {
			t.Errorf("want 0 and %s, got %d\n%s", part, code, stdout)
		}
	}
	code, record, stderr := invoke(t, append([]string{"explain", "llm/llama", "-o", "json", "--at", "-1h"}, from...)...)
	if code != exitOK || !strings.Contains(record, `"kind": "DecisionRecord"`) {
		t.Fatalf("want a record, got %d\n%s%s", code, record, stderr)
	}
	path := filepath.Join(t.TempDir(), "records.jsonl")
	replay := func(text string) (int, string, string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return invoke(t, "explain", "--replay", path)
	}
	code, stdout, stderr = replay(record + record)
	if code != exitOK || strings.Count(stdout, ": identical") != 2 || !strings.Contains(stdout, "One replica of") {
		t.Errorf("want two identical decisions with their sentences, got %d\n%s%s", code, stdout, stderr)
	}
	forged := strings.Replace(record, `"want": `, `"want": 1`, 1)
	code, stdout, stderr = replay(forged)
	if code != exitFindings || !strings.Contains(stdout, "proposal.variants[0].want: logged 1") {
		t.Errorf("want 3 and the field that differs, got %d\n%s%s", code, stdout, stderr)
	}
	for name, text := range map[string]string{"nothing": "", "no JSON": "hello", "something else": `{"kind":"Recommendation"}`} {
		if code, _, stderr = replay(text); code == exitOK || stderr == "" {
			t.Errorf("%s: want an error, got %d %q", name, code, stderr)
		}
	}
}

func TestExplainRefuses(t *testing.T) {
	for name, args := range map[string][]string{
		"nobody":        {},
		"two questions": {"llm/llama", "--replay", "x"},
		"a wrong form":  {"llm/llama", "-o", "csv"},
		"a lost file":   {"--replay", filepath.Join(t.TempDir(), "none")},
	} {
		if code, _, stderr := invoke(t, append([]string{"explain"}, args...)...); code != exitUsage || stderr == "" {
			t.Errorf("%s: want 2 and a sentence, got %d %q", name, code, stderr)
		}
	}
}
