package promstore

import (
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// pruneEvery is how much virtual time passes between two looks for samples past retention.
const pruneEvery = 10 * time.Minute

// Store is a set of time series in memory. It is safe for concurrent use.
type Store struct {
	retention millis // 0 keeps everything

	mu      sync.RWMutex
	byHash  map[uint64][]*series
	byName  map[string][]*series // metric name to series, oldest first
	newest  millis               // newest sample, milliseconds
	pruned  millis               // newest at the last prune
	samples uint64               // appended since the start
}

// New returns an empty store that drops samples once they are older than the newest one by more than the
// retention; 0 keeps everything. Dropping is by whole chunks, so a little more is kept.
func New(retention time.Duration) *Store {
	return &Store{
		retention: retention.Milliseconds(),
		byHash:    map[uint64][]*series{},
		byName:    map[string][]*series{},
	}
}

// Append adds one sample. Samples of a series must come in order of time.
func (s *Store) Append(lset labels.Labels, at time.Time, v float64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.append(s.series(lset), at.UnixMilli(), v) {
		return fmt.Errorf("append to %s at %s: want a time after the last sample", lset, at.UTC().Format(time.RFC3339))
	}
	s.prune()
	return nil
}

// Size is the number of series held and of samples appended since the start.
func (s *Store) Size() (seriesHeld int, samplesAppended uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, list := range s.byName {
		seriesHeld += len(list)
	}
	return seriesHeld, s.samples
}

// append adds a sample to a series of the store, whose lock is held.
func (s *Store) append(to *series, t millis, v float64) bool {
	if !to.append(t, v) {
		return false
	}
	s.samples++
	s.newest = max(s.newest, t)
	return true
}

// series finds or makes the series with these labels; the lock is held.
func (s *Store) series(lset labels.Labels) *series {
	h := lset.Hash()
	for _, c := range s.byHash[h] {
		if labels.Equal(c.lset, lset) {
			return c
		}
	}
	c := &series{lset: lset}
	s.byHash[h] = append(s.byHash[h], c)
	name := lset.Get(model.MetricNameLabel)
	s.byName[name] = append(s.byName[name], c)
	return c
}

// prune drops what is past retention, once in a while; the lock is held.
func (s *Store) prune() {
	if s.retention == 0 || s.newest-s.pruned < pruneEvery.Milliseconds() {
		return
	}
	s.pruned = s.newest
	before := s.newest - s.retention
	for _, list := range s.byName {
		for _, c := range list {
			c.forget(before)
			c.dead = c.empty()
		}
	}
	keepLiving(s.byName)
	keepLiving(s.byHash)
}

func keepLiving[K comparable](index map[K][]*series) {
	for key, list := range index {
		kept := list[:0]
		for _, c := range list {
			if !c.dead {
				kept = append(kept, c)
			}
		}
		clear(list[len(kept):])
		if len(kept) == 0 {
			delete(index, key)
		} else {
			index[key] = kept
		}
	}
}
