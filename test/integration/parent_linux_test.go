package integration

import (
	"fmt"
	"os"
	"syscall"
)

// dieWithParent makes the kernel kill a child whose parent died without stopping
// it: a panic, a timeout of go test.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// peakOf is the most memory that an ended process had at a time.
func peakOf(p *os.ProcessState) string {
	if u, ok := p.SysUsage().(*syscall.Rusage); ok {
		return fmt.Sprintf("%d MiB", u.Maxrss>>10) // KiB on Linux
	}
	return "unknown memory"
}
