package lint

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
)

// TestTheClusterIsRead in pages; kinds that are not installed are passed over, and
// what may not be read is said.
func TestTheClusterIsRead(t *testing.T) {
	item := func(name string) string {
		return fmt.Sprintf(`{"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","metadata":{"namespace":"llm","name":%q},
			"spec":{"maxReplicas":3,"minReplicas":0,"scaleTargetRef":{"kind":"Deployment","name":%q}}}`, name, name)
	}
	list := func(w http.ResponseWriter, kind, more string, items ...string) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"kind":%q,"apiVersion":"v1","metadata":{"continue":%q},"items":[%s]}`, kind, more, strings.Join(items, ","))
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/namespaces/llm/horizontalpodautoscalers") && r.URL.Query().Get("continue") == "":
			list(w, "List", "next", item("a"))
		case strings.HasSuffix(r.URL.Path, "/namespaces/llm/horizontalpodautoscalers"):
			list(w, "List", "", item("b"))
		case strings.HasSuffix(r.URL.Path, "/scaledobjects"), strings.HasSuffix(r.URL.Path, "/leaderworkersets"):
			http.NotFound(w, r)
		case strings.HasSuffix(r.URL.Path, "/resourcequotas"):
			w.WriteHeader(http.StatusForbidden)
		default:
			list(w, "List", "")
		}
	}))
	defer server.Close()
	in := Input{}
	err := in.ReadCluster(t.Context(), &rest.Config{Host: server.URL}, []string{"llm"})
	if err == nil || !strings.Contains(err.Error(), "list resourcequotas") || strings.Contains(err.Error(), "scaledobjects") {
		t.Errorf("want what may not be read, and no more, got %v", err)
	}
	if len(in.HPAs) != 2 || in.HPAs[1].Name != "b" || in.HPAs[1].File != "" {
		t.Errorf("want both pages, got %+v", in.HPAs)
	}
	if found := Check(in); len(found) != 2 || found[0].Object != "HorizontalPodAutoscaler llm/a" {
		t.Errorf("want what is wrong with them, got %+v", found)
	}
}

// TestWhatCannotBeUnderstoodStopsNothing: one object that this program does not understand is said, and those after it
// are judged; a field that is newer than this program is none of them.
func TestWhatCannotBeUnderstoodStopsNothing(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		items := ""
		if strings.HasSuffix(r.URL.Path, "/horizontalpodautoscalers") {
			hpa := `{"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","metadata":{"namespace":"llm","name":%q},
				"spec":{%s,"minReplicas":0,"scaleTargetRef":{"kind":"Deployment","name":%q}}}`
			items = fmt.Sprintf(hpa+","+hpa+","+hpa, "broken", `"maxReplicas":"many"`, "a", "newer", `"maxReplicas":3,"syncPeriodSeconds":5`, "b",
				"plain", `"maxReplicas":3`, "c")
		}
		_, _ = fmt.Fprintf(w, `{"kind":"List","apiVersion":"v1","metadata":{},"items":[%s]}`, items)
	}))
	defer server.Close()
	in := Input{}
	err := in.ReadCluster(t.Context(), &rest.Config{Host: server.URL}, []string{"llm"})
	if err == nil || !strings.Contains(err.Error(), "HorizontalPodAutoscaler llm/broken") || strings.Contains(err.Error(), "newer") {
		t.Errorf("want the one that is broken named, got %v", err)
	}
	if len(in.HPAs) != 2 || in.HPAs[0].Name != "newer" || in.HPAs[1].Name != "plain" {
		t.Errorf("want the others, got %+v", in.HPAs)
	}
}
