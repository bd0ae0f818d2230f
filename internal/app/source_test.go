package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/signals"
	"github.com/forewarm/forewarm/policy"
)

func TestTheCommandLinesServerTakesTheFilesPlace(t *testing.T) {
	named := func(names ...string) []config.Source {
		var out []config.Source
		for _, n := range names {
			s, err := config.NewSource(n, "http://"+n+".cluster:9090")
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, s)
		}
		return out
	}
	laptop, err := NewSource("http://localhost:9090", Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		have []config.Source
		want []string
	}{
		"of none":                 {nil, []string{"default http://localhost:9090"}},
		"of the only one":         {named("west"), []string{"west http://localhost:9090"}},
		"of the one called so":    {named("west", "default"), []string{"west http://west.cluster:9090", "default http://localhost:9090"}},
		"of several, not knowing": {named("west", "east"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config.Default()
			cfg.Sources = tc.have
			out, err := withSource(cfg, &laptop)
			if tc.want == nil {
				if err == nil || !strings.Contains(err.Error(), "--prometheus") {
					t.Errorf("want an error that names the flag, got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range out.Sources {
				got = append(got, s.Name+" "+s.URL)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCredentialsReachTheClientAndNoText(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("hush-token"), 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := NewSource("https://user:hush-password@p:9090/prom", Credentials{
		Headers: map[string]string{"X-Key": "hush-key"}, Tenant: "team-a",
	})
	if err != nil {
		t.Fatal(err)
	}
	o := SourceOptions(src)
	if o.HTTP.BasicAuth == nil || o.HTTP.BasicAuth.Username != "user" || o.URL != "https://p:9090/prom" {
		t.Errorf("want basic authentication out of the URL, got %+v and %s", o.HTTP.BasicAuth, o.URL)
	}
	headers := o.HTTP.HTTPHeaders.Headers
	if len(headers["X-Key"].Secrets) != 1 || len(headers["X-Scope-OrgID"].Secrets) != 1 {
		t.Errorf("want both headers, got %+v", headers)
	}
	if _, err := signals.NewClient(o); err != nil {
		t.Errorf("the client refuses them: %v", err)
	}
	if src.HTTP.Client.HTTPHeaders.Headers["X-Scope-OrgID"].Secrets != nil {
		t.Error("the source itself was changed")
	}
	_, err = NewSource("https://user:hush-password@p:9090", Credentials{BearerTokenFile: token})
	if err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("want two ways to authenticate refused, without the secret; got %v", err)
	}
}

func TestAFoundModelBecomesAConfiguredOne(t *testing.T) {
	f := signals.Found{
		ID: policy.ModelID{Namespace: "llm", Name: "llama"}, Engine: "vllm", ModelName: "meta/llama",
		Labels: signals.DefaultLabels(), Gateway: &signals.GatewayBinding{Preset: "llm-d-epp"},
		Variants: []signals.FoundVariant{
			{Name: "small", Kind: "Deployment", APIVersion: "apps/v1", Target: "small", Replicas: 1, GPUs: 1, CapacityType: policy.OnDemand},
			{Name: "spot", Kind: "Deployment", APIVersion: "apps/v1", Target: "spot", Replicas: 0, GPUs: 8, CapacityType: policy.Spot},
			{Name: "big", Kind: "LeaderWorkerSet", Target: "big", Replicas: 20},
		},
		Assumed: []string{"one GPU per replica of big"},
	}
	base := config.Default()
	src, err := NewSource("http://p:9090", Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	base.Sources = []config.Source{src}
	reg, err := config.FromModels(base, []config.Model{modelOf(f, "default")}, Catalog())
	if err != nil {
		t.Fatal(err)
	}
	type bounds struct{ Min, Max, GPUs int }
	got := map[string]bounds{}
	for _, v := range reg.Entries[0].Model.Variants {
		got[v.Name] = bounds{v.Min, v.Max, v.GPUs}
	}
	want := map[string]bounds{"small": {1, 8, 1}, "spot": {0, 8, 8}, "big": {1, 40, 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if e := reg.Entries[0]; e.Assumed[0] != f.Assumed[0] || e.Gateway.Preset != "llm-d-epp" || e.Targets[2].APIVersion == "" {
		t.Errorf("want assumptions, gateway and the kind's version kept, got %+v", e)
	}
	if b := BindingOf(reg.Entries[0]); b.ModelName != "meta/llama" || len(b.Variants) != 3 || b.Gateway.Preset != "llm-d-epp" {
		t.Errorf("binding: got %+v", b)
	}
}
