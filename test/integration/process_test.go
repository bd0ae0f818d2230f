package integration

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stopWithin is how long a process may take to stop when asked to.
const stopWithin = 15 * time.Second

// process is a child that runs on until it is stopped, at the latest when its
// test ends.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed once the process is reaped
	stderr tail
}

// startProcess starts a command and hands each line of its standard output and
// error to the functions; the latter says which to keep.
func startProcess(t *testing.T, cmd *exec.Cmd, stdout func(line string), stderr func(line string) bool) *process {
	t.Helper()
	p := &process{cmd: cmd, exited: make(chan struct{})}
	cmd.Stdout = &lines{each: stdout}
	cmd.Stderr = &lines{each: func(line string) {
		if stderr(line) {
			p.stderr.add(line)
		}
	}}
	cmd.SysProcAttr = dieWithParent()
	started := make(chan error, 1)
	go p.own(started)
	if err := <-started; err != nil {
		t.Fatalf("start %s: %v", cmd.Path, err)
	}
	t.Cleanup(func() { p.stop(t) })
	return p
}

// own starts the process and waits for it, on one thread: where the kernel kills
// the child with its parent, the parent is that thread.
func (p *process) own(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.exited)
	err := p.cmd.Start()
	started <- err
	if err == nil {
		_ = p.cmd.Wait() // how it ended is in ProcessState
	}
}

// stop asks the process to end, insists after a while, and checks that it did.
func (p *process) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(stopWithin):
		t.Errorf("%s did not stop within %s and was killed", p.cmd.Path, stopWithin)
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
	if err := p.cmd.Process.Signal(syscall.Signal(0)); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("%s, pid %d, is still there: %v", p.cmd.Path, p.cmd.Process.Pid, err)
	}
	if t.Failed() && testing.Verbose() {
		t.Logf("end of the log of %s:\n%s", p.cmd.Path, p.stderr.String())
	}
}

// lines calls a function for each whole line that is written.
type lines struct {
	each func(line string)
	rest []byte
}

func (l *lines) Write(b []byte) (int, error) {
	l.rest = append(l.rest, b...)
	for {
		line, rest, whole := bytes.Cut(l.rest, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		l.each(string(line))
		l.rest = rest
	}
}

// tail keeps the last lines of a log.
type tail struct {
	mu    sync.Mutex
	lines []string
}

func (l *tail) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	if n := len(l.lines) - 40; n > 0 {
		l.lines = l.lines[n:]
	}
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}
