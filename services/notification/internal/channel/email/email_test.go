// SPDX-License-Identifier: EUPL-1.2

package email_test

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/notification/internal/channel/email"
	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/shared/devstack/mailsink"
	"github.com/thueringencert/leitstelle/shared/fault"
)

func at() time.Time { return time.Date(2026, 11, 22, 6, 12, 0, 0, time.UTC) }

func setup(t *testing.T, command time.Duration) (*email.Conn, *mailsink.Sink) {
	t.Helper()
	sink, err := mailsink.Start(mailsink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sink.Close)
	host, port, err := net.SplitHostPort(sink.Addr())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	ch, err := email.New(email.Config{
		Host: host, Port: n, TLS: "none", From: "lagezentrum@cert.example", FromName: "ThüringenCERT",
		ReplyTo: "antwort@cert.example", Helo: "localhost", Command: command,
	}, at)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ch.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, sink
}

func TestAMailCarriesTheHeadersOfAMachine(t *testing.T) {
	t.Parallel()
	c, sink := setup(t, 0)
	m := message.Mail{
		To: "it@stadt.example", Subject: "[KRITISCH] Lücke", Text: "Für Sie: ein langer Satz, der am Ende der Zeile noch nicht \nzu Ende ist.\n",
		MessageID: "abc@cert.example", ListID: "warnungen.cert.example", Alert: "W-2026-0018", Urgent: true,
	}
	if err := c.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got := sink.Messages("it@stadt.example")
	if len(got) != 1 {
		t.Fatalf("%d messages, want 1", len(got))
	}
	for name, want := range map[string]string{
		"Subject": "[KRITISCH] Lücke", "Message-Id": "<abc@cert.example>", "Auto-Submitted": "auto-generated", "List-Id": "<warnungen.cert.example>",
		"To": "<it@stadt.example>", "From": `ThüringenCERT <lagezentrum@cert.example>`, "Reply-To": "<antwort@cert.example>",
		"Content-Type": "text/plain; format=flowed; charset=UTF-8", "X-Cert-Warnung": "W-2026-0018", "Date": "Sun, 22 Nov 2026 06:12:00 +0000", "Importance": "high",
	} {
		if h := strings.ReplaceAll(got[0].Header(name), `"`, ""); h != want {
			t.Errorf("%s: %q, want %q", name, h, want)
		}
	}
	if got[0].Text() != m.Text {
		t.Errorf("text = %q, want %q", got[0].Text(), m.Text)
	}
}

// D22: whatever stands in a subject, a text or an address: exactly one message
// with the expected envelope and no header of somebody else's.
func TestD22NoTextBecomesAHeaderOrACommand(t *testing.T) {
	t.Parallel()
	corpus := []string{
		"a\r\nBcc: evil@x.example", "a\nBcc: evil@x.example", "a\rBcc: evil@x.example", "a\x00b", "a\u2028Bcc: evil@x.example",
		"=?utf-8?q?a=0D=0ABcc:_evil@x.example?=", "a\r\n\r\nzweiter Körper", "\r\n.\r\nMAIL FROM:<evil@x.example>\r\n", "\n.\nRSET\n", ".\r\n", "..",
		strings.Repeat("ü", 5000), "\u202eetrevrev", "раypal", "a\x0bb\x0c", "\xff\xfe", "From evil", "--=_boundary",
	}
	c, sink := setup(t, 0)
	for i, text := range corpus {
		to := "p" + strconv.Itoa(i) + "@stadt.example"
		if err := c.Send(t.Context(), message.Mail{To: to, Subject: text, Text: "Anfang\n" + text + "\nEnde\n", MessageID: strconv.Itoa(i) + "@cert.example"}); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		got := sink.Messages(to)
		if len(got) != 1 || len(got[0].To) != 1 || got[0].From != "lagezentrum@cert.example" {
			t.Errorf("%q: %d messages %+v, want one with one recipient", text, len(got), got)
			continue
		}
		if len(got[0].Values("Bcc")) > 0 || len(got[0].Values("Subject")) != 1 || len(got[0].Values("Message-Id")) != 1 {
			t.Errorf("%q: headers\n%s", text, got[0].Raw)
		}
		if !strings.Contains(got[0].Text(), "Ende") {
			t.Errorf("%q cut the message:\n%s", text, got[0].Raw)
		}
	}
	if n := len(sink.Messages("")); n != len(corpus) {
		t.Errorf("%d messages for %d mails", n, len(corpus))
	}
	for _, to := range []string{`"a> BCC:x"@y.example`, "a@x.example>\r\nRCPT TO:<evil@x.example", "a@x.example, evil@x.example", "a@x.example SIZE=1", "<a@x.example>", "ä@x.example"} {
		if err := c.Send(t.Context(), message.Mail{To: to, Subject: "x", Text: "x", MessageID: "x@cert.example"}); !fault.Is(err, fault.Invalid) {
			t.Errorf("recipient %q = %v, want Invalid", to, err)
		}
	}
	for _, m := range sink.Messages("") {
		for _, to := range m.To {
			if strings.Contains(to, "evil") {
				t.Errorf("a mail went to %q", to)
			}
		}
	}
	if err := c.Send(t.Context(), message.Mail{To: "ok@stadt.example", Subject: "x", Text: "x", MessageID: "y@cert.example"}); err != nil && !c.Broken() {
		t.Errorf("the connection is unusable and says nothing: %v", err)
	}
}

