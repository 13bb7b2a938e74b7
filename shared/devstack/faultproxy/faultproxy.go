// SPDX-License-Identifier: EUPL-1.2

// Package faultproxy stands between a client and a real server and breaks the
// connection at the moment a test names: after the server has carried out a
// COMMIT but before its answer arrives, before the COMMIT, or by saying nothing
// at all. It works for everything that speaks first as the client: PostgreSQL,
// HTTP and SMTP.
package faultproxy

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
)

// Commit is what lib/pq sends to commit; a statement never contains it.
const Commit = "COMMIT\x00"

// Fault is what happens to a request.
type Fault int

// The faults.
const (
	// CutReply lets the server carry the request out, throws its answer away and
	// closes the connection: the client cannot know what happened (F2, F3, F4).
	CutReply Fault = iota + 1
	// CutRequest closes the connection instead of passing the request on: the
	// server never saw it, which the client cannot know either.
	CutRequest
	// HoldReply lets the server carry the request out and holds back its answer
	// until Resume: a server that went silent (F6).
	HoldReply
)

// Proxy is a running proxy. Its methods are safe for concurrent use.
type Proxy struct {
	network, upstream string
	listener          net.Listener
	wg                sync.WaitGroup

	mu      sync.Mutex
	links   map[*link]struct{}
	rules   []*rule
	refuse  bool
	stalled chan struct{} // closed by Resume; nil: not stalled
	hits    int
	closed  bool
}

type rule struct {
	words []byte
	fault Fault
	left  int
}

// Start opens a proxy on a loopback port before a server: network is "tcp" or
// "unix", upstream its address.
func Start(network, upstream string) (*Proxy, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{network: network, upstream: upstream, listener: l, links: map[*link]struct{}{}}
	p.wg.Go(p.accept)
	return p, nil
}

// New is Start for a test; the proxy goes with the test.
func New(t testing.TB, network, upstream string) *Proxy {
	t.Helper()
	p, err := Start(network, upstream)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// Postgres puts a proxy before the database of rawURL (TCP, or the unix socket
// of its host parameter) and returns the URL that leads through it.
func Postgres(t testing.TB, rawURL string) (*Proxy, string) {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	network, upstream := "tcp", u.Host
	if dir := q.Get("host"); dir != "" {
		port := q.Get("port")
		if port == "" {
			port = "5432"
		}
		network, upstream = "unix", filepath.Join(dir, ".s.PGSQL."+port)
	}
	p := New(t, network, upstream)
	q.Del("host")
	q.Del("port")
	q.Set("sslmode", "disable")
	u.Host, u.RawQuery = p.Addr(), q.Encode()
	return p, u.String()
}

// Addr is where clients connect.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Next breaks the next times requests that contain words.
func (p *Proxy) Next(words string, f Fault, times int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append(p.rules, &rule{words: []byte(words), fault: f, left: times})
}

// Hits is how many requests were broken by Next.
func (p *Proxy) Hits() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hits
}

// Stall lets nothing pass in either direction, on all connections, until
// Resume. New connections are accepted and hear nothing.
func (p *Proxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stalled == nil {
		p.stalled = make(chan struct{})
	}
}

// Resume ends Stall and gives out the answers that HoldReply held back.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stalled != nil {
		close(p.stalled)
		p.stalled = nil
	}
	for l := range p.links {
		l.release()
	}
}

// Down closes every connection and refuses new ones until Up.
func (p *Proxy) Down() {
	p.mu.Lock()
	p.refuse = true
	p.mu.Unlock()
	p.Cut()
}

// Up ends Down.
func (p *Proxy) Up() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = false
}

// Cut closes every connection; new ones are accepted.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.close()
	}
}

// Close ends the proxy and waits for it.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.listener.Close()
	p.Resume()
	p.Cut()
	p.wg.Wait()
}

func (p *Proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		p.wg.Go(func() { p.serve(c) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	p.mu.Lock()
	refuse := p.refuse || p.closed
	p.mu.Unlock()
	if refuse {
		_ = client.Close()
		return
	}
	server, err := (&net.Dialer{}).DialContext(context.Background(), p.network, p.upstream)
	if err != nil {
		_ = client.Close()
		return
	}
	l := &link{proxy: p, client: client, server: server, gone: make(chan struct{})}
	p.mu.Lock()
	p.links[l] = struct{}{}
	gone := p.closed || p.refuse
	p.mu.Unlock()
	if gone {
		l.close()
	}
	var both sync.WaitGroup
	both.Go(l.requests)
	both.Go(l.answers)
	both.Wait()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

// match returns the fault for a request and counts it.
func (p *Proxy) match(request []byte) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.rules {
		if r.left > 0 && bytes.Contains(request, r.words) {
			r.left--
			p.hits++
			return r.fault
		}
	}
	return 0
}

// pass waits while the proxy is stalled.
func (p *Proxy) pass(l *link) {
	p.mu.Lock()
	stalled := p.stalled
	p.mu.Unlock()
	if stalled == nil {
		return
	}
	select {
	case <-stalled:
	case <-l.gone:
	}
}
