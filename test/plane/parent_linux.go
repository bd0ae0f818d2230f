package plane

import "syscall"

// dieWithParent makes the kernel kill a child whose parent died without stopping it: a panic, a timeout of go
// test.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
