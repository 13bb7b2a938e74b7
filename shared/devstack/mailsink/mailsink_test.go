// SPDX-License-Identifier: EUPL-1.2

package mailsink_test

import (
	"net/smtp"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/devstack/mailsink"
)

const sample = "Subject: =?utf-8?q?Pr=C3=BCfung?=\r\nContent-Type: text/plain; charset=utf-8\r\n" +
	"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n"

func TestASinkKeepsWhatItGetsAndAnswersAsTold(t *testing.T) {
	t.Parallel()
	s, err := mailsink.Start(mailsink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := smtp.SendMail(s.Addr(), nil, "a@x.example", []string{"b@y.example"}, []byte(sample)); err != nil {
		t.Fatal(err)
	}
	m := s.Messages("B@y.example")
	if len(m) != 1 || m[0].Subject() != "Prüfung" || m[0].Text() != "Grüße\n" {
		t.Fatalf("messages = %+v, want the one that was sent", m)
	}
	s.Script(func(c mailsink.Command) mailsink.Reply {
		if c.Stage == mailsink.Rcpt {
			return mailsink.Reply{Code: 550}
		}
		return mailsink.Reply{}
	})
	if err := smtp.SendMail(s.Addr(), nil, "a@x.example", []string{"b@y.example"}, []byte(sample)); err == nil {
		t.Error("a refused recipient was accepted")
	}
	s.Close()
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	s.Script(nil)
	devstack.Eventually(t, 5*time.Second, "open again", func() bool {
		return smtp.SendMail(s.Addr(), nil, "a@x.example", []string{"b@y.example"}, []byte(sample)) == nil
	})
	if got := len(s.Messages("")); got != 2 {
		t.Errorf("%d messages, want those before and after", got)
	}
}
