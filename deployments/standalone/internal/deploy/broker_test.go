// SPDX-License-Identifier: EUPL-1.2

package deploy

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/deployments/standalone/internal/secrets"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/outbox"
)

// refused is how long a request without an answer means no: the broker does not
// answer what is not allowed.
const refused = 400 * time.Millisecond

// root of the repository, seen from this folder.
const root = "../../../.."

// broker runs deployments/nats/nats.conf as a container would: the file in
// /etc/nats, the secrets in /run/secrets. Only the store and the ports are others.
func broker(t *testing.T) (*server.Server, string) {
	t.Helper()
	dir := t.TempDir()
	etc, run := filepath.Join(dir, "etc", "nats"), filepath.Join(dir, "run", "secrets")
	if err := os.MkdirAll(etc, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := secrets.Write(run, secrets.Compose, time.Now()); err != nil {
		t.Fatal(err)
	}
	conf, err := os.ReadFile(filepath.Join(root, "deployments", "nats", "nats.conf"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(etc, "nats.conf")
	if err := os.WriteFile(path, conf, 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := server.ProcessConfigFile(path)
	if err != nil {
		t.Fatalf("nats.conf: %v", err)
	}
	if !o.SyncAlways {
		t.Error("nats.conf does not have sync_interval: always")
	}
	if o.JetStreamKey == "" || o.StoreDir != "/data" {
		t.Errorf("the store is at %q, encrypted: %t; want /data, encrypted", o.StoreDir, o.JetStreamKey != "")
	}
	o.StoreDir, o.Host, o.Port, o.HTTPHost, o.HTTPPort = t.TempDir(), "127.0.0.1", -1, "127.0.0.1", -1
	o.NoSigs, o.NoLog = true, true
	srv, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	go srv.Start()
	t.Cleanup(func() {
		srv.Shutdown()
		srv.WaitForShutdown()
	})
	if !srv.ReadyForConnections(10 * time.Second) {
		t.Fatal("the broker does not start with nats.conf")
	}
	return srv, run
}

// as connects with the secret that the service reads.
func as(t *testing.T, srv *server.Server, dir, service string) *bus.Bus {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, service+"_nats_url"))
	if err != nil {
		t.Fatal(err)
	}
	url := strings.Replace(strings.TrimSpace(string(b)), secrets.Compose.NATS, srv.Addr().String(), 1)
	c, err := bus.Connect(bus.Config{URL: url}, service, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestTheBrokerSyncsAlwaysAndTheServicesCanSeeIt(t *testing.T) {
	t.Parallel()
	srv, _ := broker(t)
	if err := bus.SyncedAt("http://" + srv.MonitorAddr().String())(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestEachServiceSaysOnlyItsOwn(t *testing.T) {
	t.Parallel()
	srv, dir := broker(t)
	subjects := map[string]string{
		"directory": "directory.person.changed.x", "intake": "report.submitted.16.071.043",
		"triage": "case.opened.16.071.043", "notification": "alert.published",
	}
	for _, service := range secrets.Services {
		b := as(t, srv, dir, service)
		if err := b.EnsureStreams(t.Context()); err != nil {
			t.Fatalf("%s: %v", service, err)
		}
		if service == "directory" {
			kv, err := b.Bucket(t.Context(), bus.Sessions)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := kv.PutString(t.Context(), "key", "value"); err != nil {
				t.Errorf("directory cannot write sessions: %v", err)
			}
		}
		for owner, subject := range subjects {
			err := publish(t.Context(), b, subject)
			if owner == service && err != nil {
				t.Errorf("%s cannot publish %s: %v", service, subject, err)
			}
			if owner != service && err == nil {
				t.Errorf("%s can publish %s", service, subject)
			}
		}
		soon, cancel := context.WithTimeout(t.Context(), refused)
		if err := b.JetStream().DeleteStream(soon, bus.Reports); err == nil {
			t.Errorf("%s can delete a stream", service)
		}
		cancel()
	}
}

func TestEachServiceWatchesTheSessions(t *testing.T) {
	t.Parallel()
	srv, dir := broker(t)
	kv, err := as(t, srv, dir, "directory").Bucket(t.Context(), bus.Sessions)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.PutString(t.Context(), "key", "value"); err != nil {
		t.Fatal(err)
	}
	for _, service := range secrets.Services {
		kv, err := as(t, srv, dir, service).Bucket(t.Context(), bus.Sessions)
		if err != nil {
			t.Fatalf("%s: %v", service, err)
		}
		w, err := kv.WatchAll(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", service, err)
		}
		select {
		case entry := <-w.Updates():
			if entry == nil || entry.Key() != "key" {
				t.Errorf("%s sees %v", service, entry)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%s does not see the sessions", service)
		}
		_ = w.Stop()
		if service == "directory" {
			continue
		}
		soon, cancel := context.WithTimeout(t.Context(), refused)
		if _, err := kv.PutString(soon, "key", "forged"); err == nil {
			t.Errorf("%s can forge a session", service)
		}
		cancel()
	}
}

func TestTheDirectoryReadsNoReports(t *testing.T) {
	t.Parallel()
	srv, dir := broker(t)
	for service, want := range map[string]bool{"directory": false, "triage": true} {
		b := as(t, srv, dir, service)
		if err := b.EnsureStreams(t.Context()); err != nil {
			t.Fatal(err)
		}
		soon, cancel := context.WithTimeout(t.Context(), refused)
		_, err := b.JetStream().CreateOrUpdateConsumer(soon, bus.Reports, jetstream.ConsumerConfig{Durable: service + "-reports", AckPolicy: jetstream.AckExplicitPolicy})
		cancel()
		if (err == nil) != want {
			t.Errorf("%s reads reports: %t, want %t (%v)", service, err == nil, want, err)
		}
	}
}

// What the directory follows among the alerts: mails that did not arrive become
// tasks, and a warning's answers a figure.
func TestTheDirectoryReadsWhatItFollows(t *testing.T) {
	t.Parallel()
	srv, dir := broker(t)
	b := as(t, srv, dir, "directory")
	if err := b.EnsureStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := publish(t.Context(), as(t, srv, dir, "notification"), "delivery.failed"); err != nil {
		t.Fatal(err)
	}
	for name, subjects := range map[string][]string{"directory-failures": {"delivery.failed"}, "directory-warnings": {"alert.published", "poll.answered", "delivery.failed"}} {
		c, err := b.JetStream().CreateOrUpdateConsumer(t.Context(), bus.Alerts, jetstream.ConsumerConfig{
			Durable: name, FilterSubjects: subjects, AckPolicy: jetstream.AckExplicitPolicy,
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		m, err := c.Next(jetstream.FetchMaxWait(5 * time.Second))
		if err != nil {
			t.Errorf("%s gets nothing: %v", name, err)
			continue
		}
		if err := m.DoubleAck(t.Context()); err != nil {
			t.Errorf("%s cannot acknowledge: %v", name, err)
		}
	}
}

func TestNobodyComesInWithoutAPassword(t *testing.T) {
	t.Parallel()
	srv, _ := broker(t)
	nc, err := nats.Connect("nats://"+srv.Addr().String(), nats.Timeout(2*time.Second))
	if err == nil {
		nc.Close()
		t.Error("the broker takes anonymous connections")
	}
}

func TestTheStoreIsEncrypted(t *testing.T) {
	t.Parallel()
	srv, dir := broker(t)
	b := as(t, srv, dir, "intake")
	if err := b.EnsureStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	const words = "Verschlüsselungstrojaner im Rathaus"
	msg := outbox.Message{Seq: 1, ID: event.NewID(), Subject: "report.submitted.16.071.043", Body: words}
	if _, err := b.Publish(t.Context(), []outbox.Message{msg}); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(srv.JetStreamConfig().StoreDir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err == nil && bytes.Contains(content, []byte(words)) {
			return fmt.Errorf("%s holds a report in the clear", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func publish(ctx context.Context, b *bus.Bus, subject string) error {
	ctx, cancel := context.WithTimeout(ctx, refused)
	defer cancel()
	_, err := b.JetStream().Publish(ctx, subject, []byte("{}"), jetstream.WithRetryAttempts(0))
	return err
}
