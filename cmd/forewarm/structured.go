package main

import (
	"encoding/json"
	"io"

	"github.com/forewarm/forewarm/internal/app"
)

// writeJSON prints one document, or one line of a stream.
func writeJSON(w io.Writer, r app.Report, line bool) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if !line {
		enc.SetIndent("", "  ")
	}
	return enc.Encode(r)
}

// writeYAML prints one document of a stream.
func writeYAML(w io.Writer, r app.Report) error {
	b, err := r.YAML()
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}
