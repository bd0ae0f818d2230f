//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/forewarm/forewarm/internal/app"
)

// What everybody shares is killed and restarted here, so this runs before the other stories and one after the other.
// Replicas never go down for it; that one more is asked for is what a step of a noisy load may do.
func TestOperations(t *testing.T) {
	s := tellAlone(t, "operations")
	m := s.serve("llama", options{})
	s.hpa("llama", 1, 10, desiredOf("llama"), exactly)
	s.loaded(m)
	s.ready("llama", s.settled("llama"))
	for _, story := range []struct {
		name string
		tell func(s *story, m *model)
	}{
		{"Forewarm is killed", (*story).forewarmIsKilled},
		{"a rolling update leaves no gap", (*story).rollingUpdate},
		{"kube-apiserver is killed", (*story).apiServerIsKilled},
		{"KEDA is restarted", (*story).kedaIsRestarted},
	} {
		t.Run(story.name, func(t *testing.T) {
			t.Cleanup(func() { summary.told(t.Name(), t.Failed(), t.Skipped()) })
			inner := *s
			inner.T = t
			before := s.last(s.ns, "llama").spec
			story.tell(&inner, m)
			if got := s.last(s.ns, "llama").spec; got != before && got != before+1 {
				t.Errorf("want %d replicas before and after, or one more, got %d: %s", before, got, s.course(s.ns, "llama"))
			}
		})
	}
}

// settled waits until a Deployment's replicas have not changed for a while.
func (s *story) settled(name string) int {
	s.Helper()
	s.eventually(3*time.Minute, "replicas of "+name+" have settled", func(context.Context) error {
		if p := s.last(s.ns, name); time.Since(p.at) < 15*time.Second || p.ready != p.spec {
			return fmt.Errorf("%d of %d are ready", p.ready, p.spec)
		}
		return nil
	})
	return s.last(s.ns, name).spec
}

func (s *story) forewarmIsKilled(*model) {
	n := s.last(s.ns, "llama").spec
	s.check(s.forewarm.Kill())
	s.hpaCondition(30*time.Second, "llama", "ScalingActive", "False", "FailedGetObjectMetric")
	s.always(10*time.Second, "replicas are held", s.staysAt("llama", n))
	s.check(s.forewarm.Start())
	s.check(s.forewarm.ready(s.Context()))
	s.hpaCondition(time.Minute, "llama", "ScalingActive", "True", "ValidMetricFound")
	s.always(10*time.Second, "replicas are the same, or one more", func(context.Context) error {
		if got := s.last(s.ns, "llama").spec; got != n && got != n+1 {
			return fmt.Errorf("there are %d, and were %d", got, n)
		}
		return nil
	})
}

// The new replica is ready before requests go to it, and the old one serves until they do not come any more.
func (s *story) rollingUpdate(*model) {
	next, err := startForewarm(s.Context(), s.cluster, "forewarm-next")
	s.check(err)
	var failed, asked atomic.Int64
	ctx, cancel := context.WithCancel(s.Context())
	done := make(chan error, 1)
	go func() {
		var last error
		for ctx.Err() == nil {
			if _, err := s.custom(ctx, "/deployments.apps/llama/forewarm_desired_replicas"); err != nil && ctx.Err() == nil {
				failed.Add(1)
				last = err
			}
			asked.Add(1)
		}
		done <- last
	}()
	s.wait(2 * time.Second)
	s.check(s.certificates(s.Context(), next.adapter))
	s.wait(2 * time.Second)
	s.check(s.forewarm.Stop())
	s.wait(3 * time.Second)
	cancel()
	if last := <-done; failed.Load() > 0 || asked.Load() < 20 {
		s.Errorf("%d of %d requests failed during the update: %v", failed.Load(), asked.Load(), last)
	}
	summary.measured("rolling update: %d of %d requests failed", failed.Load(), asked.Load())
	*s.forewarm = *next
}

