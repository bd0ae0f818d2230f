package signals

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	promapi "github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
)

// canned answers every request with one body.
type canned []byte

func (b canned) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(b))}, nil
}

func FuzzAnswerIsTypedErrorOrFiniteResult(f *testing.F) {
	for _, seed := range []string{
		`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b"},"values":[[1.5,"NaN"]]}]}}`,
		`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1e400"]}]}}`,
		`{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}`,
		`{"status":"error","errorType":"bad_data","error":"x"}`, `{`, `{}`, `null`, "\x00}", `{"data":{"result":{}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := NewClient(DefaultSourceOptions("default", "http://127.0.0.1:9"))
		if err != nil {
			t.Fatal(err)
		}
		hc := &http.Client{Transport: &judge{next: canned(body), limit: 1 << 16, shown: "http://127.0.0.1:9"}}
		ac, err := promapi.NewClient(promapi.Config{Address: "http://127.0.0.1:9", Client: hc})
		if err != nil {
			t.Fatal(err)
		}
		c.api = promv1.NewAPI(ac)
		r, err := c.Query(t.Context(), "up", epoch)
		if err != nil {
			if kindOf(err) == "" {
				t.Fatalf("want a typed error, got %v", err)
			}
			return
		}
		NewWindow().Add(r.Matrix)
	})
}
