package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// writeRows prints a document in the form that was asked for: whole as json, else its rows under their columns.
func (f *simulateFlags) writeRows(s *streams, doc any, head string, columns []string, rows []table.Row) error {
	switch f.output {
	case "json":
		return writeJSON(s.out, doc)
	case "csv":
		return rowsCSV(s.out, columns, rows)
	}
	t := table.NewWriter()
	var header table.Row
	for _, c := range columns {
		header = append(header, strings.ToUpper(strings.ReplaceAll(c, "_", " ")))
	}
	t.AppendHeader(header)
	t.AppendRows(rows)
	if f.output == "markdown" {
		_, err := fmt.Fprintf(s.out, "%s\n\n%s\n", head, t.RenderMarkdown())
		return err
	}
	return printTable(s.out, head, t)
}

func rowsCSV(w io.Writer, columns []string, rows []table.Row) error {
	out := csv.NewWriter(w)
	if err := out.Write(columns); err != nil {
		return err
	}
	for _, r := range rows {
		line := make([]string, len(r))
		for i, c := range r {
			line[i] = fmt.Sprint(c)
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// printTable prints a paragraph and a table without borders or trailing blanks.
func printTable(w io.Writer, head string, t table.Writer) error {
	t.SetStyle(table.StyleDefault)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	t.Style().Box.PaddingLeft, t.Style().Box.PaddingRight = "", "  "
	t.Style().Format.Header = text.FormatDefault
	for line := range strings.Lines(head + "\n\n" + t.Render() + "\n") {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}
