package config

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var t0 = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// minimal is a good file with one detail changed.
func minimal(t *testing.T, top string) string {
	t.Helper()
	return string(testdata(t, "good")["minimal"]) + top
}

func watch(t *testing.T, path string) *Watcher {
	t.Helper()
	w, err := NewWatcher(path, testCatalog())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestAWatcherTakesGoodVersionsAndKeepsThemThroughBadOnes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	write(t, path, minimal(t, ""))
	w := watch(t, path)
	for i, step := range []struct {
		story    string
		do       func()
		changed  bool
		interval time.Duration
		err      string
		reloads  int
		failures int
	}{
		{"nothing happened", func() {}, false, 15 * time.Second, "", 0, 0},
		{"a good version", func() { write(t, path, minimal(t, "interval: 20s\n")) }, true, 20 * time.Second, "", 1, 0},
		{"a bad one", func() { write(t, path, "interval: -1s\n") }, false, 20 * time.Second, "interval: want", 1, 1},
		{"still bad, judged once", func() {}, false, 20 * time.Second, "interval: want", 1, 1},
		{"taken back", func() { write(t, path, minimal(t, "interval: 20s\n")) }, false, 20 * time.Second, "", 1, 1},
		{"the file is gone", func() { _ = os.Remove(path) }, false, 20 * time.Second, "no such file", 1, 2},
		{"and back as it was", func() { write(t, path, minimal(t, "interval: 20s\n")) }, false, 20 * time.Second, "", 1, 2},
		{"emptied", func() { write(t, path, "") }, false, 20 * time.Second, "empty file", 1, 3},
		{"written anew", func() { write(t, path, minimal(t, "interval: 30s\n")) }, true, 30 * time.Second, "", 2, 3},
	} {
		step.do()
		now := t0.Add(time.Duration(i) * time.Minute)
		cfg, changed := w.Check(now)
		s := w.Status()
		if changed != step.changed || cfg.Interval.Std() != step.interval {
			t.Errorf("%s: changed %v, interval %s", step.story, changed, cfg.Interval)
		}
		if s.Reloads != step.reloads || s.Failures != step.failures || !s.Checked.Equal(now) {
			t.Errorf("%s: %+v", step.story, s)
		}
		if (s.Err != nil) != (step.err != "") || s.Err != nil && !strings.Contains(s.Err.Error(), step.err) {
			t.Errorf("%s: want %q, got %v", step.story, step.err, s.Err)
		}
	}
}

// A ConfigMap volume is a link to a link: ..data is swapped in one rename.
func TestAWatcherFollowsTheSymlinkSwapOfAConfigMap(t *testing.T) {
	dir := t.TempDir()
	version := func(name, content string) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name, "config.yaml"), content)
		if err := os.Symlink(name, filepath.Join(dir, "..tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	version("..1", minimal(t, ""))
	path := filepath.Join(dir, "config.yaml")
	if err := os.Symlink("..data/config.yaml", path); err != nil {
		t.Fatal(err)
	}
	w := watch(t, path)
	version("..2", minimal(t, "interval: 45s\n"))
	if err := os.RemoveAll(filepath.Join(dir, "..1")); err != nil {
		t.Fatal(err)
	}
	if cfg, changed := w.Check(t0); !changed || cfg.Interval.Std() != 45*time.Second {
		t.Errorf("changed %v, interval %s", changed, cfg.Interval)
	}
}

func TestAWatcherRunsUntilItsContextEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	write(t, path, minimal(t, ""))
	w := watch(t, path)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ticker := time.NewTicker(10 * time.Second)
		defer ticker.Stop()
		var seen []string
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.Run(ctx, ticker.C, func(c *Config) { seen = append(seen, c.Interval.String()) })
		}()
		begin := time.Now()
		for _, top := range []string{"interval: 20s\n", "interval: never\n", "interval: 40s\n"} {
			write(t, path, minimal(t, top))
			<-time.After(15 * time.Second)
			synctest.Wait()
		}
		cancel()
		<-done
		if got := strings.Join(seen, " "); got != "20s 40s" {
			t.Errorf("got %s", got)
		}
		if s := w.Status(); s.Changed.Sub(begin) != 40*time.Second || s.Err != nil || s.Failures != 1 {
			t.Errorf("got %+v", s)
		}
	})
}

func TestAWatcherEndsWithItsTicks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	write(t, path, minimal(t, ""))
	ticks := make(chan time.Time)
	close(ticks)
	watch(t, path).Run(t.Context(), ticks, func(*Config) { t.Error("nothing changed") })
}

func TestReloadJudgesContentWithoutAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	write(t, path, minimal(t, ""))
	w := watch(t, path)
	if cfg, changed := w.Reload(t0, []byte(minimal(t, "holdFor: 1h\n"))); !changed || cfg.HoldFor.Std() != time.Hour {
		t.Errorf("changed %v, holdFor %s", changed, cfg.HoldFor)
	}
	if _, changed := w.Reload(t0, []byte("nonsense: true\n")); changed || w.Status().Failures != 1 {
		t.Errorf("changed %v, %+v", changed, w.Status())
	}
}

func TestAWatcherWantsAGoodStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	if _, err := NewWatcher(path, testCatalog()); err == nil {
		t.Error("want an error for a missing file")
	}
	write(t, path, "kind: Config\n")
	if _, err := NewWatcher(path, testCatalog()); err == nil {
		t.Error("want an error for a bad file")
	}
}
