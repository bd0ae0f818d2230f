package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/forewarm/forewarm/internal/app"
	"github.com/forewarm/forewarm/internal/config"
)

func newConfig(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Check the configuration file, or print its schema"}
	cmd.RunE = func(*cobra.Command, []string) error { return usage("config: want a subcommand: check or schema") }
	cmd.Args = cobra.NoArgs
	cmd.AddCommand(&cobra.Command{
		Use: "check FILE", Short: "Report every problem of a configuration file", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return checkConfig(s, args[0]) },
	}, &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of the configuration file", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := s.out.Write(schema)
			return err
		},
	})
	return cmd
}

// checkConfig prints the problems as results: one per line, exit code 3.
func checkConfig(s *streams, path string) error {
	cfg, err := config.Load(path, app.Catalog())
	var problems config.Errors
	if errors.As(err, &problems) {
		for _, p := range problems {
			_, _ = fmt.Fprintln(s.out, clean(p.Error()))
		}
		return &exitError{exitFindings, fmt.Errorf("%s: %s", path, counted(len(problems), "problem"))}
	}
	if err != nil {
		return err
	}
	for _, w := range cfg.Warnings {
		_, _ = fmt.Fprintln(s.out, "warning:", clean(w))
	}
	_, err = fmt.Fprintf(s.out, "%s: ok (%d sources, %d models, %d budgets)\n",
		path, len(cfg.Sources), len(cfg.Models), len(cfg.Budgets))
	return err
}
