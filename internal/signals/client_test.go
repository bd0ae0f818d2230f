package signals

import (
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/sigv4"
)

func TestClientErrorsSayWhatCameAndTheRemedy(t *testing.T) {
	jsonErr := func(kind, text string) string {
		return `{"status":"error","errorType":"` + kind + `","error":"` + text + `"}`
	}
	for name, tc := range map[string]struct {
		fault fault
		kind  ErrorKind
		says  []string
	}{
		"a login page": {
			status(200, "text/html; charset=utf-8", "<html><title>Sign in</title></html>"), NotPrometheus,
			[]string{"not a Prometheus API", "text/html", "Sign in", "/prometheus?"},
		},
		"a web page at a wrong path": {
			status(404, "text/html", "<h1>404</h1>"), NotPrometheus, []string{"HTTP 404", "/prometheus?"},
		},
		"an engine's own metrics": {
			status(200, "text/plain", "# HELP vllm:num_requests_running x\n"), NotPrometheus,
			[]string{"metrics page of one exporter"},
		},
		"an empty body": {status(200, "application/json", ""), NotPrometheus, []string{"empty body"}},
		"JSON cut in the middle": {
			status(200, "application/json", `{"status":"success","data":{"resultType":"vec`), NotPrometheus,
			[]string{"truncated JSON"},
		},
		"a connection cut in the middle": {cutOff, NotPrometheus, []string{"before it was complete"}},
		"JSON of something else": {
			status(200, "application/json", `{"hello":"world"}`), NotPrometheus, []string{"without a query result"},
		},
		"an array": {
			status(200, "application/json", `[1,2]`), NotPrometheus, []string{"not a Prometheus API"},
		},
		"JSON that does not fit": {
			status(
				200, "application/json",
				`{"status":"success","data":{"resultType":"matrix","result":[{"values":[[1,"x"]]}]}}`,
			),
			NotPrometheus,
			[]string{"malformed JSON"},
		},
		"a redirect to a login host": {func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "https://sso.example.com/login?secret=1", http.StatusFound)
			return true
		}, NotPrometheus, []string{"redirected to https://sso.example.com/login", "credentials are missing"}},
		"no credentials": {
			status(401, "text/plain", "Unauthorized"), AuthRefused, []string{"HTTP 401", "credentials"},
		},
		"a tenant not allowed": {
			status(403, "text/plain", "no such org"), AuthRefused, []string{"HTTP 403", "tenant"},
		},
		"a query that is refused": {
			status(400, "application/json", jsonErr("bad_data", "parse error")), BadQuery,
			[]string{"parse error", "[query up]"},
		},
		"an execution error": {
			status(422, "application/json", jsonErr("execution", "many-to-many matching")), BadQuery,
			[]string{"many-to-many"},
		},
		"too many samples": {
			status(
				422, "application/json",
				jsonErr("execution", "query processing would load too many samples into memory"),
			),
			OverLimit,
			[]string{"too many samples"},
		},
		"more than 11,000 points": {
			status(
				400, "application/json",
				jsonErr("bad_data", "exceeded maximum resolution of 11,000 points per timeseries"),
			),
			OverLimit,
			[]string{"11,000"},
		},
		"a query timeout": {
			status(503, "application/json", jsonErr("timeout", "query timed out in expression evaluation")), TimedOut,
			[]string{"gave up"},
		},
		"a gateway timeout": {status(504, "text/html", "<html>504</html>"), TimedOut, []string{"HTTP 504"}},
		"an internal error": {status(500, "text/plain", "boom"), Unreachable, []string{"HTTP 500", "boom"}},
		"no store behind it": {
			status(502, "text/html", "<html>bad gateway</html>"), Unreachable, []string{"HTTP 502"},
		},
		"a busy server":        {status(429, "text/plain", "slow down"), Unreachable, []string{"HTTP 429"}},
		"a server that sleeps": {hang, TimedOut, []string{"no answer within"}},
		"a body above the cap": {hugeBody(2 << 20), TooLarge, []string{"cap of 1 MiB", "cut"}},
		"a gzip bomb":          {gzipBomb(8 << 20), TooLarge, []string{"cap of 1 MiB"}},
		"gzip that is none": {func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write([]byte(`{"status":"success"}`))
			return true
		}, NotPrometheus, []string{"said gzip"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newFaultProm(t, 1)
			p.breakWith(tc.fault)
			c := p.client(t, func(o *SourceOptions) {
				o.Timeout = 20 * time.Second
				if tc.kind == TimedOut {
					o.Timeout = 50 * time.Millisecond
				}
			})
			_, err := c.Query(t.Context(), "up", epoch)
			var se *SourceError
			if !errors.As(err, &se) {
				t.Fatalf("want a SourceError, got %v", err)
			}
			if se.Kind != tc.kind {
				t.Errorf("want kind %s, got %s: %v", tc.kind, se.Kind, err)
			}
			for _, want := range append(tc.says, p.srv.URL, "source default") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("want %q in: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("parameters of a URL must not be shown: %v", err)
			}
		})
	}
}

