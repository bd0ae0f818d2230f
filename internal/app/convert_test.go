package app

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/signals"
)

var update = flag.Bool("update", false, "rewrite the converted ScaledObjects")

func TestConvertedScaledObjects(t *testing.T) {
	files, err := filepath.Glob("testdata/convert/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			in, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			out, notes, err := ConvertKEDA(in, DefaultConvertOptions())
			if err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, out, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(out)); diff != "" {
				t.Errorf("-want +got (-update rewrites)\n%s", diff)
			}
			for _, n := range notes {
				_, text, _ := strings.Cut(n, ": ")
				if !bytes.Contains(out, []byte("# "+text)) {
					t.Errorf("a note is no comment: %s", n)
				}
			}
			understood(t, out)
			if _, _, err := ConvertKEDA(out, DefaultConvertOptions()); !errors.Is(err, ErrNothingToConvert) {
				t.Errorf("want nothing left to convert, got %v", err)
			}
		})
	}
}

// TestOneDefinitionIsOfOneModel: triggers are one if they are about one model, and if that is not sure they stay two.
func TestOneDefinitionIsOfOneModel(t *testing.T) {
	const waiting, kv = "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc"
	for name, tc := range map[string]struct {
		a, b string
		want bool
	}{
		"one name":                        {waiting + `{model_name="a"}`, kv + `{model_name="a"}`, true},
		"one name, narrowed once":         {waiting + `{model_name="a", job="x"}`, kv + `{model_name="a"}`, true},
		"one name, of two jobs":           {waiting + `{model_name="a", job="x"}`, kv + `{model_name="a", job="y"}`, false},
		"two names":                       {waiting + `{model_name="a"}`, kv + `{model_name="b"}`, false},
		"a name and none":                 {waiting + `{model_name="a"}`, kv, false},
		"no names":                        {waiting, kv, true},
		"no names, of two jobs":           {waiting + `{job="x"}`, kv + `{job="y"}`, false},
		"no names, narrowed once":         {waiting + `{job="x"}`, kv, false},
		"one pattern":                     {waiting + `{model_name=~"a|b"}`, kv + `{model_name=~"a|b"}`, true},
		"two patterns":                    {waiting + `{model_name=~"a|b"}`, kv + `{model_name=~"c"}`, false},
		"pods of two fleets":              {waiting + `{pod=~"a-.*"}`, kv + `{pod=~"b-.*"}`, false},
		"two engines":                     {waiting + `{model_name="a"}`, `sglang:num_queue_reqs{model_name="a"}`, false},
		"two namespaces":                  {waiting + `{model_name="a", namespace="x"}`, kv + `{model_name="a", namespace="y"}`, false},
		"behind a gateway":                {waiting + `{model_name="a"}`, `llm_d_epp_flow_control_queue_size`, true},
		"behind a gateway, by its name":   {waiting + `{model_name="a"}`, `llm_d_epp_flow_control_queue_size{target_model_name="a"}`, true},
		"behind a gateway, another model": {waiting + `{model_name="a"}`, `llm_d_epp_flow_control_queue_size{target_model_name="b"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			var read []signals.Recognized
			for _, query := range []string{tc.a, tc.b} {
				r, err := signals.Recognize("sum(" + query + ")")
				if err != nil {
					t.Fatal(err)
				}
				read = append(read, r)
			}
			if alike(read[0], read[1]) != tc.want || alike(read[1], read[0]) != tc.want {
				t.Errorf("want %t, either way round", tc.want)
			}
		})
	}
}

// understood says that the scaler takes the triggers that were made.
func understood(t *testing.T, out []byte) {
	t.Helper()
	n := 0
	for d := yaml.NewDecoder(bytes.NewReader(out)); ; {
		var so struct {
			Metadata struct{ Name string }
			Spec     struct {
				Triggers []struct {
					Type     string
					Metadata map[string]string
				}
			}
		}
		if d.Decode(&so) != nil {
			break
		}
		for _, tr := range so.Spec.Triggers {
			if tr.Type != "external-push" {
				continue
			}
			n++
			if _, err := config.ParseTrigger(so.Metadata.Name, tr.Metadata, Catalog()); err != nil {
				t.Errorf("the scaler refuses it: %v", err)
			}
		}
	}
	if n != 1 {
		t.Errorf("want one trigger of ours, got %d", n)
	}
}

func TestConvertNamesAConfiguredModel(t *testing.T) {
	in, err := os.ReadFile("testdata/convert/chapter.yaml")
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := ConvertKEDA(in, ConvertOptions{Address: "f:1", Model: "llama"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"scalerAddress: f:1\n", "model: llama\n"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("want %q in\n%s", want, out)
		}
	}
	for _, no := range []string{"engine:", "enableTLS", "authenticationRef"} {
		if strings.Contains(string(out), no) {
			t.Errorf("want no %q in\n%s", no, out)
		}
	}
	understood(t, out)
}

func TestWhatIsNoScaledObjectIsRefused(t *testing.T) {
	for name, in := range map[string]string{
		"nothing":          "",
		"another kind":     "kind: Service\n",
		"no triggers":      "kind: ScaledObject\nspec: {}\n",
		"strange triggers": "kind: ScaledObject\nspec: {triggers: {a: b}}\n",
		"not a mapping":    "kind: ScaledObject\nspec: {triggers: [1, null, [x]]}\n",
		"a broken query":   "kind: ScaledObject\nspec: {triggers: [{type: prometheus, metadata: {query: 'sum('}}]}\n",
		"other metrics":    "kind: ScaledObject\nspec: {triggers: [{type: prometheus, metadata: {query: 'up'}}]}\n",
	} {
		if _, _, err := ConvertKEDA([]byte(in), DefaultConvertOptions()); !errors.Is(err, ErrNothingToConvert) {
			t.Errorf("%s: want nothing to convert, got %v", name, err)
		}
	}
	if _, _, err := ConvertKEDA([]byte("\t:"), DefaultConvertOptions()); err == nil || errors.Is(err, ErrNothingToConvert) {
		t.Errorf("broken YAML: got %v", err)
	}
}
