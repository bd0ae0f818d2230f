package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/forewarm/forewarm/internal/certs"
)

// authorityLife is how long an authority is valid.
const authorityLife = 10 * 365 * 24 * time.Hour

type certsFlags struct {
	certs.Install
	days int
}

func newCerts(s *streams) *cobra.Command {
	f := &certsFlags{}
	cmd := &cobra.Command{
		Use:   "certs DIR",
		Short: "Make the certificates of an installation, and print what to apply",
		Long: "Makes a certificate authority in DIR unless one is there, and signs new certificates with it: one that the\n" +
			"metrics API and the KEDA scaler serve with, one that KEDA's client shows. They are written to DIR, and stdout\n" +
			"gets the Secrets and APIServices to apply. Run it again with the same DIR to renew them: the authority stays,\n" +
			"so nothing else changes. Keep DIR/ca.key to yourself. Without KEDA, --keda-namespace='' leaves its Secret out.",
		Example: "  forewarm certs ./forewarm-pki | kubectl apply --server-side --field-manager=forewarm-certs -f -",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return makeCerts(s, args[0], f, time.Now()) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.Namespace, "namespace", "n", "forewarm", "namespace of Forewarm")
	flags.StringVar(&f.Service, "service", "forewarm", "Service of the metrics API")
	flags.StringVar(&f.ScalerService, "scaler-service", "forewarm-scaler", "Service of the KEDA scaler")
	flags.StringVar(&f.KEDANamespace, "keda-namespace", "keda", "namespace of KEDA; empty where there is none")
	flags.StringSliceVar(&f.Hosts, "host", nil, "a further `name` of the servers; may be repeated")
	flags.BoolVar(&f.External, "external", false, "print the APIService of external.metrics.k8s.io as well")
	flags.IntVar(&f.days, "days", 365, "how long the certificates are valid")
	return cmd
}

func makeCerts(s *streams, dir string, f *certsFlags, now time.Time) error {
	if f.days < 1 {
		return usage("--days: want 1 or more, got %d", f.days)
	}
	f.Life = time.Duration(f.days) * 24 * time.Hour
	authority, err := openAuthority(s, dir, now)
	if err != nil {
		return err
	}
	serving, err := f.Serving(authority, now)
	if err != nil {
		return err
	}
	client, err := f.Client(authority, now)
	if err != nil {
		return err
	}
	if err := errors.Join(writePair(dir, "tls", serving), writePair(dir, "client", client)); err != nil {
		return err
	}
	for _, o := range f.Objects(authority, serving, client) {
		text, err := yaml.Marshal(o)
		if err != nil {
			return fmt.Errorf("write %s: %w", o["kind"], err)
		}
		_, _ = fmt.Fprintf(s.out, "---\n%s", text)
	}
	return nil
}

// openAuthority reads the authority of a directory, or makes one where there is none.
func openAuthority(s *streams, dir string, now time.Time) (*certs.Authority, error) {
	cert, certErr := os.ReadFile(filepath.Join(dir, "ca.crt"))
	key, keyErr := os.ReadFile(filepath.Join(dir, "ca.key"))
	switch {
	case certErr == nil && keyErr == nil:
		a, err := certs.ParseAuthority(certs.Pair{Cert: cert, Key: key})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
		return a, nil
	case !errors.Is(certErr, fs.ErrNotExist) || !errors.Is(keyErr, fs.ErrNotExist):
		return nil, fmt.Errorf("read ca.crt and ca.key, want both or none: %w", errors.Join(certErr, keyErr))
	}
	a, err := certs.NewAuthority("forewarm", now, authorityLife)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make %s: %w", dir, err)
	}
	s.printf("made a certificate authority in %s, valid until %s\n", dir, a.Expires().Format(time.DateOnly))
	return a, writePair(dir, "ca", a.Pair)
}

// writePair replaces both files by rename, so that who reloads them never reads half of one.
func writePair(dir, name string, p certs.Pair) error {
	for _, f := range []struct {
		path string
		text []byte
	}{{name + ".key", p.Key}, {name + ".crt", p.Cert}} {
		path := filepath.Join(dir, f.path)
		if err := os.WriteFile(path+".new", f.text, 0o600); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			return fmt.Errorf("replace %s: %w", path, err)
		}
	}
	return nil
}
