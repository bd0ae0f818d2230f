package config

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"
)

// Watcher keeps the last good version of a configuration file. It reads the file
// at every tick and compares content, not times: a ConfigMap is swapped through
// a symlink, and a copied file may keep its age.
type Watcher struct {
	path string
	cat  Catalog

	mu      sync.Mutex
	current *Config
	good    [sha256.Size]byte // of the content in use
	seen    [sha256.Size]byte // of the content that was last judged, good or bad
	status  Status
}

// Status is how reading the file goes.
type Status struct {
	Err      error     // of the newest check; nil = the file is what is used
	Reloads  int       // good versions taken since the first
	Failures int       // versions refused, and times the file could not be read
	Checked  time.Time // newest check
	Changed  time.Time // newest good version; zero = the first
}

// NewWatcher loads the first version, which must be good.
func NewWatcher(path string, cat Catalog) (*Watcher, error) {
	b, err := readFile(path)
	if err != nil {
		return nil, err
	}
	cfg, err := parseIn(path, b, cat)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	return &Watcher{path: path, cat: cat, current: cfg, good: sum, seen: sum}, nil
}

// Status is a copy of how reading goes.
func (w *Watcher) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status
}

// Run checks the file at every tick until ctx ends or the ticks do, and calls
// change with each new good version, one at a time.
func (w *Watcher) Run(ctx context.Context, ticks <-chan time.Time, change func(*Config)) {
	for {
		select {
		case <-ctx.Done():
			return
		case now, ok := <-ticks:
			if !ok {
				return
			}
			if cfg, changed := w.Check(now); changed {
				change(cfg)
			}
		}
	}
}

// Check reads the file once and returns the version in use, and whether it is
// new. A file that is gone or bad leaves the last good version in use.
func (w *Watcher) Check(now time.Time) (*Config, bool) {
	b, err := readFile(w.path)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status.Checked = now
	if err != nil {
		w.status.Err = err
		w.status.Failures++
		w.seen = [sha256.Size]byte{} // judge it anew when it is back
		return w.current, false
	}
	return w.reload(now, b)
}

// Reload judges new content without reading a file.
func (w *Watcher) Reload(now time.Time, b []byte) (*Config, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status.Checked = now
	return w.reload(now, b)
}

func (w *Watcher) reload(now time.Time, b []byte) (*Config, bool) {
	sum := sha256.Sum256(b)
	if sum == w.seen {
		return w.current, false
	}
	w.seen = sum
	if sum == w.good { // back after it was gone or bad
		w.status.Err = nil
		return w.current, false
	}
	cfg, err := parseIn(w.path, b, w.cat)
	w.status.Err = err
	if err != nil {
		w.status.Failures++
		return w.current, false
	}
	w.current, w.good = cfg, sum
	w.status.Reloads++
	w.status.Changed = now
	return w.current, true
}
