// SPDX-License-Identifier: EUPL-1.2

package notification_test

import (
	"encoding/json"
	"net/smtp"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/notification"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/page/pagetest"
	"github.com/thueringencert/leitstelle/shared/service"
)

// undelivered is the report of a mail server (RFC 3464).
const undelivered = "From: MAILER-DAEMON@relay.example\r\nSubject: Undelivered Mail\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/report; report-type=delivery-status; boundary=B\r\n\r\n" +
	"--B\r\nContent-Type: text/plain\r\n\r\nsorry\r\n--B\r\nContent-Type: message/delivery-status\r\n\r\n" +
	"Reporting-MTA: dns; relay.example\r\n\r\nFinal-Recipient: rfc822; officer@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n" +
	"Diagnostic-Code: smtp; 550 User unknown\r\n\r\n--B--\r\n"

// A relay takes every mail and reports later what it could not deliver. That is
// a bounce on the desk's list and news for the directory, once.
func TestAMailThatComesBackIsABounce(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	a := e.released(draft)
	e.count(sentTo("alert", "officer@example.org", "sent"), 1)
	back := e.mails("officer@example.org", 1)[0].From
	if !strings.HasPrefix(back, "bounce+") || !strings.HasSuffix(back, "@cert.example.org") {
		t.Fatalf("the mail comes back to %s, want an address of its own", back)
	}
	if other := e.mails("provider@example.org", 1)[0].From; other == back {
		t.Error("two mails come back to the same address")
	}
	absence := "Auto-Submitted: auto-replied\r\nSubject: Abwesend\r\n\r\nBis Montag.\r\n"
	for name, tt := range map[string]struct {
		from, to, raw string
		refused       bool
	}{
		"a notice of absence":     {"", back, absence, false},
		"not from a mail server":  {"evil@x.example", back, undelivered, true},
		"to an address of nobody": {"", "bounce+" + strings.Repeat("0", 32) + "-0123456789abcdef@cert.example.org", undelivered, true},
		"to anybody else":         {"", "officer@example.org", undelivered, true},
	} {
		if err := smtp.SendMail(e.BouncesAt(), nil, tt.from, []string{tt.to}, []byte(tt.raw)); (err != nil) != tt.refused {
			t.Errorf("%s: %v, want refused %v", name, err, tt.refused)
		}
	}
	e.count(`SELECT count(*) FROM deliveries WHERE state = 'bounced'`, 0)
	for range 2 { // the second time is no news
		if err := smtp.SendMail(e.BouncesAt(), nil, "", []string{back}, []byte(undelivered)); err != nil {
			t.Fatal(err)
		}
	}
	e.count(sentTo("alert", "officer@example.org", "bounced"), 1)
	e.count(`SELECT count(*) FROM audit WHERE action = 'delivery.bounced' AND result = 'failed'`, 1)
	var bodies []string
	if err := e.db.Select(&bodies, `SELECT body FROM outbox WHERE type = 'delivery.failed'`); err != nil {
		t.Fatal(err)
	}
	if len(bodies) != 1 {
		t.Fatalf("%d events tell of it, want 1", len(bodies))
	}
	var ev struct{ Data event.DeliveryFailed }
	if err := json.Unmarshal([]byte(bodies[0]), &ev); err != nil {
		t.Fatal(err)
	}
	if d := ev.Data; d.Recipient != "officer@example.org" || d.Organisation != muster || d.Alert != a.ID || d.Reason != "5.1.1 550 User unknown" {
		t.Errorf("the others are told %+v", d)
	}
	if page := e.want(200, request{path: "/warnungen/redaktion/" + a.Reference + "/zustellungen?stand=bounced", cookie: "lead"}).body; !strings.Contains(page, "550 User unknown") {
		t.Error("the desk's list does not say why")
	}
	e.wantChain()
}

func TestBouncesAreSetUpWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	_, url := devstack.NewDB(t)
	for _, x := range [][2]string{{"bounce@cert.example", ""}, {"", "127.0.0.1:0"}, {"Bounce <b@cert.example>", "127.0.0.1:0"}, {"bounce@cert.example", "nowhere"}} {
		_, err := notification.New(t.Context(), notification.Config{
			Config: service.Config{DatabaseURL: url, Site: pagetest.Site()}, AnswerKey: "00112233445566778899aabbccddeeff",
			Mail: notification.Mail{Host: "127.0.0.1", Port: 1, TLS: "none", From: "l@cert.example"}, BounceAddress: x[0], BounceListen: x[1],
		}, service.Deps{Bus: devstack.NewBus(t), Log: zap.NewNop()})
		if err == nil || !strings.Contains(err.Error(), "BOUNCE_") {
			t.Errorf("%v: %v, want a mistake of the configuration", x, err)
		}
	}
}
