package signals

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	promapi "github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// parrot is a server that always says the same.
type parrot string

func (c parrot) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Request: r, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(string(c))),
	}, nil
}

// byTheLibrary is what the library makes of an answer.
func byTheLibrary(t *testing.T, body string) (model.Value, promv1.Warnings, error) {
	t.Helper()
	c, err := promapi.NewClient(promapi.Config{Address: "http://p", Client: &http.Client{Transport: parrot(body)}})
	if err != nil {
		t.Fatal(err)
	}
	v, w, _, err := promv1.NewAPI(c).Query(context.WithoutCancel(t.Context()), "up", time.Unix(0, 0))
	return v, w, err
}

// agree says how a body was read, and fails if the library reads it otherwise.
func agree(t *testing.T, body string) (read bool) {
	t.Helper()
	got, rest, ok := matrixOf([]byte(body))
	if !ok {
		return false
	}
	left, warnings, err := byTheLibrary(t, string(rest))
	want, wantWarnings, wantErr := byTheLibrary(t, body)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%s:\nthe library says %v of the whole and %v of the rest %s", body, wantErr, err, rest)
	}
	if err != nil {
		return true
	}
	if m, is := left.(model.Matrix); !is || len(m) != 0 {
		t.Errorf("want nothing left, got %v", left)
	}
	if d := cmp.Diff(want, model.Value(got), cmpopts.EquateEmpty(), cmpopts.EquateNaNs()); d != "" {
		t.Errorf("%s (-library +ours):\n%s", body, d)
	}
	if d := cmp.Diff(wantWarnings, warnings, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%s: warnings (-library +ours):\n%s", body, d)
	}
	return true
}

// answers are bodies, and whether they are read without the library.
var answers = map[string]bool{
	matrixHead + `]}}`: true,
	matrixHead + `{"metric":{"__name__":"up","pod":"a"},"values":[[1700000000.123,"1"],[1700000015,"NaN"]]}]}}`:        true,
	matrixHead + `{"metric":{},"values":[[1.5,"+Inf"],[0.05,"-1e3"]]},{"metric":{"a":"1"},"values":[]}]}}`:             true,
	matrixHead + `{"metric":{"a":"x\"\\\u003c\n","b":"ü"},"values":[[1,"2"]]}]},"warnings":["partial"],"infos":["i"]}`: true,
	matrixHead + `{"metric":{"a":"1","a":"2"},"values":[[1,"2"]]}]}}`:                                                  true,
	matrixHead + `]},"warnings":["cut off`:                                                         true,
	matrixHead + `{"metric":{"a":"1"},"histograms":[[1,{"count":"1","sum":"1"}]]}]}}`:              false,
	matrixHead + `{"metric":{"a-b":"1"},"values":[[-1,"2"]]}]}}`:                                   false,
	matrixHead + `{"metric":{"a":"1"},"values":[[1.23456,"2"]]}]}}`:                                false,
	matrixHead + `{"metric":{"a":"1"},"values":[[01,"2"]]}]}}`:                                     false,
	matrixHead + `{"metric":{"a":"1"},"values":[[1,"x"]]}]}}`:                                      false,
	matrixHead + `{"metric":{"a":"1"},"values":[[1,"2"]`:                                           false,
	matrixHead + "{\"metric\":{\"a\":\"\xff\"},\"values\":[[1,\"2\"]]}]}}":                         false,
	`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"2"]}]}}`: false,
	`{"status":"error","errorType":"bad_data","error":"no"}`:                                       false,
}

func TestAMatrixIsReadAsTheLibraryReadsIt(t *testing.T) {
	for body, want := range answers {
		if got := agree(t, body); got != want {
			t.Errorf("%s: want read without the library: %t, got %t", body, want, got)
		}
	}
}

func FuzzMatrix(f *testing.F) {
	for body := range answers {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) { agree(t, body) })
}

// BenchmarkMatrix is a tick's answer for a thousand pods of 13 series with four samples each.
func BenchmarkMatrix(b *testing.B) {
	var body strings.Builder
	body.WriteString(matrixHead)
	for pod := range 1000 {
		for metric := range 13 {
			if pod+metric > 0 {
				body.WriteByte(',')
			}
			fmt.Fprintf(&body, `{"metric":{"__name__":"vllm:metric_%d","container":"vllm","instance":"10.0.0.1:%d","job":"vllm",`+
				`"model_name":"org/m","namespace":"llm","pod":"vllm-%d"},"values":[`+
				`[1700000000.123,"1"],[1700000015.123,"2"],[1700000030.123,"3"],[1700000045.123,"4.5"]]}`, metric, pod, pod)
		}
	}
	body.WriteString(`]}}`)
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			if _, _, ok := matrixOf([]byte(body.String())); !ok {
				b.Fatal("not read")
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		c, _ := promapi.NewClient(promapi.Config{Address: "http://p", Client: &http.Client{Transport: parrot(body.String())}})
		for b.Loop() {
			if _, _, _, err := promv1.NewAPI(c).Query(b.Context(), "up", time.Unix(0, 0)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