func TestAnswersAreClassified(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		stage  mailsink.Stage
		code   int
		want   fault.Kind
		broken bool
	}{
		"5xx at RCPT gives up":                    {mailsink.Rcpt, 550, fault.Invalid, false},
		"4xx at RCPT waits":                       {mailsink.Rcpt, 451, fault.Unavailable, false},
		"5xx after the text gives up":             {mailsink.Data, 554, fault.Invalid, false},
		"4xx after the text waits":                {mailsink.Data, 452, fault.Unavailable, false},
		"a refused sender is not the recipient's": {mailsink.Mail, 550, fault.Unavailable, false},
		"421 ends the connection":                 {mailsink.Rcpt, 421, fault.Unavailable, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, sink := setup(t, 0)
			sink.Script(func(cmd mailsink.Command) mailsink.Reply {
				if cmd.Stage == tt.stage {
					return mailsink.Reply{Code: tt.code}
				}
				return mailsink.Reply{}
			})
			m := message.Mail{To: "it@stadt.example", Subject: "x", Text: "x", MessageID: "x@cert.example"}
			if err := c.Send(t.Context(), m); fault.KindOf(err) != tt.want || c.Broken() != tt.broken {
				t.Errorf("Send = %v, broken %v; want %s, %v", err, c.Broken(), tt.want, tt.broken)
			}
			sink.Script(nil)
			if !tt.broken {
				if err := c.Send(t.Context(), m); err != nil {
					t.Errorf("the next mail on the same connection: %v", err)
				}
			}
		})
	}
}

func TestASilentServerIsLeft(t *testing.T) {
	t.Parallel()
	c, sink := setup(t, 200*time.Millisecond)
	wait := make(chan struct{})
	defer close(wait)
	sink.Script(func(mailsink.Command) mailsink.Reply { return mailsink.Reply{Wait: wait} })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	err := c.Send(ctx, message.Mail{To: "it@stadt.example", Subject: "x", Text: "x", MessageID: "x@cert.example"})
	if !fault.Is(err, fault.Unavailable) || !c.Broken() || ctx.Err() != nil {
		t.Errorf("Send = %v, broken %v; want to give up this connection soon", err, c.Broken())
	}
}

func TestMailWithoutTLSStaysOnTheMachine(t *testing.T) {
	t.Parallel()
	for _, cfg := range []email.Config{{Host: "mail.example.org", TLS: "none"}, {Host: "mail.example.org", TLS: "perhaps"}, {Host: "127.0.0.1", TLS: "none", From: "a@b>\r\n"}} {
		if _, err := email.New(cfg, at); err == nil {
			t.Errorf("%+v was accepted", cfg)
		}
	}
}
