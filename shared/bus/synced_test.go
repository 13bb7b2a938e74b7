// SPDX-License-Identifier: EUPL-1.2

package bus_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/devstack"
)

func TestD8ReadinessDemandsABrokerThatSyncsAlways(t *testing.T) {
	t.Parallel()
	for _, sync := range []bool{true, false} {
		n, err := devstack.StartNATS(devstack.NATSOptions{Dir: t.TempDir(), Sync: sync, Monitor: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(n.Stop)
		if err := bus.SyncedAt(n.MonitorURL())(t.Context()); (err == nil) != sync {
			t.Errorf("SyncedAt a server with sync %v = %v", sync, err)
		}
		if err := n.SyncAlways(t.Context()); (err == nil) != sync {
			t.Errorf("SyncAlways of a server with sync %v = %v", sync, err)
		}
		n.Stop()
		if err := n.SyncAlways(t.Context()); err == nil {
			t.Error("SyncAlways of a stopped server = nil, want an error")
		}
	}
}

func TestD8WhoCannotBeAskedIsNotReady(t *testing.T) {
	t.Parallel()
	answers := func(body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, body) }))
		t.Cleanup(s.Close)
		return s.URL
	}
	for name, url := range map[string]string{
		"no address": "", "nobody there": "http://127.0.0.1:1", "no URL": "http://%zz", "no JSON": answers("<html>"),
		"JetStream is off": answers(`{"disabled":true}`), "another value": answers(`{"config":{"sync_always":false}}`),
	} {
		if err := bus.SyncedAt(url)(t.Context()); err == nil {
			t.Errorf("%s: ready, want an error", name)
		}
	}
}

// publishEnv makes this test binary publish instead of test.
const publishEnv = "LEITSTELLE_TEST_PUBLISH"

// TestMain lets the binary be its own child under strace.
func TestMain(m *testing.M) {
	if dir := os.Getenv(publishEnv); dir != "" {
		if err := publishSome(dir); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const published = 100

func publishSome(dir string) error {
	n, err := devstack.StartNATS(devstack.NATSOptions{Dir: dir, Sync: true})
	if err != nil {
		return err
	}
	defer n.Stop()
	b, err := n.Connect("child", zap.NewNop())
	if err != nil {
		return err
	}
	defer b.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := b.EnsureStreams(ctx); err != nil {
		return err
	}
	for range published {
		if _, err := b.JetStream().Publish(ctx, "delivery.failed", []byte("x"), jetstream.WithExpectStream(bus.Alerts)); err != nil {
			return err
		}
	}
	return nil
}

var syncCall = regexp.MustCompile(`\b(fsync|fdatasync)\(`)

// D8 counts the system calls where strace may be used; the server's own
// configuration was checked above in any case.
func TestD8EachAcknowledgedPublishIsOnTheDisk(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Log("strace is not installed: the configuration alone was checked")
		return
	}
	out := filepath.Join(t.TempDir(), "calls")
	cmd := exec.CommandContext(t.Context(), strace, "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", out, os.Args[0])
	cmd.Env = append(os.Environ(), publishEnv+"="+t.TempDir())
	if said, err := cmd.CombinedOutput(); err != nil {
		if _, statErr := os.Stat(out); statErr != nil || regexp.MustCompile(`ptrace|PTRACE`).Match(said) {
			t.Logf("strace may not trace here (%v): the configuration alone was checked", err)
			return
		}
		t.Fatalf("publish under strace: %v\n%s", err, said)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(syncCall.FindAll(b, -1)); got < published {
		t.Errorf("%d syncs for %d acknowledged messages", got, published)
	} else {
		t.Logf("%d syncs for %d acknowledged messages", got, published)
	}
}
