package fleet

import (
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// What a watch begins with, all there is, proves nothing until it is complete.
func TestHealthOfAWatchThatTellsWhatThereIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHealth(realTime)
		inner := watch.NewFake()
		w, err := h.watching(inner, metav1.ListOptions{SendInitialEvents: new(true)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		say := func(kind watch.EventType) {
			inner.Action(kind, nil)
			<-w.ResultChan()
			synctest.Wait()
		}
		stale := func(what string, want time.Duration) {
			t.Helper()
			if got, _ := h.stale(); got != want {
				t.Errorf("%s: want stale for %s, got %s", what, want, got)
			}
		}
		say(watch.Added)
		time.Sleep(time.Minute)
		stale("half of it", time.Minute)
		say(watch.Error)
		stale("an error", time.Minute)
		say(watch.Bookmark)
		stale("all of it", 0)
		time.Sleep(time.Hour)
		stale("a quiet hour", 0)
		w.Stop()
		w.Stop() // as a reflector may
		time.Sleep(time.Minute)
		stale("ended", time.Minute)

		inner = watch.NewFake()
		next, _ := h.watching(inner, metav1.ListOptions{}, nil)
		inner.Action(watch.Error, nil)
		<-next.ResultChan()
		stale("opened again, with an error", time.Minute)
		time.Sleep(proving)
		stale("and still open", 0)
		next.Stop()
		synctest.Wait()
	})
}
