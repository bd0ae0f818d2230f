package main

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// applied is what the tests read of what certs prints.
type applied struct {
	Kind     string
	Metadata struct{ Name, Namespace string }
	Data     map[string]string
	Spec     struct {
		CABundle string `json:"caBundle"`
		Insecure *bool  `json:"insecureSkipTLSVerify"`
		Service  struct{ Name, Namespace string }
	}
}

func printedCerts(t *testing.T, args ...string) []applied {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), append([]string{"certs"}, args...), nil, &out, &errs); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	var objects []applied
	for text := range strings.SplitSeq(strings.TrimPrefix(out.String(), "---\n"), "---\n") {
		var o applied
		if err := yaml.Unmarshal([]byte(text), &o); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, o)
	}
	return objects
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCertsAreRenewedByTheSameAuthority(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	first := printedCerts(t, dir)
	ca, leaf := read(t, dir, "ca.crt"), read(t, dir, "tls.crt")

	encoded := base64.StdEncoding.EncodeToString([]byte(ca))
	var got []string
	for _, o := range first {
		got = append(got, strings.Trim(o.Kind+" "+o.Metadata.Namespace+"/"+o.Metadata.Name, "/"))
		if o.Kind == "APIService" && (o.Spec.CABundle != encoded || o.Spec.Service.Name != "forewarm") {
			t.Errorf("%s: want Service forewarm and ca.crt as caBundle, got %+v", o.Metadata.Name, o.Spec)
		}
		if o.Kind == "APIService" && (o.Spec.Insecure == nil || *o.Spec.Insecure) {
			t.Errorf("%s: want it said that certificates are verified, for one that is taken over", o.Metadata.Name)
		}
		if o.Kind == "Secret" && o.Data["ca.crt"] != encoded {
			t.Errorf("%s: want ca.crt in it", o.Metadata.Name)
		}
	}
	want := "Secret forewarm/forewarm-tls, Secret keda/forewarm-keda-client, " +
		"APIService /v1beta1.custom.metrics.k8s.io, APIService /v1beta2.custom.metrics.k8s.io"
	if strings.Join(got, ", ") != want {
		t.Errorf("want %s, got %s", want, strings.Join(got, ", "))
	}

	second := printedCerts(t, dir, "--external", "-n", "llm")
	if len(second) != 5 || second[0].Metadata.Namespace != "llm" {
		t.Errorf("want five objects, for namespace llm; got %+v", second)
	}
	if read(t, dir, "ca.crt") != ca {
		t.Error("want the authority kept")
	}
	if read(t, dir, "tls.crt") == leaf {
		t.Error("want a new certificate")
	}
	if info, err := os.Stat(filepath.Join(dir, "ca.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("want ca.key readable by its owner alone, got %v, %v", info, err)
	}
}

// Without KEDA there is no namespace for its Secret, and `kubectl apply` would fail.
func TestCertsWithoutKEDA(t *testing.T) {
	all := printedCerts(t, t.TempDir(), "--external", "--keda-namespace=")
	if len(all) != 4 {
		t.Errorf("want a Secret and three APIServices, got %+v", all)
	}
	for _, o := range all {
		if o.Kind == "Secret" && (o.Metadata.Name != "forewarm-tls" || o.Metadata.Namespace != "forewarm") {
			t.Errorf("want the servers' Secret alone, got %+v", o.Metadata)
		}
	}
}

func TestCertsRefuseHalfAnAuthority(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ca.crt"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args []string
		code int
		want string
	}{
		"the key is lost":       {[]string{"certs", dir}, exitFailed, "want both or none"},
		"no directory":          {[]string{"certs"}, exitUsage, "accepts 1 arg"},
		"no time to be valid":   {[]string{"certs", dir, "--days", "0"}, exitUsage, "--days: want 1 or more"},
		"a directory is a file": {[]string{"certs", filepath.Join(dir, "ca.crt")}, exitFailed, "ca.crt"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			code := run(t.Context(), tc.args, nil, &out, &errs)
			if code != tc.code || !strings.Contains(errs.String(), tc.want) {
				t.Errorf("want code %d and %q, got %d and %q", tc.code, tc.want, code, errs.String())
			}
			if out.Len() > 0 {
				t.Errorf("want nothing to apply, got %s", out.String())
			}
		})
	}
}
