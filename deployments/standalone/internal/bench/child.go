// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Child is this program started again under a hidden name, so that a server's
// processor time is its own. It ends when its standard input closes: none is
// left behind, however the parent ends.
type Child struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	Line  string // what it said when it was ready
}

// startLimit bounds how long a child may take until it is ready.
const startLimit = 90 * time.Second

// StartChild starts the program with args and waits for its first line of output.
func StartChild(ctx context.Context, args ...string) (*Child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, args...) //nolint:gosec // this very program
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 25 * time.Second
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	c := &Child{cmd: cmd, stdin: stdin}
	first := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(stdout).ReadString('\n')
		first <- strings.TrimSpace(line)
	}()
	limit := time.NewTimer(startLimit)
	defer limit.Stop()
	select {
	case c.Line = <-first:
	case <-ctx.Done():
	case <-limit.C:
	}
	if c.Line == "" {
		return nil, errors.Join(fmt.Errorf("%s did not get ready", args[0]), ctx.Err(), c.Stop())
	}
	return c, nil
}

// PID of the child.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Stop lets the child end and waits for it.
func (c *Child) Stop() error {
	_ = c.stdin.Close()
	return c.cmd.Wait()
}

// UntilParentEnds returns a context that ends when standard input closes: the
// other side of Child.Stop.
func UntilParentEnds(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return ctx
}

// Ready says on standard output that the child serves, and where.
func Ready(line string) { _, _ = fmt.Fprintln(os.Stdout, line) }
