// SPDX-License-Identifier: EUPL-1.2

package runner

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
)

const (
	ofLiving = 400      // per cent, at least
	share    = 16       // of the memory there is
	leastNew = 64 << 20 // bytes
	mostNew  = 1 << 30
	leastOld = 4 << 20 // bytes that live, as the runtime counts
)

// Tune sets the garbage collector for a server with a small heap and many short
// requests. A collection takes one of few processors for some 40 ms, and what
// waits meanwhile waits longer; with 40 MB alive Go would collect several times a
// second under load. So a sixteenth of the memory there is, 64 MiB to 1 GiB, may
// be used between two. GOGC in the environment wins, GOMEMLIMIT stays a limit.
// Only programs call it.
func Tune() {
	if os.Getenv("GOGC") == "" {
		retune(between(memory("/proc/meminfo", "/sys/fs/cgroup/memory.max")))
	}
}

// between is what may be allocated between two collections, of total bytes of
// memory; 0 when that is not known.
func between(total uint64) uint64 { return min(max(total/share, leastNew), mostNew) }

// percent is that in relation to what lives, as the runtime wants it.
func percent(fresh, live uint64) int { return int(max(ofLiving, fresh*100/max(live, leastOld))) }

// retune says when the next collection comes, and again after each.
func retune(fresh uint64) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	debug.SetGCPercent(percent(fresh, live[0].Value.Uint64()))
	runtime.AddCleanup(&struct{ _ *byte }{}, retune, fresh) // the next collection frees it
}

// memory is that of the machine, or the limit of the container when that is
// less, in bytes; 0 when neither can be read.
func memory(machine, container string) (total uint64) {
	for line := range strings.Lines(read(machine)) {
		if kib, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			n, _ := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kib), "kB")), 10, 64)
			total = n << 10
		}
	}
	limit, err := strconv.ParseUint(strings.TrimSpace(read(container)), 10, 64)
	if err == nil && (total == 0 || limit < total) { // "max" is none
		return limit
	}
	return total
}

// read returns what a file of the system says, "" when there is none.
func read(path string) string {
	b, err := os.ReadFile(path) //nolint:gosec // files of the system, named above
	if err != nil {
		return ""
	}
	return string(b)
}
