// SPDX-License-Identifier: EUPL-1.2

package devstack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ownerFile lies in each temporary folder. The process that made the folder
// holds a lock on it, which ends with the process in whatever way that ends.
const ownerFile = ".owner"

// unowned is how old a folder without an owner must be before it is swept: its
// maker may be about to take the lock.
const unowned = time.Hour

var held struct {
	sync.Mutex
	swept bool
	locks map[string]*os.File // kept: closing the file lets the lock go
}

// Folder makes a temporary folder that other users may enter, such as the one
// that PostgreSQL runs as. name begins with "lst-". The first call in a process
// removes the folders of processes that are gone, which a kill or a timeout
// leaves behind.
func Folder(name string) (string, error) {
	held.Lock()
	defer held.Unlock()
	if !held.swept {
		held.swept, held.locks = true, map[string]*os.File{}
		Sweep(os.TempDir())
	}
	dir, err := os.MkdirTemp("", name)
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(filepath.Join(dir, ownerFile), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // in the folder just made
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	held.locks[dir] = f
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return "", errors.Join(fmt.Errorf("own %s: %w", dir, err), os.RemoveAll(dir))
	}
	return dir, os.Chmod(dir, 0o755) //nolint:gosec // the server's user must enter it
}

// RemoveFolder removes a folder that Folder made.
func RemoveFolder(dir string) error {
	held.Lock()
	defer held.Unlock()
	if f := held.locks[dir]; f != nil {
		_ = f.Close()
		delete(held.locks, dir)
	}
	return os.RemoveAll(dir)
}

// Sweep removes the folders lst-… in dir whose owner is gone. It leaves what it
// cannot remove, since that is another user's.
func Sweep(dir string) {
	folders, _ := filepath.Glob(filepath.Join(dir, "lst-*"))
	for _, f := range folders {
		if abandoned(f) {
			_ = os.RemoveAll(f)
		}
	}
}

// abandoned reports whether nobody holds the folder's lock and no server runs in it.
func abandoned(dir string) bool {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || serverRuns(dir) {
		return false
	}
	f, err := os.OpenFile(filepath.Join(dir, ownerFile), os.O_RDWR, 0) //nolint:gosec // a temporary folder of ours
	if errors.Is(err, os.ErrNotExist) {
		return time.Since(info.ModTime()) > unowned
	}
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// serverRuns reports whether a PostgreSQL has its data or its socket in the folder.
func serverRuns(dir string) bool {
	files, _ := filepath.Glob(filepath.Join(dir, "*", "postmaster.pid"))
	sockets, _ := filepath.Glob(filepath.Join(dir, ".s.PGSQL.*.lock"))
	for _, file := range append(files, sockets...) {
		b, err := os.ReadFile(file) //nolint:gosec // a temporary folder of ours
		first, _, _ := strings.Cut(string(b), "\n")
		pid, bad := strconv.Atoi(first)
		if err == nil && bad == nil && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return true
		}
	}
	return false
}
