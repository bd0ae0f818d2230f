package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// checkPage finds out before a long run whether the report can be written where it is wanted.
func checkPage(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("write the report: %s: want a file, got a folder", path)
	}
	out, err := openPart(path)
	if err != nil {
		return err
	}
	if err := errors.Join(out.Close(), os.Remove(out.Name())); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// writePage writes the report beside its place and moves it there, so that a reader never sees half of it.
func writePage(path string, write func(io.Writer) error) error {
	out, err := openPart(path)
	if err != nil {
		return err
	}
	if err := errors.Join(write(out), out.Close()); err != nil {
		return errors.Join(fmt.Errorf("write the report: %w", err), os.Remove(out.Name()))
	}
	if err := os.Rename(out.Name(), path); err != nil {
		return errors.Join(fmt.Errorf("write the report: %w", err), os.Remove(out.Name()))
	}
	return nil
}

// openPart opens the file beside a report's place.
func openPart(path string) (*os.File, error) {
	out, err := os.OpenFile(path+".part", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, fs.FileMode(0o644))
	if err != nil {
		return nil, fmt.Errorf("write the report: %w", err)
	}
	return out, nil
}
