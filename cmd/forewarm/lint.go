package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/forewarm/forewarm/internal/app"
	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/lint"
)

// lintFlags are the flags of lint.
type lintFlags struct {
	config     string
	kubeconfig string
	kubectx    string
	namespaces []string
	output     string
}

func newLint(s *streams) *cobra.Command {
	f := &lintFlags{}
	cmd := &cobra.Command{
		Use:   "lint [FILE... | -]",
		Short: "Find what is wrong with HPAs and ScaledObjects",
		Long: "Reads HorizontalPodAutoscalers, ScaledObjects, what they scale and ResourceQuotas from files, from stdin\n" +
			"(-), or from a cluster (--kubeconfig), and says what makes an inference fleet flap, sleep for ever or ignore " +
			"decisions.\n" +
			"Exit code 3 if there is any finding. docs/lint.md has every rule with its reason.",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return runLint(cmd.Context(), s, f, args) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.config, "config", "", "configuration `file` of Forewarm: its models are what selectors can mean")
	fl.StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig `file`: read the cluster")
	fl.StringVar(&f.kubectx, "context", "", "`name` of the kubeconfig context: read the cluster")
	fl.StringSliceVarP(&f.namespaces, "namespace", "n", nil, "of the cluster, only these namespaces")
	fl.StringVarP(&f.output, "output", "o", "text", "text or json")
	return cmd
}

// lintReport is the JSON document.
type lintReport struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Findings   []lint.Finding `json:"findings"`
}

func runLint(ctx context.Context, s *streams, f *lintFlags, files []string) error {
	cluster := f.kubeconfig != "" || f.kubectx != ""
	switch {
	case f.output != "text" && f.output != "json":
		return usage("--output: want text or json, got %q", f.output)
	case len(files) == 0 && !cluster:
		return usage("lint: want files, - for stdin, or --kubeconfig FILE")
	}
	cfg, err := readConfig(f.config)
	if err != nil {
		return err
	}
	in := app.LintInput()
	err = readFiles(s, &in, files)
	if cluster {
		err = errors.Join(err, readCluster(ctx, f, &in))
	}
	app.LintModels(&in, cfg)
	return judge(s, f.output, &in, err)
}

// judge prints what is wrong with what could be read; unread says what could not.
func judge(s *streams, output string, in *lint.Input, unread error) error {
	findings := lint.Check(*in)
	if len(findings) > 0 || unread == nil {
		if err := printFindings(s, output, findings); err != nil {
			return err
		}
	}
	switch {
	case unread != nil:
		return unread
	case len(findings) > 0:
		return &exitError{exitFindings, errors.New(counted(len(findings), "finding"))}
	}
	s.printf("%s, %s: nothing found\n", counted(len(in.HPAs), "HPA"), counted(len(in.Scaled), "ScaledObject"))
	return nil
}

// readConfig reads Forewarm's configuration; nil if there is none.
func readConfig(path string) (*config.Config, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // no configuration is no error
	}
	return config.Load(path, app.Catalog())
}

func readFiles(s *streams, in *lint.Input, files []string) error {
	var errs []error
	for _, name := range files {
		if name == "-" {
			errs = append(errs, in.Read(s.in, "stdin"))
			continue
		}
		file, err := os.Open(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, in.Read(file, name), file.Close())
	}
	return errors.Join(errs...)
}

func readCluster(ctx context.Context, f *lintFlags, in *lint.Input) error {
	app.QuietKubernetes()
	cfg, err := app.ClusterConfig(f.kubeconfig, f.kubectx)
	if err != nil {
		return err
	}
	return in.ReadCluster(ctx, cfg, f.namespaces)
}

func printFindings(s *streams, output string, findings []lint.Finding) error {
	if output == "json" {
		if findings == nil {
			findings = []lint.Finding{}
		}
		enc := json.NewEncoder(s.out)
		enc.SetIndent("", "  ")
		return enc.Encode(lintReport{app.ReportVersion, "Lint", findings})
	}
	for _, f := range findings {
		_, err := fmt.Fprintf(s.out, "%s: %s: %s: %s: %s; %s [%s]\n",
			clean(cmp.Or(f.File, "cluster")), clean(f.Object), f.Severity, f.Field, clean(f.Problem), clean(f.Remedy), f.Rule)
		if err != nil {
			return err
		}
	}
	return nil
}
