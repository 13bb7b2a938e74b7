// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/thueringencert/leitstelle/services/intake"
	"github.com/thueringencert/leitstelle/shared/devstack"
)

// commitMark stands in the statement with which the writer stores a batch: it
// is a transaction of its own, so its answer is the acknowledgement of the commit.
var commitMark = []byte("report.submitted")

// What a proxy does to the next commit that passes.
const (
	pass       int32 = iota
	cutAck           // the server gets it, the client never hears the answer
	cutRequest       // the server never gets it
)

// pgProxy stands between the writer and PostgreSQL and cuts the connection at a
// commit, before or after the server got it.
type pgProxy struct {
	dir  string
	mode atomic.Int32
	cuts atomic.Int32
}

// newProxy puts a proxy in front of the writer's connection.
func newProxy(t testing.TB) (*pgProxy, option) {
	t.Helper()
	p := &pgProxy{dir: devstack.TempDir(t)}
	return p, func(c *intake.Config, e *env) {
		if e.url == "" || c.DatabaseURL == "" {
			return
		}
		u, err := url.Parse(e.url)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		port := q.Get("port")
		if port == "" {
			port = "5432"
		}
		name := ".s.PGSQL." + port
		p.listen(t, filepath.Join(p.dir, name), filepath.Join(q.Get("host"), name))
		q.Set("host", p.dir)
		u.RawQuery = q.Encode()
		c.WriterURL = u.String()
	}
}

func (p *pgProxy) listen(t testing.TB, at, target string) {
	t.Helper()
	l, err := net.Listen("unix", at)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(at, 0o777); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("unix", target)
			if err != nil {
				_ = c.Close()
				continue
			}
			all.Go(func() { p.serve(c, s) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
}

// serve copies both ways until the cut. After a commit that was passed on the
// answer is read, so that the server has done it, and thrown away.
func (p *pgProxy) serve(client, server net.Conn) {
	var dropping atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if dropping.Load() && n > 0 {
				break
			}
			if n > 0 {
				if _, err := client.Write(buf[:n]); err != nil {
					break
				}
			}
			if err != nil {
				break
			}
		}
		_ = client.Close()
		_ = server.Close()
	}()
	buf := make([]byte, 256<<10)
	for {
		n, err := client.Read(buf)
		if n > 0 && bytes.Contains(buf[:n], commitMark) {
			switch p.mode.Swap(pass) {
			case cutRequest:
				p.cuts.Add(1)
				_ = server.Close()
				_ = client.Close()
				<-done
				return
			case cutAck:
				p.cuts.Add(1)
				dropping.Store(true)
			}
		}
		if n > 0 {
			if _, err := server.Write(buf[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	_ = server.Close()
	_ = client.Close()
	<-done
}

// replyEater is an HTTP proxy that loses the answer of the next request after
// the server has given it.
type replyEater struct {
	url  string
	eat  atomic.Bool
	eats atomic.Int32
}

func newReplyEater(t testing.TB, target string) *replyEater {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &replyEater{url: "http://" + l.Addr().String()}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", strings.TrimPrefix(target, "http://"))
			if err != nil {
				_ = c.Close()
				continue
			}
			all.Go(func() { _, _ = io.Copy(s, c); _ = s.Close() })
			all.Go(func() {
				defer func() { _ = c.Close(); _ = s.Close() }()
				buf := make([]byte, 64<<10)
				for {
					n, err := s.Read(buf)
					if n > 0 && r.eat.CompareAndSwap(true, false) {
						r.eats.Add(1)
						return
					}
					if n > 0 {
						if _, err := c.Write(buf[:n]); err != nil {
							return
						}
					}
					if err != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	return r
}
