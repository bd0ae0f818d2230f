package main

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/forewarm/forewarm/internal/app"
)

func TestVerdict(t *testing.T) {
	report := func(now, rec *int, faults ...app.Fault) app.Report {
		return app.Report{Faults: faults, Models: []app.ModelReport{{
			Namespace: "llm", Name: "m", Variants: []app.VariantReport{{Name: "v", Now: now, Recommended: rec}},
		}}}
	}
	fault := app.Fault{Code: "pod-missing", Text: "gone"}
	for name, tc := range map[string]struct {
		report app.Report
		failOn []string
		want   int
	}{
		"nobody asked":                        {report(ref(3), ref(5)), nil, exitOK},
		"a change was asked for and is there": {report(ref(3), ref(5)), []string{"change"}, exitFindings},
		"no change":                           {report(ref(3), ref(3)), []string{"change", "over", "under"}, exitOK},
		"too few is under":                    {report(ref(3), ref(5)), []string{"under"}, exitFindings},
		"too few is not over":                 {report(ref(3), ref(5)), []string{"over"}, exitOK},
		"too many is over":                    {report(ref(5), ref(3)), []string{"over"}, exitFindings},
		"too many is not under":               {report(ref(5), ref(3)), []string{"under"}, exitOK},
		"a fault":                             {report(ref(3), ref(3), fault), []string{"fault"}, exitFindings},
		"a fault nobody asked for":            {report(ref(3), ref(3), fault), []string{"change"}, exitOK},
		"nothing has an answer":               {report(ref(3), nil), []string{"change"}, exitNoData},
		"no model is left":                    {app.Report{}, nil, exitNoData},
		"unknown now is no change":            {report(nil, ref(3)), []string{"change"}, exitOK},
	} {
		t.Run(name, func(t *testing.T) {
			f := &recommendFlags{failOn: tc.failOn}
			got := exitOK
			if err := f.verdict(&streams{err: &bytes.Buffer{}}, tc.report); err != nil {
				got = exitCode(err, true)
			}
			if got != tc.want {
				t.Errorf("want exit code %d, got %d", tc.want, got)
			}
		})
	}
}

func TestMoment(t *testing.T) {
	for in, want := range map[string]time.Time{
		"":                          noon,
		"-2h":                       noon.Add(-2 * time.Hour),
		"-1d":                       noon.Add(-24 * time.Hour),
		"2026-09-01T08:00:00Z":      noon.Add(-4 * time.Hour),
		"2026-09-01T08:00:00+02:00": noon.Add(-6 * time.Hour),
	} {
		if got, err := moment(in, noon); err != nil || !got.Equal(want) {
			t.Errorf("%q: want %s, got %s, %v", in, want, got, err)
		}
	}
	for _, in := range []string{"yesterday", "--2h", "-", "2h", "2026-09-01", "2027-01-01T00:00:00Z"} {
		var e *exitError
		if _, err := moment(in, noon); !errors.As(err, &e) || e.code != exitUsage {
			t.Errorf("%q: want a usage error, got %v", in, err)
		}
	}
}

func TestPick(t *testing.T) {
	r := app.Report{Models: []app.ModelReport{{Namespace: "a", Name: "x"}, {Namespace: "b", Name: "x"}, {Namespace: "b", Name: "y"}}}
	for name, tc := range map[string]struct {
		want string
		code int
	}{
		"by both":            {"a/x", exitOK},
		"by a unique name":   {"y", exitOK},
		"a name of two":      {"x", exitUsage},
		"a name of no model": {"z", exitNoData},
	} {
		t.Run(name, func(t *testing.T) {
			got := exitOK
			if _, err := pick(r, tc.want); err != nil {
				got = exitCode(err, true)
			}
			if got != tc.code {
				t.Errorf("want %d, got %d", tc.code, got)
			}
		})
	}
}

func TestTextFromElsewhereCannotCommandTheTerminal(t *testing.T) {
	for in, want := range map[string]string{
		"plain":               "plain",
		"\x1b[2Jcleared":      "[2Jcleared",
		"\x1b]0;title\x07x":   "]0;titlex",
		"two\nlines\tand tab": "two lines and tab",
		"\u202egnp.exe":       "gnp.exe",
		"\u009b31mred":        "31mred",
		"modèle 模型":           "modèle 模型",
	} {
		if got := clean(in); got != want {
			t.Errorf("%q: want %q, got %q", in, want, got)
		}
	}
}
