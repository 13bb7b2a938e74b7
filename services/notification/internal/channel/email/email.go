// SPDX-License-Identifier: EUPL-1.2

// Package email hands mails to the operator's mail server: one message a
// recipient, many messages a connection. It classifies what the server says:
// Invalid gives a recipient up, Unavailable means later.
package email

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"time"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// The longest waits (failure model F23, RFC 5321 §4.5.3.2 in spirit).
const (
	CommandTimeout = 30 * time.Second
	DataTimeout    = 2 * time.Minute
)

// Config of the mail server and the sender.
type Config struct {
	Host     string `env:"HOST,notEmpty" doc:"mail server (relay)"`
	Port     int    `env:"PORT" envDefault:"587" doc:"its port"`
	TLS      string `env:"TLS" envDefault:"starttls" doc:"starttls (required), tls, or none (loopback only)"`
	Username string `env:"USERNAME" doc:"user for AUTH, empty for none"`
	Password string `env:"PASSWORD" doc:"password for AUTH, best as _FILE"`
	From     string `env:"FROM,notEmpty" doc:"address of the sender, also of the envelope unless BOUNCE_ADDRESS is set"`
	FromName string `env:"FROM_NAME" doc:"name of the sender"`
	ReplyTo  string `env:"REPLY_TO" doc:"where answers go, empty: to the sender"`
	Helo     string `env:"HELO" envDefault:"localhost" doc:"own name in EHLO"`
	Conns    int    `env:"CONNECTIONS" envDefault:"4" doc:"connections at a time"`
	// The second relay (failure model F22) has the same TLS setting and account.
	SecondHost string `env:"SECOND_HOST" doc:"second mail server, asked while the first takes no connections, with the same user, password and TLS"`
	SecondPort int    `env:"SECOND_PORT" doc:"its port, 0: that of the first"`
	// Timeouts of tests; the zero value takes the constants.
	Command, Data time.Duration
}

// Channel opens connections to one mail server.
type Channel struct {
	cfg Config
	now func() time.Time
}

// New checks the configuration.
func New(cfg Config, now func() time.Time) (*Channel, error) {
	if cfg.Command == 0 {
		cfg.Command = CommandTimeout
	}
	if cfg.Data == 0 {
		cfg.Data = DataTimeout
	}
	var errs []error
	switch cfg.TLS {
	case "starttls", "tls":
	case "none":
		for _, host := range []string{cfg.Host, cfg.SecondHost} {
			if ip := net.ParseIP(host); host != "" && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
				errs = append(errs, fmt.Errorf("mail to %s needs TLS; only loopback goes without", host))
			}
		}
	default:
		errs = append(errs, fmt.Errorf("mail TLS is starttls, tls or none, not %q", cfg.TLS))
	}
	for _, a := range []string{cfg.From, cfg.ReplyTo} {
		if strings.ContainsAny(a, "\r\n<> ") {
			errs = append(errs, fmt.Errorf("%q is no plain address", a))
		}
	}
	return &Channel{cfg: cfg, now: now}, errors.Join(errs...)
}

// Conn is one connection to the mail server. It is used by one goroutine.
type Conn struct {
	ch     *Channel
	client *smtp.Client
	net    net.Conn
	broken bool
}

// firstWait is how long the first relay may take to answer when there is a second.
const firstWait = 5 * time.Second

// Dial connects, to the second relay when the first takes no connections. Any
// failure is Unavailable: nothing is wrong with a recipient.
func (c *Channel) Dial(ctx context.Context) (*Conn, error) {
	if c.cfg.SecondHost == "" {
		return c.dial(ctx, c.cfg.Host, c.cfg.Port, c.cfg.Command)
	}
	conn, err := c.dial(ctx, c.cfg.Host, c.cfg.Port, min(firstWait, c.cfg.Command))
	if err == nil || ctx.Err() != nil {
		return conn, err
	}
	second, also := c.dial(ctx, c.cfg.SecondHost, cmp.Or(c.cfg.SecondPort, c.cfg.Port), c.cfg.Command)
	if also != nil {
		return nil, errors.Join(err, also)
	}
	return second, nil
}

