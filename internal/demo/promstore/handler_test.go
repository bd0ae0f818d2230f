package promstore

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
)

func server(t *testing.T, s *Store) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(Handler(s, func() time.Time { return at(60) }))
	t.Cleanup(srv.Close)
	return srv
}

// get fetches a path of the server.
func get(t *testing.T, srv *httptest.Server, path string) (int, string) {
	t.Helper()
	return send(t, http.MethodGet, srv.URL+path, nil)
}

// send makes a request, with a form if there is one.
func send(t *testing.T, method, target string, form url.Values) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestEnvelope(t *testing.T) {
	s := New(0)
	target := s.Target(TargetOptions{Labels: map[string]string{"job": "j"}})
	scrape(t, target, 59.5, `a{x="\"é\""} NaN`, "b -Inf", "c 1e-7")
	srv := server(t, s)
	for text, want := range map[string]string{
		`a`: `{"status":"success","data":{"resultType":"vector","result":[` +
			`{"metric":{"__name__":"a","job":"j","x":"\"é\""},"value":[1767603660,"NaN"]}]}}`,
		`b[1m]`: `{"status":"success","data":{"resultType":"matrix","result":[` +
			`{"metric":{"__name__":"b","job":"j"},"values":[[1767603659.500,"-Inf"]]}]}}`,
		`c`: `{"status":"success","data":{"resultType":"vector","result":[` +
			`{"metric":{"__name__":"c","job":"j"},"value":[1767603660,"1e-07"]}]}}`,
		`nothing`: `{"status":"success","data":{"resultType":"vector","result":[]}}`,
		`"text"`:  `{"status":"success","data":{"resultType":"string","result":[1767603660,"text"]}}`,
	} {
		code, got := get(t, srv, "/api/v1/query?query="+url.QueryEscape(text))
		if code != http.StatusOK || got != want {
			t.Errorf("GET %s: want %s, got %d %s", text, want, code, got)
		}
		code, got = send(t, http.MethodPost, srv.URL+"/api/v1/query", url.Values{"query": {text}})
		if code != http.StatusOK || got != want {
			t.Errorf("POST %s: want %s, got %d %s", text, want, code, got)
		}
	}
	if code, got := get(t, srv, "/-/ready"); code != http.StatusOK {
		t.Errorf("ready: got %d %s", code, got)
	}
}

func TestErrors(t *testing.T) {
	s := New(0)
	scrape(t, s.Target(TargetOptions{}), 0, `a{x="1"} 1`, `a{x="2"} 1`)
	srv := server(t, s)
	for path, want := range map[string]string{
		"query?query=sum(":                               "400 bad_data",
		"query?query=":                                   "400 bad_data",
		"query?query=a&time=noon":                        "400 bad_data",
		"query_range?query=a&start=0&end=1":              "400 bad_data",
		"query_range?query=a&start=1&end=0&step=1":       "400 bad_data",
		"query_range?query=a&start=0&end=1000000&step=1": "400 bad_data",
		"query_range?query=a&start=0&end=10&step=0":      "400 bad_data",
		"query_range?query=a[5m]&start=0&end=10&step=1":  "400 bad_data",
		"series":                                "400 bad_data",
		"series?match[]={x=~\".*\"}":            "400 bad_data",
		"label/a%FF/values":                     "400 bad_data",
		"query?query=a%2Bon()a&time=1767603600": "422 execution",
		"query?query=label_replace(a,%22%22,%22%22,%22%22,%22%22)&time=1767603600": "422 execution",
	} {
		code, got := get(t, srv, "/api/v1/"+path)
		status, kind, _ := strings.Cut(want, " ")
		if strconv.Itoa(code) != status ||
			!strings.HasPrefix(got, `{"status":"error","errorType":"`+kind+`","error":"`) {
			t.Errorf("%s: want %s, got %d %s", path, want, code, got)
		}
	}
	_, _, _, err := client(t, s, at(0)).Query(t.Context(), "sum(", at(0))
	var apiErr *v1.Error
	if !errors.As(err, &apiErr) || apiErr.Type != v1.ErrBadData {
		t.Errorf("through the client: want bad_data, got %v", err)
	}
}
