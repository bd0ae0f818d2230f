package scaler

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc/status"

	"github.com/forewarm/forewarm/policy"
)

var update = flag.Bool("update", false, "rewrite the transcripts")

// A transcript is a story of ticks, and of what KEDA is told between them. A line
// begins with how much time passes; then comes what the tick saw (rate, queue, now,
// ready, blind, or dark), or nothing, which is time without a tick. The answer is what a
// poll gets, and what was pushed since the line before.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			before, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var after string
			synctest.Test(t, func(t *testing.T) { after = play(t, string(before)) })
			if *update {
				if err := os.WriteFile(file, []byte(after), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(before), after); diff != "" {
				t.Errorf("-want +got (-update rewrites)\n%s", diff)
			}
		})
	}
}

// play retells a transcript.
func play(t *testing.T, text string) string {
	t.Helper()
	s, b := newScene("llama"), &board{}
	server := serve(t, options(b, time.Now))
	k := keda{client: pb.NewExternalScalerClient(dial(t, nil, server)), ref: ref("model", "llama")}
	var out strings.Builder
	var p *pushed
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line, _, _ := strings.Cut(lines.Text(), "  -> ")
		line = strings.TrimRight(line, " ")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
			out.WriteString(line + "\n")
			continue
		case line == "onBlind one":
			s.model.Idle.OnBlind = policy.BlindOne
			out.WriteString(line + "\n")
			continue
		}
		if p == nil {
			p = k.push(t.Context())
			synctest.Wait()
		}
		pass(t, line, s, b)
		fmt.Fprintf(&out, "%-34s  -> %s\n", line, told(t, k, p))
	}
	return out.String()
}

// pass lets time go by and ticks.
func pass(t *testing.T, line string, s *scene, b *board) {
	t.Helper()
	words := strings.Fields(line)
	d, err := time.ParseDuration(strings.TrimPrefix(words[0], "+"))
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	in := seen{}
	for _, w := range words[1:] {
		switch name, value, _ := strings.Cut(w, "="); name {
		case "blind":
			in.blind = true
		case "dark":
			in.blind, in.dark = true, true
		case "rate":
			in.rate = number(t, value)
		case "queue":
			in.queue = number(t, value)
		case "now":
			in.now = int(number(t, value))
			in.ready = in.now
		case "ready":
			in.ready = int(number(t, value))
		default:
			t.Fatalf("%q: what is %s?", line, name)
		}
	}
	const step = 15 * time.Second
	for end := time.Now().Add(d); time.Now().Before(end); {
		wait(min(step, time.Until(end)))
		if len(words) > 1 {
			b.publish(s.tick(time.Now(), in))
		}
	}
	synctest.Wait()
}

func told(t *testing.T, k keda, p *pushed) string {
	t.Helper()
	synctest.Wait()
	text := ""
	if value, active, err := k.poll(t.Context()); err != nil {
		text = status.Code(err).String() + ": " + status.Convert(err).Message()
	} else {
		text = fmt.Sprintf("%g %s", value, map[bool]string{true: "active", false: "inactive"}[active])
	}
	if got := p.take(); len(got) > 0 {
		text += "; pushed " + strings.Join(got, " ")
	}
	return text
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	var f float64
	if _, err := fmt.Sscanf(s, "%g", &f); err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return f
}
