package signals

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
)

// status answers with a status and a body.
func status(code int, contentType, body string) fault {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
		return true
	}
}

// hang keeps the client waiting until it gives up.
func hang(_ http.ResponseWriter, r *http.Request) bool {
	<-r.Context().Done()
	return true
}

// hugeBody writes valid JSON of about n bytes.
func hugeBody(n int) fault {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"status":"success","data":"`))
		_, _ = w.Write(bytes.Repeat([]byte("x"), n))
		_, _ = w.Write([]byte(`"}`))
		return true
	}
}

// gzipBomb is a small body that unpacks to n bytes.
func gzipBomb(n int) fault {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write([]byte(`{"status":"success","data":"`))
		_, _ = z.Write(bytes.Repeat([]byte("0"), n))
		_ = z.Close()
		return true
	}
}

// cutOff promises more than it sends, as a proxy does that restarts.
func cutOff(w http.ResponseWriter, _ *http.Request) bool {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "1000")
	_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"matrix","result":[`))
	return true
}

// onlyFor limits a fault to queries that contain a text.
func onlyFor(text string, f fault) fault {
	return func(w http.ResponseWriter, r *http.Request) bool {
		return strings.Contains(r.Form.Get("query"), text) && f(w, r)
	}
}

// chaos breaks a share of the requests in any of the ways, by the seed.
func (p *faultProm) chaos(share float64) fault {
	faults := []fault{
		status(500, "text/plain", "boom"), status(401, "text/plain", "who?"),
		status(200, "text/html", "<html>hello</html>"),
		status(422, "application/json", `{"status":"error","errorType":"execution","error":"no"}`),
		status(200, "application/json", ""), status(200, "application/json", `{"status":"success","da`),
		status(200, "application/json", `[]`), status(
			200, "application/json",
			`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"x"]]}]}}`,
		),
		hugeBody(2 << 20), gzipBomb(2 << 20), cutOff,
	}
	return func(w http.ResponseWriter, r *http.Request) bool {
		p.mu.Lock()
		hit, pick := p.rng.Float64() < share, p.rng.IntN(len(faults))
		p.mu.Unlock()
		return hit && faults[pick](w, r)
	}
}
