package signals

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/time/rate"
)

func TestRemediesFitWhatCame(t *testing.T) {
	const ask, guess = "ask again", "did you mean"
	for name, tc := range map[string]struct {
		path  string // of the URL
		fault fault
		says  []string
		not   []string
	}{
		"nothing at a URL without a path":  {"", status(404, "text/plain", "no"), []string{"/prometheus?"}, nil},
		"nothing at the usual path":        {"/prometheus", status(404, "text/plain", "no"), []string{"check the URL"}, []string{guess}},
		"nothing at the usual path, slash": {"/prometheus/", status(404, "text/plain", "no"), []string{"check the URL"}, []string{guess}},
		"nothing at another path":          {"/select/0", status(404, "text/plain", "no"), []string{"check the URL"}, []string{guess}},
		"an answer cut by a proxy":         {"", status(200, "application/json", `{"status":`), []string{ask}, []string{guess, "tick"}},
		"a connection cut":                 {"", cutOff, []string{ask}, []string{guess, "tick", "not a Prometheus"}},
		"a server that fails":              {"", status(500, "text/plain", "boom"), []string{"look at its log"}, nil},
		"an answer above the cap":          {"", hugeBody(2 << 20), []string{"key maxResponseBytes", "--config"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := newFaultProm(t, 1)
			p.breakWith(tc.fault)
			c := p.client(t, func(o *SourceOptions) { o.URL += tc.path; o.MaxResponseBytes = 1 << 20 })
			_, err := c.Query(t.Context(), "up", epoch)
			if err == nil {
				t.Fatal("want an error")
			}
			for _, s := range tc.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("want %q in %v", s, err)
				}
			}
			for _, s := range tc.not {
				if strings.Contains(err.Error(), s) {
					t.Errorf("want no %q in %v", s, err)
				}
			}
		})
	}
}

func TestATimeThatIsUpBeforeTheQueryIsSaidSo(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	cancel()
	r := &retrier{limiter: rate.NewLimiter(1, 1)}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:1", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := r.RoundTrip(req)
	if resp != nil {
		_ = resp.Body.Close()
	}
	var se *SourceError
	if !errors.As(err, &se) || se.Kind != TimedOut || !strings.Contains(se.Text, "the time was up") {
		t.Errorf("want it said that the time was up, got %v", err)
	}
}
