package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Server is a program that runs until it is closed, and may be killed and started again in the same place. It is the common
// part of [Redis] and [Asterisk]. Its methods are safe for concurrent use.
type Server struct {
	name    string
	tools   *Tools
	scratch *scratch
	args    []string
	ready   func(context.Context) error // one try to talk to it; nil means that it serves

	mu      sync.Mutex // held through every change of state
	process *process   // nil when it is not running
}

// How long a server may take to answer after its start. Machines that run tests stall for whole seconds.
const startPatience = 60 * time.Second

// start starts the program and waits until it is ready. The caller holds mu.
func (s *Server) start(ctx context.Context) error {
	log, err := os.OpenFile(s.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	// The server outlives ctx, which bounds only its start.
	cmd := s.tools.Command(context.Background(), s.name, s.args...)
	cmd.Stdout, cmd.Stderr = log, log
	s.process, err = launch(cmd)
	if err := errors.Join(err, log.Close()); err != nil {
		return fmt.Errorf("starting %s: %w", s.name, err)
	}
	if err := s.waitReady(ctx); err != nil {
		return errors.Join(fmt.Errorf("starting %s: %w; its log ends with:\n%s", s.name, err, s.Log(15)), s.kill())
	}
	return nil
}

func (s *Server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, errors.New("it did not answer in time"))
	defer cancel()
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for {
		err := s.ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.process.ended:
			return fmt.Errorf("it ended: %w", s.process.err)
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-retry.C:
		}
	}
}

// kill ends the program at once, if it runs. The caller holds mu.
func (s *Server) kill() error {
	if s.process == nil {
		return nil
	}
	err := s.process.kill()
	s.process = nil
	return err
}

// Kill ends the server at once (SIGKILL) and waits until it is gone. Its files and ports stay reserved for Restart.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kill()
}

// Restart starts the server again on the same ports with the files that it left, killing it first if it still runs. It
// returns when the server answers.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.kill(); err != nil {
		return err
	}
	return s.start(ctx)
}

// Pause makes the server hang (SIGSTOP): connections stay open, nothing is answered.
func (s *Server) Pause() error { return s.signal(syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (s *Server) Resume() error { return s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return fmt.Errorf("%s is not running", s.name)
	}
	return s.process.signal(sig)
}

// PID is the server's process id, for measuring; 0 when it is not running.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return 0
	}
	return s.process.cmd.Process.Pid
}

func (s *Server) logPath() string { return filepath.Join(s.scratch.outside, "log") }

// Log gives the last n lines that the server has written.
func (s *Server) Log(n int) string {
	text, err := os.ReadFile(s.logPath())
	if err != nil {
		return err.Error()
	}
	return lastLines(text, n)
}
