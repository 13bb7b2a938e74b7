// SPDX-License-Identifier: EUPL-1.2

// Command withstack starts one private PostgreSQL, sets
// LEITSTELLE_TEST_POSTGRES and runs the rest of its arguments as a command:
// all packages of a test run share the server.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/thueringencert/leitstelle/shared/devstack"
)

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "withstack:", err)
		code = 1
	}
	os.Exit(code)
}

func run(args []string) (int, error) {
	if len(args) == 0 {
		return 2, errors.New("usage: withstack COMMAND [ARGUMENT...]")
	}
	dir, err := devstack.Folder("lst-stack-")
	if err != nil {
		return 1, err
	}
	defer func() { _ = devstack.RemoveFolder(dir) }()
	p, err := devstack.StartPostgres(context.Background(), devstack.PostgresOptions{Dir: filepath.Join(dir, "data")})
	if err != nil {
		return 1, err
	}
	defer func() { _ = p.Stop() }()
	cmd := exec.Command(args[0], args[1:]...) //nolint:gosec,noctx // the caller's own command
	cmd.Env = append(os.Environ(), devstack.TestPostgres+"="+p.SocketURL("postgres"))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	return 0, err
}
