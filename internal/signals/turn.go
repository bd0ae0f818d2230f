package signals

import (
	"context"
	"net/http"

	promapi "github.com/prometheus/client_golang/api"
	"github.com/prometheus/common/model"
)

// inTurn lets the answers of a source be taken apart one after another: they may be megabytes, and several at once
// would keep every core from the requests that are served meanwhile. Questions still wait for their answers together.
type inTurn struct {
	promapi.Client
}

// turn is one query's turn to take its answer apart, from the answer on until done.
type turn struct {
	mine chan struct{} // of the source; holds whose turn it is
	has  bool
	read model.Matrix // what was taken out of the answer; nil = nothing
}

type turnKey struct{}

// Do waits for the turn once the answer is there. The context that bounds the question bounds the wait.
func (c inTurn) Do(ctx context.Context, req *http.Request) (*http.Response, []byte, error) {
	resp, body, err := c.Client.Do(ctx, req)
	if t, ok := ctx.Value(turnKey{}).(*turn); ok && err == nil && !t.has {
		select {
		case t.mine <- struct{}{}:
			t.has = true
			if m, rest, ok := matrixOf(body); ok && resp.StatusCode == http.StatusOK {
				t.read, body = m, rest
			}
		case <-ctx.Done():
			return resp, nil, ctx.Err()
		}
	}
	return resp, body, err
}

func (t *turn) done() {
	if t.has {
		<-t.mine
	}
}
