// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/devstack"
)

// binFolder goes with the test binary (TestMain).
var binFolder string

// build makes the program once for all tests.
var build = sync.OnceValues(func() (path string, err error) {
	if binFolder, err = os.MkdirTemp("", "leitstelle-bin-"); err != nil {
		return "", err
	}
	path = filepath.Join(binFolder, "leitstelle")
	out, err := exec.Command("go", "build", "-o", path, "./cmd/leitstelle").CombinedOutput()
	if err != nil {
		return "", errors.Join(err, errors.New(string(out)))
	}
	return path, nil
})

// dataFolder is a folder that PostgreSQL's user can reach, unlike t.TempDir.
func dataFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "leitstelle-test-") //nolint:usetesting // its folder is closed to PostgreSQL's user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// process is the program as an operator runs it.
type process struct {
	cmd  *exec.Cmd
	out  *lockedBuffer
	done chan error
	data string
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// run starts the program on a data folder and waits until it is ready.
func run(t *testing.T, data string, args ...string) *process {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{out: &lockedBuffer{}, done: make(chan error, 1), data: data}
	p.cmd = exec.Command(path, append([]string{"--listen", "127.0.0.1:0", "--data", data, "--raise-limits"}, args...)...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(func() { p.kill() })
	devstack.Eventually(t, time.Minute, "ready", func() bool {
		select {
		case err := <-p.done:
			t.Fatalf("the program ended: %v\n%s", err, p.out)
		default:
		}
		return strings.Contains(p.out.String(), "Leitstelle läuft")
	})
	return p
}

// kill ends a program that a failed test left behind, and waits.
func (p *process) kill() {
	if p.cmd.Process.Kill() == nil {
		<-p.done //nolint:errcheck // "signal: killed"
	}
}

// demo is what the running program wrote.
func (p *process) demo(t *testing.T) standalone.Demo {
	t.Helper()
	d, err := standalone.ReadDemo(p.data)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// end sends a signal and waits for the end.
func (p *process) end(t *testing.T, s syscall.Signal, within time.Duration) error {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-p.done:
		return err
	case <-time.After(within):
		t.Fatalf("still running %s after %s\n%s", within, s, p.out)
		return nil
	}
}

// tool runs another command of the program and gives its output and exit code.
func tool(t *testing.T, args ...string) (string, int) {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return string(out), exit.ExitCode()
	case err != nil:
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out), 0
}
