// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/devstack/mailsink"
)

// sendBare is the program that the alert is compared with: what one writes first
// with go-mail. It sends the same texts to the same people over mailConns
// connections, each reused for all its mails, and notes nothing anywhere.
func sendBare(ctx context.Context, addr string, mails []mailsink.Message) (time.Duration, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return 0, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return 0, err
	}
	texts := make([]bareMail, len(mails)) // read before the clock runs
	for i, m := range mails {
		texts[i] = bareMail{to: m.To[0], subject: m.Header("Subject"), text: m.Text()}
	}
	start := time.Now()
	errs := make([]error, mailConns)
	var wg sync.WaitGroup
	for i := range mailConns {
		wg.Go(func() {
			var own []bareMail
			for j := i; j < len(texts); j += mailConns {
				own = append(own, texts[j])
			}
			errs[i] = sendOver(ctx, host, number, own)
		})
	}
	wg.Wait()
	return time.Since(start), errors.Join(errs...)
}

type bareMail struct{ to, subject, text string }

// sendOver sends mails over one connection.
func sendOver(ctx context.Context, host string, port int, mails []bareMail) error {
	client, err := mail.NewClient(host, mail.WithPort(port), mail.WithTLSPolicy(mail.NoTLS), mail.WithHELO("localhost"))
	if err != nil {
		return err
	}
	if err := client.DialWithContext(ctx); err != nil {
		return err
	}
	site := standalone.Site()
	for _, m := range mails {
		msg := mail.NewMsg()
		if err := errors.Join(msg.FromFormat(site.Operator, site.Mail), msg.To(m.to)); err != nil {
			return err
		}
		msg.Subject(m.subject)
		msg.SetDate()
		msg.SetMessageID()
		msg.SetBodyString(mail.TypeTextPlain, m.text)
		if err := client.Send(msg); err != nil {
			return err
		}
	}
	return client.Close()
}
