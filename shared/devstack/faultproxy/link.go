// SPDX-License-Identifier: EUPL-1.2

package faultproxy

import (
	"net"
	"sync"
)

// link is one client's connection and its counterpart at the server.
type link struct {
	proxy          *Proxy
	client, server net.Conn
	once           sync.Once
	gone           chan struct{}

	mu   sync.Mutex
	cut  bool          // the next answer is thrown away and the link closed
	held chan struct{} // answers wait for it to be closed; nil: they pass
}

func (l *link) close() {
	l.once.Do(func() {
		close(l.gone)
		_ = l.client.Close()
		_ = l.server.Close()
	})
}

func (l *link) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held != nil {
		close(l.held)
		l.held = nil
	}
}

// requests copies what the client sends.
func (l *link) requests() {
	defer l.close()
	buf := make([]byte, 64<<10)
	for {
		n, err := l.client.Read(buf)
		if n > 0 {
			l.proxy.pass(l)
			switch l.proxy.match(buf[:n]) {
			case CutRequest:
				return
			case CutReply:
				l.mu.Lock()
				l.cut = true
				l.mu.Unlock()
			case HoldReply:
				l.mu.Lock()
				l.held = make(chan struct{})
				l.mu.Unlock()
			}
			if _, err := l.server.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// answers copies what the server says.
func (l *link) answers() {
	defer l.close()
	buf := make([]byte, 64<<10)
	for {
		n, err := l.server.Read(buf)
		if n > 0 {
			l.mu.Lock()
			cut, held := l.cut, l.held
			l.mu.Unlock()
			if cut {
				return
			}
			if held != nil {
				select {
				case <-held:
				case <-l.gone:
					return
				}
			}
			l.proxy.pass(l)
			if _, err := l.client.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
