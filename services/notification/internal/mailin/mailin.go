// SPDX-License-Identifier: EUPL-1.2

// Package mailin takes reports about undelivered mails from the operator's own
// mail server, by SMTP. It takes nothing else: only the empty sender, only
// return addresses of ours, small messages, few connections.
package mailin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/notification/internal/bounce"
	"github.com/thueringencert/leitstelle/shared/fault"
)

const (
	maxBytes = 1 << 20
	maxConns = 20
	timeout  = 30 * time.Second
	takes    = 10 * time.Second // what noting a report may last
)

// Listener takes reports.
type Listener struct {
	Addresses bounce.Addresses
	// Bounced notes that a delivery did not arrive. NotFound is nobody's mail any
	// more, Unavailable asks the mail server to come again.
	Bounced func(ctx context.Context, delivery, reason string) error
	Host    string // own name in the greeting
	Log     *zap.Logger

	open atomic.Int32
}

// Serve takes reports on l until ctx ends, and closes it.
func (x *Listener) Serve(ctx context.Context, l net.Listener) error {
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		if x.open.Add(1) > maxConns {
			x.open.Add(-1)
			return nil, &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "too many connections"}
		}
		return &session{x: x, ctx: ctx}, nil
	}))
	server.Domain, server.MaxMessageBytes, server.MaxRecipients = x.Host, maxBytes, 10
	server.ReadTimeout, server.WriteTimeout = timeout, timeout
	server.ErrorLog = log.New(io.Discard, "", 0)
	stop := context.AfterFunc(ctx, func() { _ = l.Close(); _ = server.Close() })
	defer stop()
	if err := server.Serve(l); err != nil && ctx.Err() == nil && !errors.Is(err, smtp.ErrServerClosed) {
		return fmt.Errorf("take reports of mail servers: %w", err)
	}
	return nil
}

// session is one connection.
type session struct {
	x          *Listener
	ctx        context.Context
	deliveries []string
}

// Mail takes only the empty sender: a report never answers a report (RFC 5321 §4.5.5).
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if from != "" {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "only reports about mails are taken here"}
	}
	return nil
}

// Rcpt takes only return addresses of ours.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	id, ok := s.x.Addresses.Delivery(to)
	if !ok {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such return address"}
	}
	s.deliveries = append(s.deliveries, id)
	return nil
}

// Data reads the report. What says nothing is taken and forgotten.
func (s *session) Data(r io.Reader) error {
	reason, failed, err := bounce.Read(r)
	_, _ = io.Copy(io.Discard, r) // the rest: who sends in chunks (BDAT) would be told that it failed
	if err != nil || !failed {
		s.x.Log.Debug("mailin: a message that reports no failure", zap.Error(err))
		return nil
	}
	ctx, cancel := context.WithTimeout(s.ctx, takes)
	defer cancel()
	for _, id := range s.deliveries {
		if err := s.x.Bounced(ctx, id, reason); err != nil && !fault.Is(err, fault.NotFound) {
			s.x.Log.Warn("mailin: a report has to come again", zap.String("delivery", id), zap.Error(err))
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "please come again"}
		}
	}
	return nil
}

// Reset forgets the envelope.
func (s *session) Reset() { s.deliveries = nil }

// Logout ends the connection.
func (s *session) Logout() error {
	s.x.open.Add(-1)
	return nil
}
