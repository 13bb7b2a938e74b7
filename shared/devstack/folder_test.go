// SPDX-License-Identifier: EUPL-1.2

package devstack_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/inbox"
)

// helper names the environment variable that makes this test binary a process
// with a database of its own, which ends or waits to be killed.
const helper = "LEITSTELLE_TEST_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(helper) == "waits" {
		devstack.Sweep(os.TempDir()) // as the first folder does
		if _, err := devstack.Folder("lst-t-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// TestADatabaseForAnotherProcess is what the helper process runs; among the
// other tests it is one more database.
func TestADatabaseForAnotherProcess(t *testing.T) {
	t.Parallel()
	db, _ := devstack.NewDB(t, inbox.Migrations)
	if err := db.Ping(); err != nil {
		t.Fatal(err)
	}
	if os.Getenv(helper) == "waits" {
		_, _ = io.WriteString(os.Stdout, "ready\n")
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	}
}

// leftovers are the folders in dir.
func leftovers(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "lst-*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestAnEndedTestRunLeavesNoServersFolder(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]string{"ends by itself": "ends", "is killed": "waits"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tmp := devstack.TempDir(t)
			if err := os.Chmod(tmp, 0o777|os.ModeSticky); err != nil { // as /tmp
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestADatabaseForAnotherProcess$")
			cmd.Env = append(os.Environ(), helper+"="+how, "TMPDIR="+tmp, devstack.TestPostgres+"=")
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			for how == "waits" && lines.Scan() && lines.Text() != "ready" {
				continue
			}
			if how == "waits" {
				if n := len(leftovers(t, tmp)); n < 3 { // the server's data, its socket and one more
					t.Errorf("%d folders while it runs, want three", n)
				}
				_ = cmd.Process.Kill()
			}
			for lines.Scan() {
				continue
			}
			_ = in.Close()
			_ = cmd.Wait()
			devstack.Eventually(t, time.Minute, "only what has no server", func() bool {
				left := leftovers(t, tmp)
				return len(left) == 0 || how == "waits" && len(left) == 1 && strings.Contains(left[0], "lst-t-")
			})
			devstack.Sweep(tmp) // the next run
			if left := leftovers(t, tmp); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestFoldersOfTheLivingStay(t *testing.T) {
	t.Parallel()
	tmp := devstack.TempDir(t)
	long := time.Now().Add(-3 * time.Hour)
	add := func(name string, old bool, files map[string]string) {
		t.Helper()
		for file, text := range files {
			path := filepath.Join(tmp, name, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.MkdirAll(filepath.Join(tmp, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if old {
			if err := os.Chtimes(filepath.Join(tmp, name), long, long); err != nil {
				t.Fatal(err)
			}
		}
	}
	alive := strconv.Itoa(os.Getpid()) + "\n"
	add("lst-dead", false, map[string]string{".owner": "", "data/base": "x"})
	add("lst-old", true, nil)
	add("lst-old-server-gone", true, map[string]string{"data/postmaster.pid": "4194999\n"})
	add("lst-new", false, nil)
	add("lst-server", true, map[string]string{"data/postmaster.pid": alive})
	add("lst-socket", true, map[string]string{".s.PGSQL.5432.lock": alive, ".owner": ""})
	add("other", true, nil)
	devstack.Sweep(tmp)
	entries, err := os.ReadDir(tmp)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		if e.Name() != ".owner" {
			got = append(got, e.Name())
		}
	}
	if want := "lst-new lst-server lst-socket other"; strings.Join(got, " ") != want {
		t.Errorf("left: %v, want %s", got, want)
	}
	devstack.Sweep(filepath.Dir(tmp))
	if _, err := os.Stat(tmp); err != nil {
		t.Errorf("the folder of this process: %v", err)
	}
}
