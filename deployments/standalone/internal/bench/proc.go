// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the processor times in /proc: USER_HZ is 100 on Linux.
const tick = 10 * time.Millisecond

// Meter reads the processor time of a program and of a PostgreSQL server.
type Meter struct {
	Server     int // process id of the program
	Postmaster int // process id of PostgreSQL's first process
}

// Used is processor time since the processes started.
type Used struct{ Server, Database time.Duration }

// Since is what was used after before.
func (u Used) Since(before Used) Used {
	return Used{u.Server - before.Server, u.Database - before.Database}
}

// Read returns the processor time that the program and all processes of the
// PostgreSQL server used so far. Backends that ended count through their parent.
func (m Meter) Read() (u Used, err error) {
	if u.Server, _, err = cpu(m.Server); err != nil {
		return u, err
	}
	postmaster, ended, err := cpu(m.Postmaster)
	if err != nil {
		return u, err
	}
	u.Database = postmaster + ended
	for _, pid := range children(m.Postmaster) {
		if used, _, err := cpu(pid); err == nil { // one that ends now counts through its parent
			u.Database += used
		}
	}
	return u, nil
}

// cpu returns the time a process used itself and the time of its ended children.
func cpu(pid int) (own, ended time.Duration, err error) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, 0, fmt.Errorf("read the processor time: %w", err)
	}
	// The name in brackets may hold spaces: count from the last bracket.
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	const first = 3 // fields[0] is the third of proc(5)
	var t [4]time.Duration
	for i := range t {
		n, err := strconv.ParseInt(fields[14+i-first], 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("read the processor time: %w", err)
		}
		t[i] = time.Duration(n) * tick
	}
	return t[0] + t[1], t[2] + t[3], nil
}

func children(pid int) []int {
	paths, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "children"))
	var out []int
	for _, path := range paths {
		b, err := os.ReadFile(path) //nolint:gosec // a file of /proc
		if err != nil {
			continue
		}
		for s := range strings.FieldsSeq(string(b)) {
			if n, err := strconv.Atoi(s); err == nil {
				out = append(out, n)
			}
		}
	}
	return out
}

// postmaster returns the first process of the PostgreSQL server of a data folder.
func postmaster(dir string) (int, error) {
	b, err := os.ReadFile(filepath.Join(dir, "postmaster.pid")) //nolint:gosec // our own cluster
	if err != nil {
		return 0, fmt.Errorf("find the database server: %w", err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strconv.Atoi(strings.TrimSpace(line))
}
