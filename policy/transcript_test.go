package policy

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/forewarm/forewarm/predictor"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata")

// TestTranscripts plays stories in testdata/*.txt: above the dashes what happens
// to a model (one "time key value ..." line per change, the last line "time
// end"), below them every change of mind with its reason. The loop is closed:
// what is decided is asked for, and is ready one warm-up later.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			story, want, _ := strings.Cut(string(b), "----\n")
			got := play(t, story)
			if *update {
				if err := os.WriteFile(file, []byte(story+"----\n"+got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("the story went differently (rewrite with -update):\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// world is a scene that lives: replicas warm up, and the policy's memory is kept.
type world struct {
	scene
	m        Model
	l        Learned
	h        *predictor.History
	f        *predictor.Forecaster
	plan     Plan
	warm     []time.Time // when each starting replica is ready
	lastSaid string
	out      strings.Builder
}

func play(t *testing.T, story string) string {
	t.Helper()
	w := &world{h: predictor.NewHistory(time.Minute, 24*time.Hour), f: predictor.NewForecaster(nil, 0)}
	w.spec, w.ready, w.capacity = 1, 1, 10
	now := time.Duration(0)
	lines := bufio.NewScanner(strings.NewReader(story))
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		at, err := time.ParseDuration(words[0])
		if err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		for ; now < at; now += 15 * time.Second {
			w.tick(t, now)
		}
		for i := 1; i+1 < len(words); i += 2 {
			w.set(t, words[i], words[i+1])
		}
	}
	return w.out.String()
}

func (w *world) set(t *testing.T, key, value string) {
	t.Helper()
	v, err := strconv.ParseFloat(value, 64)
	if err != nil {
		t.Fatalf("%s %s: %v", key, value, err)
	}
	switch key {
	case "replicas":
		w.spec, w.ready = int(v), int(v)
	case "arrivals":
		w.arrivals = v
	case "queue":
		w.queue = v
	case "ttft":
		w.ttft = v
	case "blind":
		w.blind = v > 0
	case "partial":
		w.partial = v > 0
	case "max":
		w.maxReplicas = int(v)
	case "to-zero":
		w.toZero = v > 0
	default:
		t.Fatalf("unknown key %q", key)
	}
}

func (w *world) tick(t *testing.T, now time.Duration) {
	t.Helper()
	at := noon.Add(now)
	for len(w.warm) > 0 && !w.warm[0].After(at) {
		w.warm, w.ready = w.warm[1:], w.ready+1
	}
	w.ages = nil
	for _, due := range w.warm {
		w.ages = append(w.ages, at.Sub(due.Add(-2*time.Minute)))
	}
	w.m = w.model()
	in := w.input()
	in.Now = at
	in.Supply[0].Starting = len(w.warm)
	if !w.blind {
		w.h.Add(at, w.arrivals)
	}
	f := w.f.Forecast(w.h, at, new(Workspace).Horizons(&w.m, &w.l, &in))
	p := Propose(w.m, w.l, in, f)
	w.l = Observe(w.m, w.l, in)
	w.plan = Allocate(nil, w.plan, []Proposal{p})
	w.apply(at, now)
}

// apply makes the cluster follow the decision and writes down a change of mind.
func (w *world) apply(at time.Time, now time.Duration) {
	d := w.plan.Decisions[0]
	reason, _ := Reason(d)
	if said := fmt.Sprint(d.Replicas, reason.Why); said != w.lastSaid {
		w.lastSaid = said
		fmt.Fprintf(&w.out, "%8s  ready %d  asked %d  decides %d  %s\n", now, w.ready, w.spec, d.Replicas, sentenceOr(reason))
	}
	for ; w.spec < d.Replicas; w.spec++ {
		w.warm = append(w.warm, at.Add(2*time.Minute))
	}
	for ; w.spec > d.Replicas; w.spec-- {
		if n := len(w.warm); n > 0 {
			w.warm = w.warm[:n-1]
			continue
		}
		w.ready--
	}
}

func sentenceOr(s Step) string {
	if s.Why == "" {
		return "What is there fits."
	}
	return Sentence(s)
}
