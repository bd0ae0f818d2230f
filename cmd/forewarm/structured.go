package main

import (
	"encoding/json"
	"io"

	"github.com/forewarm/forewarm/internal/app"
)

// writeJSON prints a document.
func writeJSON(w io.Writer, doc any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(doc)
}

// writeLine prints a document of a stream on a line of its own.
func writeLine(w io.Writer, doc any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(doc)
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
