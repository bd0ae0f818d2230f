package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestSpeedIsANumberOrMax(t *testing.T) {
	for text, want := range map[string]float64{"max": 0, "1440": 1440, "0.5": 0.5} {
		var s speed
		if err := s.Set(text); err != nil || float64(s) != want || s.String() != text {
			t.Errorf("%s: want %g, got %s (%v)", text, want, s.String(), err)
		}
	}
	for _, text := range []string{"", "0", "-1", "NaN", "Inf", "fast", "1e300"} {
		if err := new(speed).Set(text); err == nil {
			t.Errorf("want %q refused", text)
		}
	}
}

func TestUsageErrorsExitWithTwo(t *testing.T) {
	for name, args := range map[string][]string{
		"an unknown flag": {"--fast"}, "an argument": {"now"}, "a speed that is none": {"--speed", "0"}, "time runs back": {"--for", "-1s"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), args, &stdout, &stderr)
		if code != exitUsage || stdout.Len() > 0 || strings.Count(stderr.String(), "demo:") != 1 {
			t.Errorf("%s: want %d and one line on stderr, got %d, %q, %q", name, exitUsage, code, stdout.String(), stderr.String())
		}
	}
}

func TestHelpNamesEveryFlag(t *testing.T) {
	var out bytes.Buffer
	cmd := command(new(bool))
	cmd.SetOut(&out)
	cmd.SetArgs([]string{"--help"})
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	for _, flag := range []string{"--for", "--span", "--speed", "--seed", "--plain"} {
		if !strings.Contains(out.String(), flag) {
			t.Errorf("want %s in:\n%s", flag, out.String())
		}
	}
}
