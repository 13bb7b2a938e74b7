// SPDX-License-Identifier: EUPL-1.2

package runner

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
)

const (
	ofLiving = 400      // per cent of what lives that may always be allocated until the next collection
	busy     = 32 << 20 // bytes a second: a thousand requests or so
	share    = 16       // of the memory there is that may be new under load
	leastNew = 64 << 20 // bytes
	mostNew  = 1 << 30
	leastOld = 4 << 20 // bytes that live, as the runtime counts
)

// Tune sets the garbage collector for a server with a small heap and many short
// requests. A collection takes one of few processors for some 40 ms, and what
// waits meanwhile waits longer; with 40 MB alive Go would collect several times a
// second under load. So under load a sixteenth of the memory there is, 64 MiB to
// 1 GiB, may be new at a collection. Without load nothing more is used. GOGC in
// the environment wins, GOMEMLIMIT stays a limit. Only programs call it.
func Tune() {
	if os.Getenv("GOGC") == "" {
		retune(collection{most: between(memory("/proc/meminfo", "/sys/fs/cgroup/memory.max")), at: time.Now()})
	}
}

// between is what may be allocated between two collections, of total bytes of
// memory; 0 when that is not known.
func between(total uint64) uint64 { return min(max(total/share, leastNew), mostNew) }

// collection is what is known when one ended.
type collection struct {
	most      uint64 // bytes that may be new at the next one
	at        time.Time
	allocated uint64 // bytes since the start
	fresh     uint64 // bytes until the next one
}

// after returns a collection that follows another one. Load makes room at once
// and leaves it by halves: it may come back.
func (c collection) after(last collection) collection {
	if c.most = last.most; last.allocated == 0 {
		return c // there was none: nothing is known of the rate
	}
	took := max(c.at.Sub(last.at), time.Millisecond)
	if c.fresh = last.fresh / 2; float64(c.allocated-last.allocated)/took.Seconds() >= busy {
		c.fresh = c.most
	}
	return c
}

// percent is that in relation to what the collector looks at, as the runtime
// wants it.
func percent(fresh, old uint64) int { return int(max(ofLiving, fresh*100/max(old, leastOld))) }

// retune says when the next collection comes, and again after each.
func retune(last collection) {
	figures := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}, {Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(figures)
	now, old := collection{at: time.Now(), allocated: figures[3].Value.Uint64()}.after(last), uint64(0)
	for _, f := range figures[:3] {
		old += f.Value.Uint64()
	}
	debug.SetGCPercent(percent(now.fresh, old))
	runtime.AddCleanup(&struct{ _ *byte }{}, retune, now) // the next collection frees it
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
