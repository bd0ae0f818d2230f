//go:build !linux

package integration

import (
	"os"
	"syscall"
)

// dieWithParent is Linux only; elsewhere a child of a test that panicked stays.
func dieWithParent() *syscall.SysProcAttr { return nil }

// peakOf is Linux only: elsewhere the unit differs.
func peakOf(*os.ProcessState) string { return "unknown memory" }
