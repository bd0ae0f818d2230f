package manifests

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// serveHelp is what the binary of this tree says of its command serve.
func serveHelp(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "run", "-buildvcs=false", "./cmd/forewarm", "serve", "--help")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// Nothing runs the container of the manifests in a test, so its arguments are held against the command that reads them.
func TestTheDeploymentGivesFlagsThatServeHas(t *testing.T) {
	help := serveHelp(t)
	flags := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z-]+)`).FindAllStringSubmatch(help, -1) {
		flags[m[1]] = true
	}
	listen := regexp.MustCompile(`(?s)--listen-metrics .*?\(default ":(\d+)"\)`).FindStringSubmatch(help)
	if listen == nil {
		t.Fatalf("serve has no default of --listen-metrics:\n%s", help)
	}
	for _, dir := range []string{"base", "hpa", "keda"} {
		pod := at(find(t, build(t, dir), "Deployment", "forewarm"), "spec", "template", "spec")
		container := at(pod, "containers").([]any)[0]
		args := at(container, "args").([]any)
		if args[0] != "serve" {
			t.Errorf("%s: want the command serve, got %v", dir, args[0])
		}
		for _, arg := range args[1:] {
			name, _, _ := strings.Cut(strings.TrimPrefix(arg.(string), "--"), "=")
			if !flags[name] {
				t.Errorf("%s: serve has no flag --%s", dir, name)
			}
		}
		for probe, path := range map[string]string{
			"startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/healthz",
		} {
			port := portOf(container, at(container, probe, "httpGet", "port"))
			if got := at(container, probe, "httpGet", "path"); got != path || port != listen[1] || !strings.Contains(help, path) {
				t.Errorf("%s: %s asks for %v on port %s, serve has %s on %s", dir, probe, got, port, path, listen[1])
			}
		}
	}
}

// portOf is the number of a container's port; empty if it has none of that name.
func portOf(container, named any) string {
	for _, port := range at(container, "ports").([]any) {
		if at(port, "name") == named {
			return fmt.Sprint(at(port, "containerPort"))
		}
	}
	return ""
}