func (c *Channel) dial(ctx context.Context, host string, port int, wait time.Duration) (*Conn, error) {
	conn := &Conn{ch: c}
	policy := mail.TLSMandatory
	if c.cfg.TLS == "none" {
		policy = mail.NoTLS
	}
	opts := []mail.Option{
		mail.WithPort(port), mail.WithTimeout(wait), mail.WithHELO(c.cfg.Helo), mail.WithTLSPolicy(policy),
		mail.WithoutSMTPUTF8(),
		mail.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
			var err error
			d := net.Dialer{Timeout: wait}
			if conn.net, err = d.DialContext(ctx, network, address); err != nil || c.cfg.TLS != "tls" {
				return conn.net, err
			}
			t := tls.Client(conn.net, &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12})
			conn.net = t
			return t, t.HandshakeContext(ctx)
		}),
	}
	if c.cfg.TLS == "tls" {
		opts = append(opts, mail.WithSSL())
	}
	if c.cfg.Username != "" {
		opts = append(opts, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(c.cfg.Username), mail.WithPassword(c.cfg.Password))
	}
	client, err := mail.NewClient(host, opts...)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the mail channel is not set up rightly")
	}
	if conn.client, err = client.DialToSMTPClientWithContext(ctx); err != nil {
		if conn.net != nil {
			_ = conn.net.Close()
		}
		return nil, fault.Wrap(fault.Unavailable, err, "the mail server does not take connections")
	}
	return conn, nil
}

// Broken reports whether the connection can send no more.
func (c *Conn) Broken() bool { return c.broken }

// Close says goodbye when the server still listens.
func (c *Conn) Close() {
	if !c.broken && c.client.UpdateDeadline(time.Second) == nil {
		_ = c.client.Quit() // it may have left first
	}
	_ = c.net.Close()
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Send hands over one mail. nil: the server took it. Invalid: it never will,
// for this recipient. Unavailable: try later. When the answer after the final
// dot is lost the mail may have arrived: it is sent again with the same
// Message-ID (RFC 1047).
func (c *Conn) Send(ctx context.Context, m message.Mail) error {
	if err := ctx.Err(); err != nil {
		return fault.Wrap(fault.Unavailable, err, "stopping")
	}
	buf, _ := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buf)
	buf.Reset()
	if err := c.ch.write(buf, m); err != nil {
		return err
	}
	// A stop of the service may cut a slow server short, but not at once.
	stop := context.AfterFunc(ctx, func() { _ = c.net.SetDeadline(time.Now().Add(3 * time.Second)) })
	defer stop()
	steps := []struct {
		what    string
		timeout time.Duration
		do      func() error
	}{
		{"MAIL", c.ch.cfg.Command, func() error { return c.client.Mail("<" + cmp.Or(m.Return, c.ch.cfg.From) + ">") }},
		{"RCPT", c.ch.cfg.Command, func() error { return c.client.Rcpt("<" + m.To + ">") }},
		{"DATA", c.ch.cfg.Data, func() error { return c.data(buf) }},
	}
	for _, s := range steps {
		if err := c.client.UpdateDeadline(s.timeout); err != nil {
			c.broken = true
			return fault.Wrap(fault.Unavailable, err, "the connection to the mail server is gone")
		}
		if err := s.do(); err != nil {
			return c.failed(s.what, err)
		}
	}
	return nil
}

func (c *Conn) data(buf *bytes.Buffer) error {
	w, err := c.client.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(buf.Bytes()); err != nil {
		return err
	}
	return w.Close()
}

// failed classifies an error and makes the connection fit for the next mail.
func (c *Conn) failed(step string, err error) error {
	var reply *textproto.Error
	if !errors.As(err, &reply) {
		c.broken = true // the connection is in an unknown state
		return fault.Wrap(fault.Unavailable, err, "the mail server stopped answering at %s", step)
	}
	if reply.Code == 421 {
		c.broken = true
	} else if step != "MAIL" {
		if err := c.client.Reset(); err != nil {
			c.broken = true
		}
	}
	said := fmt.Sprintf("%d %s", reply.Code, short(reply.Msg))
	if reply.Code >= 500 && step != "MAIL" { // a refused sender is our mistake, not the recipient's
		return fault.New(fault.Invalid, "%s: %s", step, said)
	}
	return fault.New(fault.Unavailable, "%s: %s", step, said)
}

func short(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "")
	}
	return s
}