func (s *story) apiServerIsKilled(m *model) {
	n := s.last(s.ns, "llama").spec
	s.check(s.APIServer.Kill())
	s.wait(5 * time.Second)
	s.check(s.APIServer.Start())
	s.check(s.WaitAPI(s.Context()))
	s.hpaCondition(time.Minute, "llama", "ScalingActive", "True", "ValidMetricFound")
	s.always(15*time.Second, "replicas are not fewer", func(context.Context) error {
		if got := s.last(s.ns, "llama").spec; got < n {
			return fmt.Errorf("there are %d, and were %d", got, n)
		}
		return nil
	})
	r, err := m.forewarmSays(s.Context())
	s.check(err)
	if r.Hold {
		s.Errorf("want Forewarm to see the cluster again, it holds:\n%s", steps(r))
	}
}

func (s *story) kedaIsRestarted(*model) {
	k := s.needKEDA()
	other := s.serve("scaled", options{variants: []variant{{name: "on-demand", replicas: 1, min: 2, max: 5}}})
	s.scaledObject("scaled", scaled{low: 1, high: 5, cooldown: 5})
	what, ok := exact(2)
	s.spec(time.Minute, "scaled", what, ok)
	s.check(errors.Join(k.operator.Kill(), k.adapter.Kill()))
	s.always(10*time.Second, "replicas are held without KEDA", s.staysAt("scaled", 2))
	s.check(errors.Join(k.operator.Start(), k.adapter.Start()))
	s.check(k.adapter.WaitFor(s.Context(), time.Minute, s.available("v1beta1.external.metrics.k8s.io")))
	other.options.variants[0].min = 4
	other.configure()
	what, ok = exact(4)
	s.spec(time.Minute, "scaled", what, ok)
}

// A replica of Forewarm that was started a minute ago answers like one that has run all the time.
func TestReplicasOfDifferentAgeAnswerAlike(t *testing.T) {
	s := tell(t, "alike")
	m := s.serve("llama", options{gateway: true, variants: []variant{{name: "on-demand", replicas: 2, min: 1, max: 10}}})
	s.ready("llama", 2)
	s.hpa("llama", 1, 10, desiredOf("llama"), exactly)
	m.turn(8) // which two carry: what is learned of a model does not begin with a missed SLO
	s.watched(m)
	young, err := startForewarm(t.Context(), s.cluster, "forewarm-young")
	s.check(err)
	t.Cleanup(func() { _ = young.Stop() })
	m.turn(18)
	type tick struct{ old, young *app.Report }
	ticks := map[time.Time]*tick{}
	collect := func(f *forewarm, into func(*tick) **app.Report) {
		r, err := f.report(t.Context())
		s.check(err)
		if ticks[r.At] == nil {
			ticks[r.At] = &tick{}
		}
		*into(ticks[r.At]) = &r
	}
	for range 120 {
		collect(s.forewarm, func(t *tick) **app.Report { return &t.old })
		collect(young, func(t *tick) **app.Report { return &t.young })
		s.wait(500 * time.Millisecond)
	}
	compared, equal, furthest, differences := 0, 0, 0, 0
	for _, k := range ticks {
		if k.old == nil || k.young == nil {
			continue
		}
		for _, a := range k.old.Models {
			i := slices.IndexFunc(k.young.Models, func(b app.ModelReport) bool { return b.Namespace == a.Namespace && b.Name == a.Name })
			if i < 0 || a.Namespace != s.ns {
				continue
			}
			d := apart(a, k.young.Models[i])
			compared++
			furthest = max(furthest, d)
			if d == 0 {
				equal++
			} else if differences++; differences <= 2 {
				t.Logf("at %s the old one says\n%sand the young one\n%s", k.old.At, steps(a), steps(k.young.Models[i]))
			}
		}
	}
	summary.measured("Forewarm of different age: %d of %d answers at the same tick equal, furthest apart %d", equal, compared, furthest)
	if compared < 8 || furthest > 1 || equal*10 < compared*9 {
		t.Errorf("want nine of ten answers equal and none further apart than one, got %d of %d and %d", equal, compared, furthest)
	}
}