func TestClientNamesTroublesOfTheNetwork(t *testing.T) {
	tlsServer := httptest.NewUnstartedServer(http.NotFoundHandler())
	tlsServer.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are the story
	tlsServer.StartTLS()
	t.Cleanup(tlsServer.Close)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for name, tc := range map[string]struct {
		url  string
		says string
	}{
		"nobody listens":             {closed.URL, "connection refused"},
		"a certificate not known":    {tlsServer.URL, "tls_config.ca_file"},
		"http:// where https:// is":  {"http://" + tlsServer.Listener.Addr().String(), "use https://"},
		"a host that does not exist": {"http://prometheus.invalid:9090", ""},
		"a password stays in the dark": {
			strings.Replace(closed.URL, "http://", "http://user:hunter2@", 1), "connection refused",
		},
	} {
		t.Run(name, func(t *testing.T) {
			opt := DefaultSourceOptions("default", tc.url)
			opt.Timeout = 2 * time.Second
			c, err := NewClient(opt)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			_, err = c.Query(t.Context(), "up", epoch)
			var se *SourceError
			if !errors.As(err, &se) {
				t.Fatalf("want a SourceError, got %v", err)
			}
			if !strings.Contains(err.Error(), tc.says) {
				t.Errorf("want %q in: %v", tc.says, err)
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "user") {
				t.Errorf("credentials are shown: %v", err)
			}
		})
	}
}

func TestClientRefusesURLsThatCannotBe(t *testing.T) {
	for name, raw := range map[string]string{
		"nothing": "", "no scheme": "prometheus:9090", "no host": "http://", "another scheme": "ftp://prometheus",
		"a query in the URL": "http://prometheus:9090/?token=hunter2", "garbage": "http://user:hunter2@[::1",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewClient(DefaultSourceOptions("default", raw))
			if err == nil || !strings.Contains(err.Error(), "url: want") {
				t.Fatalf("want an error of the field url, got %v", err)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("credentials are shown: %v", err)
			}
		})
	}
}

func TestClientCapsSeriesAndSamples(t *testing.T) {
	p := newFaultProm(t, 1)
	for _, pod := range []string{"a", "b", "c"} {
		p.add(t, labelled("x", "pod", pod), every(15*time.Second, epoch.Add(-time.Minute), epoch, always(1))...)
	}
	for name, tc := range map[string]struct {
		change func(*SourceOptions)
		want   ErrorKind
	}{
		"within the caps":  {func(*SourceOptions) {}, ""},
		"too many series":  {func(o *SourceOptions) { o.MaxSeries = 2 }, OverLimit},
		"too many samples": {func(o *SourceOptions) { o.MaxSamples = 11 }, OverLimit},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := p.client(t, tc.change).Query(t.Context(), "x[1m]", epoch)
			if kindOf(err) != tc.want {
				t.Fatalf("want %q, got %v", tc.want, err)
			}
			if err == nil && r.Samples != 12 {
				t.Errorf("want 12 samples with their own timestamps, got %d", r.Samples)
			}
		})
	}
}

func TestClientReturnsWarnings(t *testing.T) {
	p := newFaultProm(t, 1)
	p.warn, p.infos = []string{"store 10.0.0.7 unavailable"}, []string{"PromQL info: odd name"}
	r, err := p.client(t).Query(t.Context(), "up", epoch)
	if err != nil || len(r.Warnings) != 1 || len(r.Infos) != 1 {
		t.Fatalf("want one warning and one info, got %+v, %v", r, err)
	}
}

func TestClientAuthenticates(t *testing.T) {
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("anna:pass"))
	for name, tc := range map[string]struct {
		change func(*SourceOptions)
		header string
		want   string
	}{
		"bearer token": {func(o *SourceOptions) {
			o.HTTP.Authorization = &promconfig.Authorization{Type: "Bearer", Credentials: "tok"}
		}, "Authorization", "Bearer tok"},
		"basic": {func(o *SourceOptions) {
			o.HTTP.BasicAuth = &promconfig.BasicAuth{Username: "anna", Password: "pass"}
		}, "Authorization", basic},
		"tenant": {func(o *SourceOptions) { o.Tenant = "team-a" }, "X-Scope-Orgid", "team-a"},
		"header": {func(o *SourceOptions) {
			o.HTTP.HTTPHeaders = &promconfig.Headers{
				Headers: map[string]promconfig.Header{"X-Team": {Values: []string{"a"}}},
			}
		}, "X-Team", "a"},
		"SigV4": {func(o *SourceOptions) {
			o.SigV4 = &sigv4.SigV4Config{Region: "eu-west-1", AccessKey: "AKIA", SecretKey: "s"}
		}, "Authorization", "AWS4-HMAC-SHA256"},
		"gzip is asked for": {func(*SourceOptions) {}, "Accept-Encoding", "gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newFaultProm(t, 1)
			c := p.client(t, tc.change)
			if _, err := c.Query(t.Context(), "up", epoch); err != nil {
				t.Fatal(err)
			}
			if got := p.headers[0].Get(tc.header); !strings.HasPrefix(got, tc.want) {
				t.Errorf("want %s: %s, got %q", tc.header, tc.want, got)
			}
		})
	}
}

func TestChaosGivesTypedErrorsAndNeverPanics(t *testing.T) {
	p := newFaultProm(t, 42)
	p.add(t, "up", Sample{T: epoch, V: 1})
	p.breakWith(p.chaos(0.8))
	c := p.client(t)
	good := 0
	for range 200 {
		r, err := c.Query(t.Context(), "up", epoch)
		if err == nil {
			good++
			if r.Samples != 1 {
				t.Fatalf("an answer without an error must be whole, got %+v", r)
			}
			continue
		}
		if kindOf(err) == "" {
			t.Fatalf("want a typed error, got %v", err)
		}
	}
	if good == 0 || good == 200 {
		t.Errorf("want a mixture, got %d good of 200", good)
	}
}
