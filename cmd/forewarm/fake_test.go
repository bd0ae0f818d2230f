package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// fakeVLLM answers like a Prometheus that has scraped one vLLM pod every 15 s
// forever: rate requests per second of 500 prompt and 300 output tokens. What it
// is asked beyond raw vLLM series and up, it does not have.
func fakeVLLM(t *testing.T, rate float64) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, at := r.FormValue("query"), r.FormValue("time")
		now, err := strconv.ParseFloat(at, 64)
		var series []string
		if err == nil && strings.HasSuffix(query, "]") {
			series = vllmSeries(query, now, rate)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"status":"success","data":{"resultType":"matrix","result":[%s]}}`, strings.Join(series, ","))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func vllmSeries(query string, now, rate float64) []string {
	constant := func(v float64) func(float64) float64 { return func(float64) float64 { return v } }
	growing := func(each float64) func(float64) float64 {
		return func(at float64) float64 { return each * rate * (at - 1.7e9) }
	}
	var out []string
	for name, value := range map[string]func(at float64) float64{
		"up":                           constant(1),
		"vllm:num_requests_running":    constant(4 * rate),
		"vllm:num_requests_waiting":    constant(0),
		"vllm:kv_cache_usage_perc":     constant(0.4),
		"vllm:request_success_total":   growing(1),
		"vllm:prompt_tokens_total":     growing(500),
		"vllm:generation_tokens_total": growing(300),
	} {
		if !strings.Contains(query, name) {
			continue
		}
		var points []string
		newest := float64(int64(now/15) * 15)
		for at := newest - 600; at <= newest; at += 15 {
			points = append(points, fmt.Sprintf(`[%.3f,"%g"]`, at, value(at)))
		}
		out = append(out, fmt.Sprintf(`{"metric":{"__name__":%q,"namespace":"llm","pod":"llama-6f-x1","job":"llama",`+
			`"instance":"10.0.0.1:8000","model_name":"meta/llama"},"values":[%s]}`, name, strings.Join(points, ",")))
	}
	return out
}

func TestFailOn(t *testing.T) {
	cfg := file(t, fmt.Sprintf(model, "vllm"))
	for name, tc := range map[string]struct {
		rate   float64
		failOn string
		code   int
	}{
		"too few, asked for":            {6, "under", exitFindings},
		"too few, not asked for":        {6, "over", exitOK},
		"enough":                        {1, "change", exitOK},
		"assumed replicas are no fault": {1, "fault", exitOK},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := invoke(t, "recommend", "--config", cfg, "--prometheus", fakeVLLM(t, tc.rate),
				"--history", "10m", "--fail-on", tc.failOn)
			if code != tc.code || !strings.Contains(stdout, "req/s") {
				t.Errorf("want exit code %d and a row, got %d\n%s%s", tc.code, code, stdout, stderr)
			}
		})
	}
}

func TestEveryOutputOfARealRun(t *testing.T) {
	cfg, url := file(t, fmt.Sprintf(model, "vllm")), fakeVLLM(t, 2)
	for _, output := range outputs {
		code, stdout, stderr := invoke(t, "recommend", "--config", cfg, "--prometheus", url, "--history", "10m", "-q", "-o", output)
		if code != exitOK || !strings.Contains(stdout, "llama") || stderr != "" {
			t.Errorf("-o %s: want 0, the model, and a quiet stderr; got %d\n%s%s", output, code, stdout, stderr)
		}
	}
	code, stdout, _ := invoke(t, "recommend", "--config", cfg, "--prometheus", url, "--history", "10m", "--explain", "llm/llama")
	for _, part := range []string{"SIGNALS", "arrivals", "FORECAST", "RULES", "capacity", "RESULT", "ASSUMED"} {
		if !strings.Contains(stdout, part) {
			t.Errorf("--explain: want %s in\n%s", part, stdout)
		}
	}
	if code != exitOK {
		t.Errorf("--explain: want 0, got %d", code)
	}
	code, stdout, _ = invoke(t, "recommend", "--config", cfg, "--prometheus", url, "--history", "10m", "--at", "-2h", "-o", "json")
	if code != exitOK || !strings.Contains(stdout, `"apiVersion": "forewarm.dev/v1alpha1"`) {
		t.Errorf("--at: want 0 and a document, got %d\n%s", code, stdout)
	}
}
