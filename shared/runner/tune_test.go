// SPDX-License-Identifier: EUPL-1.2

package runner

import (
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestWhatMayBeAllocatedFollowsTheMemoryThereIs(t *testing.T) {
	t.Parallel()
	const meminfo = "MemTotal:       16384000 kB\nMemFree:          123456 kB\n"
	for name, tt := range map[string]struct {
		machine, container string
		want               uint64
	}{
		"a machine":                      {meminfo, "", 1000 << 20},
		"a container without a limit":    {meminfo, "max\n", 1000 << 20},
		"a container with a limit":       {meminfo, "2147483648\n", 128 << 20},
		"a limit beyond the machine":     {"MemTotal: 2097152 kB\n", "8589934592\n", 128 << 20},
		"a small one":                    {"MemTotal: 524288 kB\n", "", 64 << 20},
		"a large one":                    {"MemTotal: 268435456 kB\n", "", 1 << 30},
		"nothing is known":               {"", "", 64 << 20},
		"a limit only (no such meminfo)": {"", "4294967296", 256 << 20},
		"nonsense":                       {"MemTotal: much kB\n", "-1", 64 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, text := range map[string]string{"machine": tt.machine, "container": tt.container} {
				if text == "" {
					continue
				}
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got := between(memory(filepath.Join(dir, "machine"), filepath.Join(dir, "container")))
			if diff := int64(got) - int64(tt.want); diff < -1<<20 || diff > 1<<20 {
				t.Errorf("%d MiB between two collections, want %d", got>>20, tt.want>>20)
			}
		})
	}
}

func TestOnlyUnderLoadThereIsRoom(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		before uint64 // MiB
		took   time.Duration
		mib    uint64
		want   uint64 // MiB
	}{
		"a storm begins":          {0, 400 * time.Millisecond, 120, 1024},
		"a storm goes on":         {1024, 3 * time.Second, 900, 1024},
		"a storm that paused":     {1024, 20 * time.Second, 200, 512},
		"a few uploads":           {0, 20 * time.Second, 200, 0},
		"nothing for two minutes": {512, 2 * time.Minute, 2, 256},
		"at once":                 {0, 0, 0, 0},
	} {
		last := collection{most: 1 << 30, at: time.Unix(1000, 0), allocated: 7 << 30, fresh: tt.before << 20}
		now := collection{at: last.at.Add(tt.took), allocated: last.allocated + tt.mib<<20}.after(last)
		if got := now.fresh >> 20; got != tt.want || now.most != last.most {
			t.Errorf("%s: %d MiB until the next collection, want %d", name, got, tt.want)
		}
	}
	first := collection{at: time.Unix(1000, 0), allocated: 90 << 20}.after(collection{most: 1 << 30, at: time.Unix(1000, 0)})
	if first.fresh != 0 {
		t.Errorf("%d bytes until the first collection, want 0: it follows what lives", first.fresh)
	}
}

func TestLittleAliveLeavesRoomAndMuchAliveFourTimesAsMuch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fresh, live uint64
		want        int
	}{{1 << 30, 0, 25600}, {1 << 30, 1 << 20, 25600}, {1 << 30, 64 << 20, 1600}, {1 << 30, 256 << 20, 400}, {1 << 30, 8 << 30, 400}, {64 << 20, 64 << 20, 400}} {
		if got := percent(tt.fresh, tt.live); got != tt.want {
			t.Errorf("%d MiB of %d MiB alive: %d per cent, want %d", tt.fresh>>20, tt.live>>20, got, tt.want)
		}
	}
}

func TestEachCollectionSetsWhenTheNextOneComes(t *testing.T) { //nolint:paralleltest // the collector is everybody's
	t.Cleanup(func() { debug.SetGCPercent(100) })
	retune(collection{most: 1 << 30, at: time.Now()})
	for range 3 {
		debug.SetGCPercent(99) // a collection runs, and its cleanup sets it anew
		for deadline := time.Now().Add(30 * time.Second); ; runtime.Gosched() {
			runtime.GC()
			if got := debug.SetGCPercent(99); got != 99 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("a collection did not set when the next one comes")
			}
		}
	}
}