// watched waits until Forewarm has seen a model for longer than help takes: before, whoever saw it first releases first.
func (s *story) watched(m *model) {
	s.Helper()
	start := time.Now()
	s.eventually(4*time.Minute, "the model is not new any more", func(ctx context.Context) error {
		r, err := m.forewarmSays(ctx)
		if err == nil && (r.Forecast == nil || time.Since(start).Seconds() < 1.2*r.Forecast.Horizon) {
			err = errors.New("it is")
		}
		return err
	})
}

// apart is by how many replicas two answers differ.
func apart(a, b app.ModelReport) int {
	out := 0
	for i, v := range a.Variants {
		x, y := -1, -1
		if v.Recommended != nil {
			x = *v.Recommended
		}
		if w := b.Variants[i].Recommended; w != nil {
			y = *w
		}
		out = max(out, x-y, y-x)
	}
	return out
}

// The file is read while running. A broken one changes nothing, and a good one after it does.
func TestConfigurationIsReadWhileRunning(t *testing.T) {
	s := tell(t, "reload")
	path := filepath.Join(s.dir, "reload.yaml")
	write := func(text string) { s.check(os.WriteFile(path, []byte(text), 0o600)) }
	document := func(low int) string {
		return fmt.Sprintf(`
apiVersion: forewarm.dev/v1alpha1
kind: Config
sources: [{name: default, url: '%s'}]
interval: 2s
history: 0s
models:
- name: llama
  namespace: reload
  engine: vllm
  modelName: reload/llama
  slo: {ttftP95: 2s}
  variants: [{name: on-demand, target: {name: llama}, replicas: {min: %d, max: 9}, capacity: {requestsPerSecond: 6}}]
`, s.prom.url, low)
	}
	write(document(2))
	f, err := startForewarmWith(t.Context(), s.cluster, "forewarm-reload", path)
	s.check(err)
	t.Cleanup(func() { _ = f.Stop() })
	m := s.serve("llama", options{})
	m.turn(1)
	says := func(n int) func(context.Context) error {
		return func(ctx context.Context) error {
			r, err := f.report(ctx)
			if err != nil {
				return err
			}
			if v := r.Models[0].Variants[0].Recommended; v == nil || *v != n {
				return fmt.Errorf("it says %v", v)
			}
			return nil
		}
	}
	s.eventually(time.Minute, "Forewarm wants the minimum of two", says(2))
	write(document(4))
	s.eventually(time.Minute, "the new minimum is in force", says(4))
	write("kind: Nonsense")
	s.always(8*time.Second, "a broken file changes nothing", says(4))
	write(document(5))
	s.eventually(time.Minute, "a good file after it is taken", says(5))
	if log, err := os.ReadFile(f.Log); err != nil || !strings.Contains(string(log), "apiVersion") {
		t.Errorf("want the broken file reported, got %v:\n%s", err, log)
	}
}

// New certificates are served without a restart, and the API server goes on trusting.
func TestCertificatesAreRenewed(t *testing.T) {
	s := tell(t, "certs")
	old := s.served()
	out, err := exec.CommandContext(t.Context(), forewarmBinary, "certs", s.certs(), "--host", "localhost").CombinedOutput()
	if err != nil {
		t.Fatalf("forewarm certs: %v\n%s", err, out)
	}
	s.eventually(90*time.Second, "the new certificate is served", func(context.Context) error {
		if cert := s.served(); cert.SerialNumber.Cmp(old.SerialNumber) == 0 {
			return errors.New("it still is the old one")
		}
		return nil
	})
	s.eventually(time.Minute, "the API server trusts it", func(ctx context.Context) error {
		return s.available("v1beta2.custom.metrics.k8s.io")(ctx)
	})
	if _, err := s.custom(t.Context(), "/pods/*/inference_running_requests"); err != nil && !strings.Contains(err.Error(), "could not find") {
		t.Errorf("want an answer over the new certificate, got %v", err)
	}
}

// served is the certificate of the metrics API.
func (s *story) served() *x509.Certificate {
	s.Helper()
	conn, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).
		DialContext(s.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", s.forewarm.adapter))
	s.check(err)
	defer func() { _ = conn.Close() }()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0]
}
