// SPDX-License-Identifier: EUPL-1.2

package standalone

import (
	"context"
	"net/smtp"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/devstack/mailsink"
)

// LostDomain is where no mail of the demo arrives: the mail server takes it and
// reports later that nobody is there, as those of the real world do.
const LostDomain = "@unzustellbar.example"

// lost is a mail that comes back, by its return address.
type lost struct{ back, to string }

// relays lets the mail server of the demo return what goes to LostDomain.
func (s *System) relays(reports string) {
	s.returned, s.reports = make(chan lost, 100), reports
	s.Mail.Script(func(c mailsink.Command) mailsink.Reply {
		if c.Stage == mailsink.Data && strings.HasSuffix(strings.ToLower(c.To), LostDomain) {
			select {
			case s.returned <- lost{c.From, c.To}:
			default: // more than the demo ever sends
			}
		}
		return mailsink.Reply{}
	})
}

// returns hands the reports over until ctx ends; one that is not taken yet comes
// again, as mail servers do.
func (s *System) returns(ctx context.Context) error {
	again := time.NewTicker(500 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case l := <-s.returned:
			for tries := 0; ; tries++ {
				err := smtp.SendMail(s.reports, nil, "", []string{l.back}, []byte(reportOf(l.to)))
				if err == nil || ctx.Err() != nil {
					break
				}
				if tries == 20 {
					s.Options.Log.Warn("standalone: nobody takes the report about a lost mail", zap.Error(err))
					break
				}
				select {
				case <-ctx.Done():
				case <-again.C:
				}
			}
		}
	}
}

// reportOf is what a mail server says of a mail that nobody gets (RFC 3464).
func reportOf(to string) string {
	return strings.ReplaceAll("From: MAILER-DAEMON@relay.example\nSubject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\n"+
		"Content-Type: multipart/report; report-type=delivery-status; boundary=B\n\n"+
		"--B\nContent-Type: text/plain\n\nThe mail could not be delivered.\n\n"+
		"--B\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; relay.example\n\n"+
		"Final-Recipient: rfc822; "+to+"\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 mailbox unavailable\n\n--B--\n", "\n", "\r\n")
}
