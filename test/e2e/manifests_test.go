//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	authv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/forewarm/forewarm/internal/app"
	"github.com/forewarm/forewarm/test/plane"
)

// Every manifest and every example passes the API server's strict validation, and `forewarm lint`.
func TestManifestsAreAccepted(t *testing.T) {
	s := tell(t, "llm") // where the examples belong
	s.check(s.lws())
	crds, err := plane.Tool(t.Context(), "prometheus-operator")
	s.check(err)
	for _, kind := range []string{"podmonitors", "servicemonitors"} {
		s.check(s.applyFiles(t.Context(), filepath.Join(crds, "prometheus-operator-crd", "*_"+kind+".yaml")))
	}
	withKEDA := s.withKEDA()
	accept := func(name string, text []byte) {
		all, err := decode(text)
		s.check(err)
		for _, o := range all {
			group := o.GroupVersionKind().Group
			if group == "forewarm.dev" || group == "keda.sh" && !withKEDA {
				continue
			}
			if err := s.objects.apply(t.Context(), s.ns, true, o); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	paths, err := filepath.Glob(filepath.Join(root, "manifests", "examples", "*.yaml"))
	s.check(err)
	for _, path := range append(paths, filepath.Join(root, "manifests", "install.yaml")) {
		text, err := os.ReadFile(path)
		s.check(err)
		accept(filepath.Base(path), text)
		s.lint(path)
	}
	s.lint(without(paths, "scaledobject")...) // a model has one autoscaler
	s.lint(without(paths, "hpa")...)
	for _, dir := range []string{"base", "hpa", "keda"} {
		text, err := build(t.Context(), filepath.Join("manifests", dir))
		s.check(err)
		accept(dir, text)
	}
}

// lint runs `forewarm lint` on files together, with the configuration that belongs to the examples.
func (s *story) lint(paths ...string) {
	s.Helper()
	config := filepath.Join(root, "manifests", "examples", "forewarm.yaml")
	args := append([]string{"lint", "--config", config}, paths...)
	if out, err := exec.CommandContext(s.Context(), forewarmBinary, args...).CombinedOutput(); err != nil {
		s.Errorf("forewarm lint %v: %v\n%s", paths, err, out)
	}
}

// without leaves out the files whose names begin with something.
func without(paths []string, prefix string) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return strings.HasPrefix(filepath.Base(p), prefix) })
}

// A typing error would be found: the check above can fail.
func TestTypingErrorsAreRefused(t *testing.T) {
	s := tell(t, "strict")
	refused := func(what, because, text string) {
		all, err := decode([]byte(text))
		s.check(err)
		if err := s.objects.apply(t.Context(), s.ns, true, all...); err == nil || !strings.Contains(err.Error(), because) {
			t.Errorf("%s: want it refused because of %s, got %v", what, because, err)
		}
	}
	refused("a field that is not there", "datas", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndatas: {}")
	refused("a value out of range", "maxReplicas", `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: a}
spec: {scaleTargetRef: {kind: Deployment, name: a}, minReplicas: 3, maxReplicas: 1}`)
	if !s.withKEDA() {
		return
	}
	refused("a field that no ScaledObject has", "pollInterval", `
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: a}
spec: {scaleTargetRef: {name: a}, pollInterval: 5, triggers: [{type: external, metadata: {scalerAddress: 'a:1'}}]}`)
}

// The pods are admitted where the restricted standard is enforced, and the disruption budget lets one of two go.
func TestInstallation(t *testing.T) {
	s := tell(t, "installation")
	s.ns = "forewarm"
	s.ready("forewarm", 2)
	s.eventually(time.Minute, "the disruption budget allows one to go", func(ctx context.Context) error {
		o, err := s.get(ctx, s.ns, "PodDisruptionBudget.v1.policy", "forewarm")
		if err != nil {
			return err
		}
		if n, _, _ := unstructured.NestedInt64(o.Object, "status", "disruptionsAllowed"); n != 1 {
			return fmt.Errorf("it allows %d", n)
		}
		return nil
	})
	_, err := s.Client.CoreV1().Pods(s.ns).Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "careless"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "a"}}},
	}, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if !apierrors.IsForbidden(err) {
		t.Errorf("want a pod that may run as root refused there, got %v", err)
	}
}

// Applying the manifests again does not take the authority out of the APIServices.
func TestManifestsCanBeAppliedAgain(t *testing.T) {
	s := tell(t, "again")
	const kind, name = "APIService.v1.apiregistration.k8s.io", "v1beta2.custom.metrics.k8s.io"
	bundle := func() string {
		o, err := s.get(t.Context(), "", kind, name)
		s.check(err)
		text, _, _ := unstructured.NestedString(o.Object, "spec", "caBundle")
		return text
	}
	before := bundle()
	for _, o := range s.installed {
		if o.GetKind() == "APIService" {
			s.check(s.objects.apply(t.Context(), "", false, o))
		}
	}
	if after := bundle(); before == "" || after != before {
		t.Errorf("want the authority left alone, it was %d bytes long and is %d", len(before), len(after))
	}
	s.check(s.available(name)(t.Context()))
}

