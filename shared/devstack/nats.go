// SPDX-License-Identifier: EUPL-1.2

package devstack

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/bus"
)

// NATSOptions of an embedded server.
type NATSOptions struct {
	Dir      string
	Sync     bool   // fsync before each acknowledgement
	User     string // with User it also listens on loopback
	Password string
	Key      string // encrypts the store at rest
	Monitor  bool   // also answers the monitoring address, see MonitorURL
}

// NATS is an embedded JetStream server that can be stopped and started again.
type NATS struct {
	opts NATSOptions
	mu   sync.Mutex
	srv  *server.Server
}

// StartNATS starts the server.
func StartNATS(o NATSOptions) (*NATS, error) {
	n := &NATS{opts: o}
	return n, n.Start()
}

// Start starts it again after Stop, on the same store.
func (n *NATS) Start() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	o := &server.Options{
		ServerName: "leitstelle", JetStream: true, StoreDir: n.opts.Dir, NoSigs: true, NoLog: true,
		SyncAlways: n.opts.Sync, DontListen: n.opts.User == "", Host: "127.0.0.1", Port: server.RANDOM_PORT,
		JetStreamKey: n.opts.Key, Username: n.opts.User, Password: n.opts.Password,
	}
	if n.opts.Monitor {
		o.HTTPHost, o.HTTPPort = "127.0.0.1", server.RANDOM_PORT
	}
	srv, err := server.NewServer(o)
	if err != nil {
		return err
	}
	go srv.Start()
	if !srv.ReadyForConnections(10 * time.Second) {
		srv.Shutdown()
		return errors.New("the embedded NATS server does not start")
	}
	n.srv = srv
	return nil
}

// Stop ends the server; clients see it as gone.
func (n *NATS) Stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.srv != nil {
		n.srv.Shutdown()
		n.srv.WaitForShutdown()
		n.srv = nil
	}
}

// Wipe removes the store of a stopped server.
func (n *NATS) Wipe() error { return os.RemoveAll(n.opts.Dir) }

// URL for clients outside the process; empty when it does not listen.
func (n *NATS) URL() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.srv == nil || n.opts.User == "" {
		return ""
	}
	return "nats://" + n.opts.User + ":" + n.opts.Password + "@" + n.srv.Addr().String()
}

// MonitorURL is the monitoring address; empty without one.
func (n *NATS) MonitorURL() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.srv == nil || n.srv.MonitorAddr() == nil {
		return ""
	}
	return "http://" + n.srv.MonitorAddr().String()
}

// SyncAlways reports the server's own configuration: readiness depends on it.
func (n *NATS) SyncAlways(context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.srv == nil {
		return errors.New("the NATS server is stopped")
	}
	if cfg := n.srv.JetStreamConfig(); cfg == nil || !cfg.SyncAlways {
		return errors.New("JetStream does not sync before it acknowledges")
	}
	return nil
}

// InProcessConn implements nats.InProcessConnProvider over restarts.
func (n *NATS) InProcessConn() (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.srv == nil {
		return nil, errors.New("the NATS server is stopped")
	}
	return n.srv.InProcessConn()
}

// Connect opens a bus inside the process.
func (n *NATS) Connect(name string, log *zap.Logger) (*bus.Bus, error) {
	opts := []nats.Option{nats.InProcessServer(n)}
	if n.opts.User != "" {
		opts = append(opts, nats.UserInfo(n.opts.User, n.opts.Password))
	}
	return bus.Connect(bus.Config{}, name, log, opts...)
}

// NewNATS starts a server for a test, without a port.
func NewNATS(t testing.TB) *NATS {
	t.Helper()
	n, err := StartNATS(NATSOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	return n
}

// NewBus starts a server for a test and connects to it.
func NewBus(t testing.TB) *bus.Bus {
	t.Helper()
	return Bus(t, NewNATS(t))
}

// Bus connects a test to a server.
func Bus(t testing.TB, n *NATS) *bus.Bus {
	t.Helper()
	b, err := n.Connect(t.Name(), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// Eventually waits until ok returns true, at most d, and fails the test with
// what otherwise.
func Eventually(t testing.TB, d time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(d)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			t.Fatalf("after %s: still not %s", d, what)
		case <-tick.C:
		}
	}
}
