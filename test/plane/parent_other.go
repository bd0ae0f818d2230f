//go:build !linux

package plane

import "syscall"

// dieWithParent is Linux only; elsewhere a child of a test that panicked stays.
func dieWithParent() *syscall.SysProcAttr { return nil }
