// SPDX-License-Identifier: EUPL-1.2

// Package mailsink is an SMTP server that keeps every message in memory and
// answers as a script says. Tests use it to play refusing, slow and breaking
// mail servers, the standalone system to show a mailbox. It delivers nothing.
package mailsink

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Stage is the command that a script answers.
type Stage string

// The stages of a message.
const (
	Mail Stage = "mail" // MAIL FROM
	Rcpt Stage = "rcpt" // RCPT TO
	Data Stage = "data" // after the final dot; the message was read
)

// Command is what a client sent.
type Command struct {
	Stage   Stage
	From    string
	To      string // the last recipient
	Attempt int    // how often this recipient was named at this stage, from 1
	Raw     []byte // at Data
}

// Reply is the scripted answer; the zero value accepts.
type Reply struct {
	Code int             // 4xx or 5xx; 0 accepts
	Text string          // default "scripted"
	Drop bool            // at Data: keep the message, then cut the connection instead of answering
	Wait <-chan struct{} // answer only when the channel is closed
}

// Options of a Sink; the zero value is good.
type Options struct {
	Addr  string // default 127.0.0.1:0
	Limit int    // messages kept, the oldest go first; default 20,000
	Now   func() time.Time
}

// Sink is a running server. Its methods are safe for concurrent use.
type Sink struct {
	opts Options

	mu       sync.Mutex
	addr     string
	server   *smtp.Server
	listener net.Listener
	done     chan struct{}
	script   func(Command) Reply
	attempts map[string]int
	messages []Message
	last     int64
	changed  chan struct{}
}

// Start opens a sink.
func Start(o Options) (*Sink, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.Limit == 0 {
		o.Limit = 20000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Sink{opts: o, addr: o.Addr, attempts: map[string]int{}, changed: make(chan struct{})}
	return s, s.Open()
}

// Open listens again after Close, on the same address.
func (s *Sink) Open() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != nil {
		return nil
	}
	l, err := net.Listen("tcp", s.addr) //nolint:noctx // lives as long as the sink
	if err != nil {
		return fmt.Errorf("mail sink: %w", err)
	}
	s.addr = l.Addr().String()
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{sink: s, conn: c}, nil
	}))
	server.Domain = "mailsink.invalid"
	server.MaxMessageBytes = 32 << 20
	server.ErrorLog = log.New(io.Discard, "", 0)
	done := make(chan struct{})
	s.server, s.listener, s.done = server, l, done
	go func() {
		defer close(done)
		_ = server.Serve(l) // ends with Close
	}()
	return nil
}

// Close stops listening and cuts all connections; the messages stay.
func (s *Sink) Close() {
	s.mu.Lock()
	server, l, done := s.server, s.listener, s.done
	s.server = nil
	s.mu.Unlock()
	if server == nil {
		return
	}
	_ = l.Close() // the server may not have taken it yet
	_ = server.Close()
	<-done
}

// Addr is host:port.
func (s *Sink) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// Script sets how the sink answers; nil accepts everything.
func (s *Sink) Script(f func(Command) Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script, s.attempts = f, map[string]int{}
}

// Changed is closed at the next message; ask again after that.
func (s *Sink) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Messages returns what arrived, in order, for one recipient or ("") for all.
func (s *Sink) Messages(to string) []Message {
	all, _ := s.List(to, 0, 0)
	return all
}

// List returns at most limit messages (0: all) newer than after, and the id to
// go on from, 0 at the end.
func (s *Sink) List(to string, after int64, limit int) (page []Message, next int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages {
		if m.ID <= after || to != "" && !slices.ContainsFunc(m.To, func(t string) bool { return strings.EqualFold(t, to) }) {
			continue
		}
		if limit > 0 && len(page) == limit {
			return page, page[limit-1].ID
		}
		page = append(page, m)
	}
	return page, 0
}

// Clear forgets the messages.
func (s *Sink) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = nil
}

func (s *Sink) keep(from string, to []string, raw []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	s.messages = append(s.messages, Message{ID: s.last, From: from, To: slices.Clone(to), ReceivedAt: s.opts.Now().UTC(), Raw: raw})
	if over := len(s.messages) - s.opts.Limit; over > 0 {
		s.messages = slices.Delete(s.messages, 0, over)
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Sink) answer(c Command) Reply {
	s.mu.Lock()
	f := s.script
	key := string(c.Stage) + " " + c.To
	s.attempts[key]++
	c.Attempt = s.attempts[key]
	s.mu.Unlock()
	if f == nil {
		return Reply{}
	}
	return f(c)
}

// session is one connection's current message.
type session struct {
	sink *Sink
	conn *smtp.Conn
	from string
	to   []string
}

var errCut = errors.New("connection cut by the script")

func (s *session) play(c Command) error {
	r := s.sink.answer(c)
	if r.Wait != nil {
		<-r.Wait
	}
	if r.Drop {
		_ = s.conn.Conn().Close()
		return errCut
	}
	if r.Code == 0 {
		return nil
	}
	if r.Text == "" {
		r.Text = "scripted"
	}
	return &smtp.SMTPError{Code: r.Code, EnhancedCode: smtp.EnhancedCode{r.Code / 100, 0, 0}, Message: r.Text}
}

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return s.play(Command{Stage: Mail, From: from})
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := s.play(Command{Stage: Rcpt, From: s.from, To: to}); err != nil {
		return err
	}
	s.to = append(s.to, to)
	return nil
}

// Data implements smtp.Session. A message that is dropped after the final dot
// is kept: the server had it, only its answer was lost (RFC 1047).
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("mail sink: %w", err)
	}
	last := ""
	if len(s.to) > 0 {
		last = s.to[len(s.to)-1]
	}
	err = s.play(Command{Stage: Data, From: s.from, To: last, Raw: raw})
	if err == nil || errors.Is(err, errCut) {
		s.sink.keep(s.from, s.to, raw)
	}
	return err
}

// Reset implements smtp.Session.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout implements smtp.Session.
func (s *session) Logout() error { return nil }
