package plane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	// stopWithin is how long a process may take to stop when asked to.
	stopWithin = 15 * time.Second
	logTail    = 4000 // bytes of a log in an error
)

// Command says what to run.
type Command struct {
	Name string // of the log file
	Path string
	Args []string
	Env  []string // besides ours
}

// Process is a child that runs until it is stopped. Its output is in Log.
type Process struct {
	Command
	Log string // file

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{} // closed once it is reaped
}

// Processes are children with one directory of logs.
type Processes struct {
	dir string
	mu  sync.Mutex
	all []*Process
}

// NewProcesses returns an empty set; logs go to dir.
func NewProcesses(dir string) *Processes { return &Processes{dir: dir} }

// Start runs a command.
func (s *Processes) Start(c Command) (*Process, error) {
	p := &Process{Command: c, Log: filepath.Join(s.dir, c.Name+".log")}
	s.mu.Lock()
	s.all = append(s.all, p)
	s.mu.Unlock()
	return p, p.Start()
}

// Stop ends all of them, the last one first.
func (s *Processes) Stop() error {
	s.mu.Lock()
	all := slices.Clone(s.all)
	s.mu.Unlock()
	var errs []error
	for _, p := range slices.Backward(all) {
		errs = append(errs, p.Stop())
	}
	return errors.Join(errs...)
}

// Start runs it, also again after Stop or Kill; the log goes on.
func (p *Process) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	out, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", p.Name, err)
	}
	p.cmd = exec.Command(p.Path, p.Args...) //nolint:noctx // lives until Stop, not until a context ends
	p.cmd.Env = append(os.Environ(), p.Env...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = dieWithParent()
	p.exited = make(chan struct{})
	started := make(chan error, 1)
	go own(p.cmd, out, started, p.exited)
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	return nil
}

// own starts a process and waits for it, on one thread: where the kernel kills the child with its parent, the
// parent is that thread.
func own(cmd *exec.Cmd, out *os.File, started chan<- error, exited chan<- struct{}) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(exited)
	defer func() { _ = out.Close() }()
	err := cmd.Start()
	started <- err
	if err == nil {
		_ = cmd.Wait() // how it ended is in ProcessState
	}
}

// Stop asks the process to end and insists after a while, which is an error.
func (p *Process) Stop() error { return p.end(syscall.SIGTERM) }

// Kill ends it at once, as a crash or the kernel would.
func (p *Process) Kill() error { return p.end(syscall.SIGKILL) }

func (p *Process) end(signal syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil || p.cmd.Process == nil {
		return nil
	}
	_ = p.cmd.Process.Signal(signal)
	select {
	case <-p.exited:
		return nil
	case <-time.After(stopWithin):
	}
	_ = p.cmd.Process.Kill()
	<-p.exited
	return fmt.Errorf("%s did not stop within %s and was killed", p.Name, stopWithin)
}

// PID is the process id.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd.Process.Pid
}

// WaitFor polls until check returns nil; it gives up when the process has ended or the time is over.
func (p *Process) WaitFor(ctx context.Context, within time.Duration, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return fmt.Errorf("%s ended: %s\n%s", p.Name, p.cmd.ProcessState, Tail(p.Log, logTail))
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w\n%s", p.Name, err, Tail(p.Log, logTail))
		case <-tick.C:
		}
	}
}

// Tail is the end of a file.
func Tail(path string, bytes int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-bytes):])
}