// The account that Forewarm runs with can change nothing. All that it may create are questions.
func TestForewarmCannotWrite(t *testing.T) {
	s := tell(t, "least-privilege")
	cfg, err := clientcmd.BuildConfigFromFlags("", filepath.Join(s.dir, "pki", "forewarm.kubeconfig"))
	s.check(err)
	client, err := kubernetes.NewForConfig(cfg)
	s.check(err)
	for _, ns := range []string{"forewarm", "kube-system", s.ns} {
		review, err := client.AuthorizationV1().SelfSubjectRulesReviews().Create(t.Context(),
			&authv1.SelfSubjectRulesReview{Spec: authv1.SelfSubjectRulesReviewSpec{Namespace: ns}}, metav1.CreateOptions{})
		s.check(err)
		if status := review.Status; status.Incomplete || !grants(status.ResourceRules, "get", "deployments/scale") {
			t.Errorf("want all rules in %s, that of deployments/scale among them, got %+v", ns, status)
		}
		for _, rule := range review.Status.ResourceRules {
			for _, resource := range rule.Resources {
				question := strings.HasSuffix(resource, "reviews")
				if slices.Contains(rule.Resources, "*") || resource == "secrets" {
					t.Errorf("it may %v %s in %s", rule.Verbs, resource, ns)
				}
				for _, verb := range rule.Verbs {
					allowed := []string{"get", "list", "watch"}
					if question {
						allowed = append(allowed, "create")
					}
					if !slices.Contains(allowed, verb) {
						t.Errorf("it may %s %s in %s", verb, resource, ns)
					}
				}
			}
		}
	}
	if _, err := client.CoreV1().Secrets("forewarm").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("want Secrets forbidden, got %v", err)
	}
	if err := client.AppsV1().Deployments(s.ns).Delete(t.Context(), "a", metav1.DeleteOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("want writing forbidden, got %v", err)
	}
}

// Without configuration, models are found with what the account may read: what their pods ask for and what their nodes
// are, and the Services among which a Prometheus is looked for. Another account finds neither.
func TestDiscoveryHasTheRightsItNeeds(t *testing.T) {
	s := tell(t, "discovery")
	s.check(s.node(t.Context(), "node-bought", "bought", 8, map[string]string{
		"nvidia.com/gpu.product": "E2E-H100", "karpenter.sh/capacity-type": "spot",
	}))
	m := s.serve("llama", options{variants: []variant{{name: "on-demand", replicas: 2, min: 1, max: 3, gpus: 2, pool: "bought"}}})
	s.apply("apiVersion: v1\nkind: Service\nmetadata: {name: prometheus-operated}\nspec: {ports: [{name: web, port: 9090}]}")
	s.ready("llama", 2)
	m.turn(2)
	ours := filepath.Join(s.dir, "pki", "forewarm.kubeconfig")
	nobody, err := s.kubeconfigOf(t.Context(), s.ns, "default", "nobody")
	s.check(err)
	recommend := func(kubeconfig string, more ...string) ([]byte, error) {
		args := append([]string{"recommend", "--kubeconfig", kubeconfig}, more...)
		return exec.CommandContext(t.Context(), forewarmBinary, args...).CombinedOutput()
	}
	model := []string{"--prometheus", s.prom.url, "--namespace", s.ns, "--history", "0", "-o", "json", "--quiet"}
	s.eventually(time.Minute, "the model is found as it is", func(context.Context) error {
		text, err := recommend(ours, model...)
		var r app.Report
		if err = errors.Join(err, json.Unmarshal(text, &r)); err != nil || len(r.Models) != 1 || len(r.Models[0].Variants) != 1 {
			return errors.Join(err, fmt.Errorf("want one model with one variant, got %s", text))
		}
		if v := r.Models[0].Variants[0]; v.GPUs != 2 || v.Product != "E2E-H100" || v.CapacityType != "spot" {
			return fmt.Errorf("it has %d %s, bought as %s", v.GPUs, v.Product, v.CapacityType)
		}
		return nil
	})
	if text, _ := recommend(nobody, model...); !strings.Contains(string(text), "grant get on deployments/scale") ||
		strings.Contains(string(text), "E2E-H100") { // the exit status is that of a model of which too little is known
		t.Errorf("want an account without rights told what it lacks, got\n%s", text)
	}
	for kubeconfig, want := range map[string]string{
		ours: "--namespace discovery port-forward service/prometheus-operated", nobody: "forbidden",
	} {
		if text, err := recommend(kubeconfig); err == nil || !strings.Contains(string(text), want) {
			t.Errorf("want %q where no Prometheus is named, got %v:\n%s", want, err, text)
		}
	}
}

// grants says whether one of the rules lets a verb at a resource.
func grants(rules []authv1.ResourceRule, verb, resource string) bool {
	return slices.ContainsFunc(rules, func(r authv1.ResourceRule) bool {
		return slices.Contains(r.Verbs, verb) && slices.Contains(r.Resources, resource)
	})
}
