package fleet

import (
	"errors"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// proving is how long a watch must be open to prove that what is cached is current: one that the server cannot go on
// with is told so, or closed, at once.
const proving = 5 * time.Second

// errUnread is the problem of what nothing was heard of yet.
var errUnread = errors.New("not read yet")

// health is how current a watched list is. It is proven current by
//
//   - a list that was answered,
//   - an event of a watch; where it begins with all there is, from the bookmark on that ends that,
//   - a watch that has been open for a while.
//
// From the moment at which a watch ended it is not, until the next proof; how long that is, is what stale says.
type health struct {
	now func() time.Time

	mu   sync.Mutex
	err  error     // of the newest request; nil = it was answered
	lost time.Time // since when there is no proof; zero = there is
	open *observed // the watch that is open; nil = none is
}

func newHealth(now func() time.Time) *health { return &health{now: now, err: errUnread, lost: now()} }

// problem is what the newest request met; nil = nothing.
func (h *health) problem() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

// stale is for how long nothing has proven the cache current, and what the newest request met.
func (h *health) stale() (time.Duration, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lost.IsZero() || h.proven() {
		return 0, nil
	}
	return h.now().Sub(h.lost), h.err
}

// proven says that the open watch has been open for long enough.
func (h *health) proven() bool {
	return h.open != nil && !h.open.since.IsZero() && h.now().Sub(h.open.since) >= proving
}

// listed takes the outcome of a list.
func (h *health) listed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err = err; err == nil {
		h.lost = time.Time{}
	}
}

// watching takes the outcome of opening a watch, and gives one that tells what it goes through.
func (h *health) watching(w watch.Interface, o metav1.ListOptions, err error) (watch.Interface, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err = err; err != nil {
		return w, err
	}
	h.open = &observed{Interface: w, health: h, result: make(chan watch.Event), done: make(chan struct{})}
	if o.SendInitialEvents == nil || !*o.SendInitialEvents {
		h.open.since = h.now()
	}
	go h.open.pass()
	return h.open, nil
}

// heard takes an event of a watch.
func (h *health) heard(o *observed, kind watch.EventType) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open != o || kind == watch.Error {
		return
	}
	if o.since.IsZero() && kind == watch.Bookmark {
		o.since = h.now()
	}
	if !o.since.IsZero() {
		h.lost = time.Time{}
	}
}

// closed takes the end of a watch.
func (h *health) closed(o *observed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open != o {
		return
	}
	if h.lost.IsZero() || h.proven() {
		h.lost = h.now()
	}
	h.open = nil
}

// observed is a watch whose events are seen on their way. Its goroutine ends with the watch.
type observed struct {
	watch.Interface
	health *health
	since  time.Time // from when on it tells changes; zero = it is still telling what there is
	result chan watch.Event
	stop   sync.Once
	done   chan struct{}
}

// ResultChan implements watch.Interface.
func (o *observed) ResultChan() <-chan watch.Event { return o.result }

// Stop implements watch.Interface.
func (o *observed) Stop() {
	o.stop.Do(func() {
		close(o.done)
		o.Interface.Stop()
		o.health.closed(o)
	})
}

func (o *observed) pass() {
	defer close(o.result)
	events := o.Interface.ResultChan()
	for {
		select {
		case <-o.done:
			return
		case e, more := <-events:
			if !more {
				return
			}
			o.health.heard(o, e.Type)
			select {
			case o.result <- e:
			case <-o.done:
				return
			}
		}
	}
}
