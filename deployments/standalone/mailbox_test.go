// SPDX-License-Identifier: EUPL-1.2

package standalone

import (
	"net/http/httptest"
	"net/smtp"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/devstack/mailsink"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/page/pagetest"
)

// The mailbox shows what came in, newest first, and one mail as it was sent;
// what a mail says is text and never markup.
func TestTheMailboxLooksAsBefore(t *testing.T) {
	t.Parallel()
	noon := func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }
	sink, err := mailsink.Start(mailsink.Options{Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sink.Close)
	h, err := newMailbox(sink, pagetest.Site(), noon)
	if err != nil {
		t.Fatal(err)
	}
	see := func(name, path string) {
		t.Helper()
		for _, lang := range page.Languages() {
			req := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
			if lang == "en" {
				req.Header.Set("X-Forwarded-Prefix", "/en")
			}
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, req)
			pagetest.Golden(t, name+"."+lang, rec.Body.Bytes())
		}
	}
	see("postfach-leer", "/postfach")
	for _, subject := range []string{"Eingangsbestätigung M-2026-000001", "<script>alert(1)</script>"} {
		text := "From: Lagezentrum <lagezentrum@example.org>\r\nTo: kim@klettbach.example\r\nSubject: " + subject +
			"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGuten Tag,\r\n\r\n<b>Ihre Meldung</b> ist da.\r\n"
		if err := smtp.SendMail(sink.Addr(), nil, "lagezentrum@example.org", []string{"kim@klettbach.example"}, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	see("postfach", "/postfach")
	see("postfach-mail", "/postfach/2")
	see("postfach-nichts", "/postfach/99")
}
