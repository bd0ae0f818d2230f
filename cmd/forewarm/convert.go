package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/forewarm/forewarm/internal/app"
)

// maxManifest bounds what convert reads.
const maxManifest = 4 << 20

func newConvert(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "convert", Short: "Turn other autoscalers' objects into ones that use Forewarm"}
	cmd.RunE = func(*cobra.Command, []string) error { return usage("convert: want a subcommand: keda") }
	cmd.Args = cobra.NoArgs
	o, insecure, quiet := app.DefaultConvertOptions(), false, false
	keda := &cobra.Command{
		Use:   "keda FILE",
		Short: "Turn a ScaledObject with a prometheus trigger on engine metrics into one with Forewarm's trigger",
		Long: "Reads YAML (- is stdin) and prints it with the triggers replaced. Every change is explained in a comment\n" +
			"on its spot, and on stderr. Other documents, and triggers that are not understood, pass as they are.",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if insecure {
				o.Auth = ""
			}
			return convertKEDA(s, args[0], o, quiet)
		},
	}
	fl := keda.Flags()
	fl.StringVar(&o.Address, "address", o.Address, "`host:port` of Forewarm's scaler")
	fl.StringVar(&o.Model, "model", "", "`name` of a configured model, instead of a definition in the metadata")
	fl.StringVar(&o.Auth, "auth", o.Auth, "`name` of the ClusterTriggerAuthentication with the certificates")
	fl.BoolVar(&insecure, "insecure", false, "call the scaler in the clear")
	fl.BoolVarP(&quiet, "quiet", "q", false, "no notes on stderr")
	cmd.AddCommand(keda)
	return cmd
}

func convertKEDA(s *streams, path string, o app.ConvertOptions, quiet bool) error {
	var in []byte
	var err error
	if path == "-" {
		in, err = io.ReadAll(io.LimitReader(s.in, maxManifest))
	} else {
		in, err = os.ReadFile(path)
	}
	if err != nil {
		return fmt.Errorf("read the manifest: %w", err)
	}
	out, notes, err := app.ConvertKEDA(in, o)
	if !quiet {
		for _, n := range notes {
			s.printf("%s\n", clean(n))
		}
	}
	if errors.Is(err, app.ErrNothingToConvert) {
		return &exitError{exitFindings, fmt.Errorf("%s: %w", path, err)}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	_, err = s.out.Write(out)
	return err
}
