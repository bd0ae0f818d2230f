package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// source is where objects of one kind, in one namespace or all, are listed and watched.
type source struct {
	list    func(context.Context, metav1.ListOptions) (runtime.Object, error)
	watch   func(context.Context, metav1.ListOptions) (watch.Interface, error)
	client  any            // whose abilities decide how to watch
	example runtime.Object // of what comes
	keep    cache.TransformFunc
}

// watched is what a source has, kept current while it runs.
type watched struct {
	informer cache.SharedIndexInformer
	health   *health
	stop     context.CancelFunc // nil until started
}

func newWatched(from source, now func() time.Time) (*watched, error) {
	h := newHealth(now)
	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			l, err := from.list(ctx, o)
			h.listed(err)
			return l, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			w, err := from.watch(ctx, o)
			return h.watching(w, o, err)
		},
	}
	inf := cache.NewSharedIndexInformer(
		cache.ToListWatcherWithWatchListSemantics(lw, from.client), from.example, 0, cache.Indexers{})
	if err := inf.SetTransform(from.keep); err != nil {
		return nil, err
	}
	// What goes wrong is in health.
	silent := func(context.Context, *cache.Reflector, error) {}
	if err := inf.SetWatchErrorHandlerWithContext(silent); err != nil {
		return nil, err
	}
	return &watched{informer: inf, health: h}, nil
}

// start watches until the context ends or stop is called.
func (w *watched) start(ctx context.Context, running *sync.WaitGroup) {
	ctx, w.stop = context.WithCancel(ctx)
	running.Go(func() { w.informer.RunWithContext(ctx) })
}

// settled says that there is nothing to wait for: all was read once, or could not be.
func (w *watched) settled() bool {
	err := w.health.problem()
	return w.informer.HasSynced() || err != nil && !errors.Is(err, errUnread)
}

// await returns as soon as all are settled, or ctx ends.
func await(ctx context.Context, all ...*watched) {
	t := time.NewTicker(10 * time.Millisecond)
	defer t.Stop()
	for _, w := range all {
		for !w.settled() {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
		}
	}
}

// current is an error unless all was read, and was proven current within a bound. With it comes how old the proof is.
func (w *watched) current(bound time.Duration) (time.Duration, error) {
	age, err := w.health.stale()
	switch {
	case !w.informer.HasSynced() && err == nil:
		return age, errUnread
	case !w.informer.HasSynced():
		return age, err
	case age <= bound:
		return age, nil
	case err == nil:
		return age, fmt.Errorf("the watch keeps ending, for %s now", age.Round(time.Second))
	}
	return age, fmt.Errorf("the watch has been failing for %s: %w", age.Round(time.Second), err)
}
