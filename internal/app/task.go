package app

import (
	"context"
	"errors"
	"time"
)

// errSlow says that a task did not end in its time.
var errSlow = errors.New("did not stop in time")

// task is one goroutine with its end.
type task struct {
	work   func(context.Context) error
	cancel context.CancelFunc
	done   chan struct{}
	err    error // read after done
}

func newTask(work func(context.Context) error) *task {
	return &task{work: work, done: make(chan struct{})}
}

// start runs the task; failed is told if it ends with an error. There must be room
// for that.
func (t *task) start(ctx context.Context, failed chan<- struct{}) {
	ctx, t.cancel = context.WithCancel(ctx)
	go func() {
		defer close(t.done)
		if t.err = t.work(ctx); t.err != nil {
			failed <- struct{}{}
		}
	}()
}

// wait is the task's error, or errSlow after the limit.
func (t *task) wait(limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-t.done:
		return t.err
	case <-timer.C:
		return errSlow
	}
}
