package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// ciTree is a tree in which .ci/run is the real one, and make and the tools only say what they were asked. A tool is
// cached if a file of its name is in cached, and its build ends with the status in a file of its name in broken.
func ciTree(t *testing.T) string {
	t.Helper()
	script, err := os.ReadFile(filepath.Join("..", ".ci", "run"))
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for path, text := range map[string]string{
		".ci/run": string(script),
		"test/tools/tool": `#!/usr/bin/env bash
cd "$(dirname "$0")/../.."
if [ "$1" = --cached ]; then [ -e "cached/$2" ]; exit; fi
[ -e "cached/$1" ] && exit
[ -e "broken/$1" ] && exit "$(cat "broken/$1")"
echo "built $1" >&2
`,
		"bin/make": `#!/usr/bin/env bash
target=${!#}
echo "running $target without KEDA: ${FOREWARM_E2E_WITHOUT_KEDA:-no}"
if [ "$target" = e2e ] && [ -e broken/once ]; then
	cat broken/once
	rm broken/once
	printf 'e2e: 1 scenarios passed, some failed, 0 skipped, 9 s in all\n'
	exit 1
fi
if [ "$target" = e2e ] && [ ! -e broken/summary ]; then
	printf 'e2e: summary\nmeasured\n  a figure\ne2e: 3 scenarios passed, 0 failed, 2 skipped, 9 s in all\n'
fi
[ ! -e "broken/$target" ]
`,
	} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil { //nolint:gosec // scripts are run
			t.Fatal(err)
		}
	}
	return root
}

// What .ci/run does about a KEDA that is not built yet: it never leaves scenarios out in silence, and never takes longer
// than it may. The trees are made one by one, before anything runs: a program that another test starts meanwhile would hold a
// script open for writing for a moment, and such a script cannot be run.
func TestCIBudget(t *testing.T) {
	const skips, goesOn = "its scenarios are SKIPPED ***", "running e2e without KEDA: no"
	const summary = "e2e: summary\nfailed\n"
	for name, tc := range map[string]struct {
		minutes string
		files   map[string]string
		passes  bool
		says    []string
		not     string
	}{
		"KEDA is cached: no budget matters": {
			minutes: "0", files: map[string]string{"cached/keda": ""}, passes: true, says: []string{goesOn}, not: "SKIPPED",
		},
		"it is built within the budget": {minutes: "60", passes: true, says: []string{"built keda", goesOn}, not: "SKIPPED"},
		"the budget leaves too little to begin": {
			minutes: "13", passes: true, not: "built keda",
			says: []string{
				skips, "running e2e without KEDA: KEDA is not built, and FOREWARM_CI_MINUTES=13 left",
				"== KEDA's scenarios were SKIPPED", "2 skipped", "built etcd",
			},
		},
		"the build is ended": {
			minutes: "60", files: map[string]string{"broken/keda": "124"}, passes: true,
			says: []string{skips, "KEDA is not built, and FOREWARM_CI_MINUTES=60 left"},
		},
		"the build has to be killed": {
			minutes: "60", files: map[string]string{"broken/keda": "137"}, passes: true, says: []string{skips},
		},
		"the build fails: nothing excuses that, and the rest is played": {
			minutes: "60", files: map[string]string{"broken/keda": "1"},
			says: []string{
				"running e2e without KEDA: KEDA cannot be built, which ended with status 1", "== failed: tools: keda (",
			},
			not: "KEDA is not built",
		},
		"the control plane cannot be built": {
			minutes: "60", files: map[string]string{"broken/etcd": "1"},
			says: []string{"running lint", "== failed: tools for e2e"}, not: "running e2e",
		},
		"tests fail: everything else is run all the same": {
			minutes: "60", files: map[string]string{"broken/test": ""}, says: []string{"running lint", goesOn, "== failed: test ("},
		},
		"scenarios fail": {minutes: "60", files: map[string]string{"broken/e2e": ""}, says: []string{"== e2e: summary\nmeasured\n  a figure\ne2e: 3 scenarios", "== failed: e2e ("}},
		"scenarios that fail once are played again, which is said": {
			minutes: "60", passes: true,
			files: map[string]string{"broken/once": summary + "  TestA/a_part\n  TestA/another\n  TestB\n"},
			says:  []string{"*** again, by themselves: TestA|TestB ***", "== FAILED at first, and PASSED when played again"},
		},
		"one that only go test says to have failed is played too": {
			minutes: "60", passes: true,
			files: map[string]string{"broken/once": "    --- FAIL: TestC/a_part (0.10s)\n" + summary + "  TestA\n"},
			says:  []string{"*** again, by themselves: TestA|TestC ***"},
		},
		"a failure that cannot be played again stays": {
			minutes: "60", files: map[string]string{"broken/once": summary + "  TestA\n  the cluster\n"},
			says: []string{"nothing was played again", "== failed: e2e ("}, not: "by themselves",
		},
		"a run that ended before its summary stays failed": {
			minutes: "60", files: map[string]string{"broken/once": "--- FAIL: TestA (0.10s)\n"},
			says: []string{"there is no summary", "== failed: e2e ("}, not: "by themselves",
		},
		"scenarios end without a word": {
			minutes: "60", files: map[string]string{"broken/e2e": "", "broken/summary": ""}, says: []string{"there is no summary"},
		},
		"the budget is no number": {minutes: "an hour", says: []string{"want a number of minutes"}, not: "running test"},
	} {
		t.Run(name, func(t *testing.T) {
			root := ciTree(t)
			for path, text := range tc.files {
				path = filepath.Join(root, path)
				if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), filepath.Join(root, ".ci", "run"))
			cmd.Env = append(os.Environ(), "PATH="+filepath.Join(root, "bin")+":"+os.Getenv("PATH"),
				"FOREWARM_CI_MINUTES="+tc.minutes, "FOREWARM_E2E_WITHOUT_KEDA=")
			text, err := cmd.CombinedOutput()
			out := string(text)
			if (err == nil) != tc.passes {
				t.Errorf("want it to pass: %v, got %v", tc.passes, err)
			}
			for _, want := range tc.says {
				if !strings.Contains(out, want) {
					t.Errorf("want %q said", want)
				}
			}
			if tc.not != "" && strings.Contains(out, tc.not) {
				t.Errorf("want %q not said", tc.not)
			}
			if t.Failed() {
				fmt.Println(err, out)
			}
		})
	}
}
