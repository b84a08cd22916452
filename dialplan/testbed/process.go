package testbed

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// waitDelay bounds how long a finished command may hold its output open through children of its own.
const waitDelay = 5 * time.Second

// process is a running program that dies with this process.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed after the program ended and was waited for
	err   error         // how it ended; read only after ended is closed
}

// launch starts a command in a process group of its own, so that a Ctrl-C on the terminal reaches only us and we end our
// programs in order. Linux sends the parent-death signal when the thread that started the program ends, so one thread is
// kept for it until then.
func launch(cmd *exec.Cmd) (*process, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	cmd.WaitDelay = waitDelay
	p := &process{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		close(p.ended)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// run launches a command and waits for its end.
func run(cmd *exec.Cmd) error {
	p, err := launch(cmd)
	if err != nil {
		return err
	}
	<-p.ended
	return p.err
}

// signal sends a signal to the program and its children. A program that has ended is no error.
func (p *process) signal(sig syscall.Signal) error {
	select {
	case <-p.ended:
		return nil
	default:
	}
	if err := syscall.Kill(-p.cmd.Process.Pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("sending %v to process %d: %w", sig, p.cmd.Process.Pid, err)
	}
	return nil
}

// kill ends the program at once and waits until it is gone.
func (p *process) kill() error {
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.ended
	return nil
}

// lastLines gives the last n lines of a program's output, for error messages.
func lastLines(output []byte, n int) string {
	lines := strings.Split(string(bytes.TrimSpace(output)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
