package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// apiServer answers the paths of lists with a code and a text, and everything else with 500; it gives a kubeconfig.
func apiServer(t *testing.T, answers map[string]answer) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := answers[r.URL.Path]
		if !ok || r.Method != http.MethodGet {
			a = answer{http.StatusInternalServerError, r.Method + " " + r.URL.Path}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.code)
		_, _ = fmt.Fprint(w, a.text)
	}))
	t.Cleanup(server.Close)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: here
clusters: [{name: here, cluster: {server: %q}}]
contexts: [{name: here, context: {cluster: here}}]
`, server.URL)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

type answer struct {
	code int
	text string
}

// refused is an error as an API server tells it.
func refused(code int, reason string) answer {
	return answer{code, fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"code":%d}`, reason, code)}
}

func TestAutoscalersOfACluster(t *testing.T) {
	hpas := answer{http.StatusOK, `{"kind":"HorizontalPodAutoscalerList","items":[]}`}
	scaled := answer{http.StatusOK, `{"kind":"ScaledObjectList","items":[]}`}
	for name, tc := range map[string]struct {
		hpas, scaled answer
		want         []string // kinds of the lists
		says         string   // in the error; empty: none
	}{
		"HPA and KEDA":          {hpas, scaled, []string{"HorizontalPodAutoscalerList", "ScaledObjectList"}, ""},
		"KEDA is not installed": {hpas, refused(http.StatusNotFound, "NotFound"), []string{"HorizontalPodAutoscalerList"}, ""},
		"KEDA's objects are not ours to read": {
			hpas, refused(http.StatusForbidden, "Forbidden"), []string{"HorizontalPodAutoscalerList"}, "scaledobjects",
		},
		"HPAs are not ours to read, and KEDA's objects are": {
			refused(http.StatusForbidden, "Forbidden"), scaled, []string{"ScaledObjectList"}, "horizontalpodautoscalers",
		},
		"we are not known": {
			refused(http.StatusUnauthorized, "Unauthorized"), refused(http.StatusUnauthorized, "Unauthorized"), nil, "scaledobjects",
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := apiServer(t, map[string]answer{autoscalers[0]: tc.hpas, autoscalers[1]: tc.scaled})
			got, err := Autoscalers(t.Context(), path, "")
			if (err != nil) != (tc.says != "") || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error: want %q in it (empty: none), got %v", tc.says, err)
			}
			if len(got) != len(tc.want) {
				t.Fatalf("want %v, got %d lists: %s", tc.want, len(got), got)
			}
			for i, kind := range tc.want {
				if !strings.Contains(string(got[i]), kind) {
					t.Errorf("list %d: want a %s, got %s", i, kind, got[i])
				}
			}
		})
	}
}

func TestAutoscalersNeedAContextThatIsThere(t *testing.T) {
	if _, err := Autoscalers(t.Context(), apiServer(t, nil), "elsewhere"); err == nil || !strings.Contains(err.Error(), "elsewhere") {
		t.Errorf("want an error that names the context, got %v", err)
	}
}
