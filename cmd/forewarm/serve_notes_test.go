package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/internal/app"
)

func TestServeSaysWhatIsAssumedOnceAndEachFaultOnItsEdges(t *testing.T) {
	refused := app.Fault{Code: "model-refused", Text: "models[1]: no engine."}
	old := func(age string) app.Fault {
		return app.Fault{Code: "signal-stale", Signal: "kv", Object: "pod-1", Text: "pod-1 is " + age + " old."}
	}
	report := func(tick int, assumed string, faults ...app.Fault) app.Report {
		return app.Report{
			At: noon.Add(time.Duration(tick) * time.Minute), Assumptions: []string{assumed}, Faults: []app.Fault{refused},
			Models: []app.ModelReport{{Namespace: "llm", Name: "a", Assumptions: []string{"one GPU each."}, Faults: faults}},
		}
	}
	var out bytes.Buffer
	s, e := &streams{err: &out}, newEdges()
	e.print(s, report(0, "no kube-state-metrics.", old("60s"), old("65s")))
	e.print(s, report(1, "no kube-state-metrics.", old("75s")))
	e.print(s, report(2, "no kube-state-metrics."))
	e.print(s, report(3, "no kube-state-metrics."))
	want := `2026-09-01T12:00:00Z assumed: no kube-state-metrics.
2026-09-01T12:00:00Z assumed: llm/a: one GPU each.
2026-09-01T12:00:00Z fault: models[1]: no engine. [model-refused]
2026-09-01T12:00:00Z fault: llm/a: pod-1 is 60s old. [signal-stale]
2026-09-01T12:00:00Z fault: llm/a: pod-1 is 65s old. [signal-stale]
2026-09-01T12:01:00Z cleared: llm/a: pod-1 is 65s old. [signal-stale]
2026-09-01T12:02:00Z cleared: llm/a: pod-1 is 75s old. [signal-stale]
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// once ends a run at the first line it is given.
type once struct {
	bytes.Buffer
	stop context.CancelFunc
}

func (o *once) Write(b []byte) (int, error) {
	o.stop()
	return o.Buffer.Write(b)
}

func TestADryRunBeginsWithWhatIsAssumed(t *testing.T) {
	cfg, url := file(t, fmt.Sprintf(model, "vllm")), fakeVLLM(t, 1)
	for _, quiet := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		stdout, stderr := &once{stop: cancel}, &bytes.Buffer{}
		args := []string{"serve", "--dry-run", "--config", cfg, "--prometheus", url, "--history", "0", fmt.Sprintf("--quiet=%t", quiet)}
		code := run(ctx, args, strings.NewReader(""), stdout, stderr)
		cancel()
		if code != exitOK || !strings.Contains(stdout.String(), "llm/llama/main:") {
			t.Errorf("want 0 and an answer, got %d\n%s%s", code, stdout.String(), stderr.String())
		}
		if said := strings.Contains(stderr.String(), " assumed: llm/llama: "); said == quiet {
			t.Errorf("quiet %t: assumptions printed is %t:\n%s", quiet, said, stderr.String())
		}
	}
}
