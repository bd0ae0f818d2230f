package signals

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// answering is a source whose answers are there after a second.
type answering struct{}

func (answering) URL(string, map[string]string) *url.URL { return nil }

func (answering) Do(context.Context, *http.Request) (*http.Response, []byte, error) {
	time.Sleep(time.Second)
	return nil, []byte("x"), nil
}

func TestAnswersAreAwaitedTogetherAndTakenApartInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mine, c := make(chan struct{}, 1), inTurn{answering{}}
		ask := func(ctx context.Context, one *turn) error {
			_, _, err := c.Do(context.WithValue(ctx, turnKey{}, one), nil) //nolint:bodyclose // there is none
			return err
		}
		start := time.Now()
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				one := &turn{mine: mine}
				defer one.done()
				if err := ask(t.Context(), one); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Minute) // takes it apart
			})
		}
		all.Wait()
		if took := time.Since(start); took != time.Second+3*time.Minute {
			t.Errorf("want a second together and a minute each, got %s", took)
		}

		held := &turn{mine: mine}
		_ = ask(t.Context(), held)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		late := &turn{mine: mine}
		if err := ask(ctx, late); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("want the wait bounded, got %v", err)
		}
		late.done() // which had none
		held.done()
		if len(mine) != 0 {
			t.Error("want nobody's turn at the end")
		}
	})
}
