// SPDX-License-Identifier: EUPL-1.2

package bounce_test

import (
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/services/notification/internal/bounce"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// reported is what Postfix sends back.
const reported = "From: MAILER-DAEMON@relay.example\r\nTo: bounce@cert.example\r\nSubject: Undelivered Mail Returned to Sender\r\n" +
	"Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"B/relay\"\r\n\r\n" +
	"--B/relay\r\nContent-Type: text/plain\r\n\r\nI'm sorry\r\n" +
	"--B/relay\r\nContent-Type: message/delivery-status\r\n\r\n" +
	"Reporting-MTA: dns; relay.example\r\nX-Postfix-Queue-ID: 4Abc\r\n\r\n" +
	"Final-Recipient: rfc822; weg@stadt.example\r\nAction: ACTION\r\nStatus: 5.1.1\r\n" +
	"Diagnostic-Code: smtp; 550 5.1.1 <weg@stadt.example>:\r\n    User unknown\r\n\r\n" +
	"--B/relay\r\nContent-Type: message/rfc822\r\n\r\nSubject: Warnung\r\n\r\nText\r\n--B/relay--\r\n"

func TestAReportOfAMailServerSaysWhy(t *testing.T) {
	t.Parallel()
	fails := strings.Replace(reported, "ACTION", "failed", 1)
	for name, tt := range map[string]struct {
		raw    string
		reason string
		failed bool
	}{
		"not delivered":         {fails, "5.1.1 550 5.1.1 <weg@stadt.example>: User unknown", true},
		"only late":             {strings.Replace(reported, "ACTION", "delayed", 1), "", false},
		"delivered":             {strings.Replace(reported, "ACTION", "delivered", 1), "", false},
		"a notice of absence":   {"Auto-Submitted: auto-replied\r\nSubject: Abwesend\r\n\r\nAction: failed\r\n", "", false},
		"another kind":          {strings.Replace(fails, "report-type=delivery-status", "report-type=disposition-notification", 1), "", false},
		"cut in the middle":     {fails[:strings.Index(fails, "Final-Recipient")], "", false},
		"no boundary":           {strings.Replace(fails, `boundary="B/relay"`, "x=y", 1), "", false},
		"a status that is none": {strings.Replace(fails, "Reporting-MTA: dns; relay.example\r\n", "\x00\x01\r\n", 1), "", false},
		"nothing said":          {strings.NewReplacer("Status: 5.1.1\r\n", "", "Diagnostic-Code: smtp; 550 5.1.1 <weg@stadt.example>:\r\n    User unknown\r\n", "").Replace(fails), "not delivered", true},
		"signs that do harm":    {strings.Replace(fails, "User unknown", "\u202e<script>", 1), "5.1.1 550 5.1.1 <weg@stadt.example>: <script>", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reason, failed, err := bounce.Read(strings.NewReader(tt.raw))
			if err != nil || failed != tt.failed || reason != tt.reason {
				t.Errorf("Read = %q, %v, %v; want %q, %v", reason, failed, err, tt.reason, tt.failed)
			}
		})
	}
	if _, _, err := bounce.Read(strings.NewReader("no header at all")); !fault.Is(err, fault.Invalid) {
		t.Errorf("what is no mail = %v, want Invalid", err)
	}
}

func TestAReturnAddressCannotBeForged(t *testing.T) {
	t.Parallel()
	a := bounce.Addresses{Base: "bounce@cert.example", Key: []byte("key")}
	id, other := event.NewID(), event.NewID()
	address := a.Of(id)
	if local, _, _ := strings.Cut(address, "@"); len(local) > 64 {
		t.Errorf("%s: the local part is longer than 64 (RFC 5321 §4.5.3.1)", address)
	}
	if got, ok := a.Delivery(strings.ToUpper(address)); !ok || got != id {
		t.Errorf("Delivery(%s) = %s, %v; want %s", address, got, ok, id)
	}
	swapped := strings.ReplaceAll(address, strings.ReplaceAll(id, "-", ""), strings.ReplaceAll(other, "-", ""))
	for _, bad := range []string{"", "bounce@cert.example", "bounce+@cert.example", swapped, address + ".evil.example", "x" + address, strings.Replace(address, "@cert", "@evil", 1), address[:len(address)-14] + "@cert.example"} {
		if got, ok := a.Delivery(bad); ok {
			t.Errorf("%q stands for %s", bad, got)
		}
	}
	if _, ok := (bounce.Addresses{Base: "bounce@cert.example", Key: []byte("another")}).Delivery(address); ok {
		t.Error("an address of another key is taken")
	}
	if _, ok := (bounce.Addresses{}).Delivery(address); ok {
		t.Error("without return addresses one is taken")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(strings.Replace(reported, "ACTION", "failed", 1))
	f.Add("Content-Type: multipart/report; report-type=delivery-status; boundary=a\r\n\r\n--a\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed")
	f.Fuzz(func(t *testing.T, raw string) {
		reason, failed, _ := bounce.Read(strings.NewReader(raw))
		if len(reason) > 200 || failed == (reason == "") || strings.ContainsAny(reason, "\r\n\x00") {
			t.Errorf("%q, %v of %q", reason, failed, raw)
		}
	})
}
