package manifests

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/forewarm/forewarm/internal/certs"
	"github.com/forewarm/forewarm/test/plane"
)

const root = "../.."

type object = map[string]any

func decode(t *testing.T, text []byte) []object {
	t.Helper()
	var out []object
	d := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		o := object{}
		err := d.Decode(&o)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(o) > 0 {
			out = append(out, o)
		}
	}
}

// at walks down keys; nil where there is nothing.
func at(o any, keys ...string) any {
	for _, k := range keys {
		m, _ := o.(object)
		o = m[k]
	}
	return o
}

func name(o object) string {
	return fmt.Sprintf("%v %v/%v", o["kind"], at(o, "metadata", "namespace"), at(o, "metadata", "name"))
}

func build(t *testing.T, dir string) []object {
	t.Helper()
	bin, err := plane.Tool(t.Context(), "kustomize")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), bin, "build", filepath.Join(root, "manifests", dir)).Output()
	if err != nil {
		t.Fatalf("kustomize build %s: %v", dir, err)
	}
	return decode(t, out)
}

func find(t *testing.T, all []object, kind, named string) object {
	t.Helper()
	i := slices.IndexFunc(all, func(o object) bool { return o["kind"] == kind && at(o, "metadata", "name") == named })
	if i < 0 {
		t.Fatalf("no %s %s", kind, named)
	}
	return all[i]
}

func TestInstallIsTheBase(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "manifests/install.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(decode(t, text)), fmt.Sprint(build(t, "base")); got != want {
		t.Error("manifests/install.yaml is not what manifests/base builds: run make generate")
	}
}

func TestNothingCanWrite(t *testing.T) {
	reading := []any{"get", "list", "watch"}
	for dir, all := range installations(t) {
		roles := 0
		for _, o := range all {
			if o["kind"] != "ClusterRole" && o["kind"] != "Role" {
				continue
			}
			roles++
			for _, rule := range o["rules"].([]any) {
				for _, verb := range at(rule, "verbs").([]any) {
					if !slices.Contains(reading, verb) {
						t.Errorf("%s: %s may %v %v", dir, name(o), verb, at(rule, "resources"))
					}
				}
				for _, resource := range at(rule, "resources").([]any) {
					if resource == "*" || resource == "secrets" {
						t.Errorf("%s: %s may read %v", dir, name(o), resource)
					}
				}
			}
		}
		if roles == 0 {
			t.Errorf("%s: want a role, or nothing is read either", dir)
		}
	}
}

// What `forewarm certs` prints are the APIServices of the manifests, and the authority.
func TestCertsPrintsTheAPIServicesOfTheManifests(t *testing.T) {
	now := time.Now()
	ca, err := certs.NewAuthority("test", now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	install := certs.Install{Namespace: "forewarm", Service: "forewarm", External: true, Life: time.Hour}
	installed := build(t, "hpa")
	for _, printed := range install.Objects(ca, certs.Pair{}, certs.Pair{}) {
		if printed["kind"] != "APIService" {
			continue
		}
		spec := printed["spec"].(certs.Object)
		delete(spec, "caBundle")
		theirs := find(t, installed, "APIService", printed["metadata"].(certs.Object)["name"].(string))
		for key, value := range spec {
			if got, want := fmt.Sprint(at(theirs, "spec", key)), fmt.Sprint(value); got != want {
				t.Errorf("%s: %s: certs prints %s, the manifests have %s", name(theirs), key, want, got)
			}
		}
		if n := len(theirs["spec"].(object)); n != len(spec) {
			t.Errorf("%s: certs prints %d fields, the manifests have %d", name(theirs), len(spec), n)
		}
	}
}
