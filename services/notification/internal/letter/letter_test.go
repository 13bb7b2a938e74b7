// SPDX-License-Identifier: EUPL-1.2

package letter_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/services/notification/internal/letter"
	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/shared/event"
)

var update = flag.Bool("update", false, "write the goldens anew")

type words struct{}

func (words) Word(lang, _, id string) string {
	if lang == "en" {
		return map[string]string{"critical": "Critical"}[id]
	}
	return map[string]string{"critical": "Kritisch"}[id]
}

func writer(t *testing.T) *letter.Writer {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	w, err := letter.New(letter.Site{
		Operator: "ThüringenCERT", Phone: "0361 000 00 00", URL: "https://cert.example.org", MailHost: "cert.example.org",
		InvitationPath: "/konto/einladung/",
	}, alert.Keyring{Key: []byte("golden")}, words{}, func(id string) string { return "Stadt " + id }, loc)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

var at = time.Date(2026, 11, 22, 6, 12, 0, 0, time.UTC)

func data(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func sample(label string) alert.MailData {
	due := at.Add(11 * time.Hour)
	return alert.MailData{Changes: "Version 7.4.3 ist verfügbar, Schritt 3 ergänzt.", Alert: event.Alert{
		ID: "a", Reference: "W-2026-0018", Version: 2, State: "published",
		Title: "Lücke im Muster-VPN-Gateway wird ausgenutzt", Summary: "Angreifer können ohne Anmeldung in Ihr Netz gelangen. Prüfen Sie heute, ob Sie das Gerät einsetzen.",
		Text:     "1. Prüfen, ob das Gerät im Einsatz ist (auch Schulen, Dienstleister, Außenstellen und Zweckverbände).\n   Verwundbar: 7.0 bis 7.4.2\n2. Update einspielen.\nFrom hier an ist nichts mehr zu tun.",
		Severity: "critical", WarningLevel: 3, TLP: label, Products: []event.Product{{Name: "Muster-VPN", Versions: "7.0 bis 7.4.2"}}, CVEs: []string{"CVE-2026-12345"},
		Poll: &event.Poll{Question: "Setzen Sie das Gerät ein?", DueAt: &due}, PublishedAt: at,
	}}
}

func TestLetters(t *testing.T) {
	t.Parallel()
	due := at.Add(time.Hour)
	exercise := sample("GREEN")
	exercise.Exercise = true
	over := sample("GREEN")
	over.State = "withdrawn"
	salt := []byte("0123456789abcdef")
	officer := message.Delivery{ID: "d", Recipient: "it@stadt.example", Name: "Kim Muster", Bodies: []string{"Musterhausen"}, Salt: salt}
	member := message.Delivery{ID: "d", Recipient: "it@stadt.example", Name: "Kim Muster", Organisation: "Musterhausen"}
	provider := message.Delivery{ID: "d", Recipient: "x@kiv.example", Bodies: []string{"A", "B"}, Principals: []string{"A", "B"}, Salt: salt}
	for name, tt := range map[string]struct {
		notice message.Notice
		to     message.Delivery
	}{
		"receipt":         {message.Notice{Kind: message.Receipt, Data: data(message.ReceiptData{Reference: "M-2026-000123", What: "ransomware", ReceivedAt: at, CallbackBy: due})}, officer},
		"receipt-tip":     {message.Notice{Kind: message.Receipt, Data: data(message.ReceiptData{Reference: "M-2026-000123", What: "tip", ReceivedAt: at})}, officer},
		"question":        {message.Notice{Kind: message.Question, Data: data(message.QuestionData{Reference: "M-2026-000123", Case: "V-2026-000147", TLP: "AMBER"})}, officer},
		"question-bundle": {message.Notice{Kind: message.Question, Data: data(message.QuestionData{Reference: "M-2026-000123", TLP: "AMBER", Bundle: true, Several: true})}, officer},
		"question-strict": {message.Notice{Kind: message.Question, Data: data(message.QuestionData{Reference: "M-2026-000123", TLP: "AMBER+STRICT"})}, officer},
		"on-call":         {message.Notice{Kind: message.OnCall, Data: data(message.OnCallData{Reference: "V-2026-000147", OpenedAt: at, DueAt: &due})}, officer},
		"receipt-many":    {message.Notice{Kind: message.Receipt, Data: data(message.ReceiptData{Reference: "M-2026-000123", What: "ransomware", ReceivedAt: at, CallbackBy: due, Bodies: 72})}, officer},
		"on-call-many":    {message.Notice{Kind: message.OnCall, Data: data(message.OnCallData{Reference: "V-2026-000147", Campaign: "L-2026-0007", OpenedAt: at, DueAt: &due})}, officer},
		"reported":        {message.Notice{Kind: message.Reported, Data: data(message.ReportedData{Reference: "M-2026-000123", Agent: "KIV Thüringen GmbH", ReceivedAt: at, Open: true})}, member},
		"reported-strict": {message.Notice{Kind: message.Reported, Data: data(message.ReportedData{Reference: "M-2026-000123", ReceivedAt: at})}, member},
		"copy":            {message.Notice{Kind: message.Copy, Data: data(message.CopyData{Reference: "M-2026-000123", Case: "V-2026-000147", Agent: "KIV Thüringen GmbH", Open: true})}, member},
		"copy-strict":     {message.Notice{Kind: message.Copy, Data: data(message.CopyData{Reference: "M-2026-000123"})}, member},
		"invitation":      {message.Notice{Kind: message.Invitation, Data: data(message.InvitationData{Organisation: "Stadt Musterhausen", Token: "token", ExpiresAt: due})}, officer},
		"alert-green":     {message.Notice{Kind: message.Alert, Data: data(sample("GREEN"))}, officer},
		"alert-amber":     {message.Notice{Kind: message.Alert, Data: data(sample("AMBER"))}, officer},
		"alert-strict":    {message.Notice{Kind: message.Alert, Data: data(sample("AMBER+STRICT"))}, officer},
		"alert-red":       {message.Notice{Kind: message.Alert, Data: data(sample("RED"))}, officer},
		"alert-mandated":  {message.Notice{Kind: message.Alert, Data: data(exercise)}, provider},
		"all-clear":       {message.Notice{Kind: message.AllClear, Data: data(over)}, officer},
	} {
		for _, lang := range []string{"de", "en"} {
			t.Run(name+"/"+lang, func(t *testing.T) {
				t.Parallel()
				to := tt.to
				to.Language = lang
				m, err := writer(t).Compose(tt.notice, to)
				if err != nil {
					t.Fatal(err)
				}
				narrow(t, m.Text)
				golden(t, name+"."+lang, "Subject: "+m.Subject+"\nList-Id: "+m.ListID+"\n\n"+m.Text)
			})
		}
	}
}

// Adding a kind of notice is adding its words in both languages; one without
// words still gets a mail.
func TestNotices(t *testing.T) {
	t.Parallel()
	until := at.Add(48 * time.Hour)
	kinds := writer(t).NoticeKinds("de")
	if diff := cmp.Diff(sorted(kinds), sorted(writer(t).NoticeKinds("en"))); diff != "" {
		t.Fatalf("kinds with German and with English words (-de +en):\n%s", diff)
	}
	all := map[string]string{
		"principal": "Gemeinde Klettbach", "agent": "KIV Thüringen GmbH", "from": "2026-12-01T00:00:00+01:00", "to": "2028-11-30T23:00:00Z",
		"count": "72", "at": "2026-11-22T06:12:00Z", "left": "7", "what": "fünf falsche Kennwörter", "contact": "it@klettbach.example", "service": "Phishing-Übung",
	}
	for _, kind := range append(kinds, "something_new") {
		for _, lang := range []string{"de", "en"} {
			for name, w := range map[string]message.WantedData{
				kind:           {Kind: kind, Organisation: "Gemeinde Klettbach", Path: "/verzeichnis/seite?t=token", Words: all, ExpiresAt: &until},
				kind + "-bare": {Kind: kind},
			} {
				m, err := writer(t).Compose(message.Notice{Kind: message.Wanted, Data: data(w)}, message.Delivery{ID: "d", Recipient: "it@stadt.example", Name: "Kim Muster", Language: lang})
				if err != nil {
					t.Fatal(err)
				}
				narrow(t, m.Text)
				if name == kind {
					golden(t, "notice-"+name+"."+lang, "Subject: "+m.Subject+"\n\n"+m.Text)
				}
			}
		}
	}
}

func TestAWordOfANoticeEndsNoLine(t *testing.T) {
	t.Parallel()
	m, err := writer(t).Compose(message.Notice{Kind: message.Wanted, Data: data(message.WantedData{
		Kind: "mandate_granted", Path: "/verzeichnis",
		Words: map[string]string{"principal": "Stadt\r\nBcc: x@y.example\r\n\r\n{{site.Phone}}", "agent": "\u202eKIV"},
	})}, message.Delivery{ID: "d", Recipient: "it@stadt.example", Name: "Kim\r\n.\r\nMuster", Language: "xx"})
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(m.Subject, "\r\n\u202e") || strings.Contains(m.Text, "\n.") || strings.Contains(m.Text, "\nBcc") || !strings.Contains(m.Text, "Guten Tag Kim . Muster") {
		t.Errorf("Subject: %q\n%s", m.Subject, m.Text)
	}
}

func sorted(list []string) []string { slices.Sort(list); return list }

func narrow(t *testing.T, text string) {
	t.Helper()
	for line := range strings.SplitSeq(text, "\n") {
		if utf8.RuneCountInString(line) > 72 && !strings.Contains(line, "https://") {
			t.Errorf("line of %d columns: %q", utf8.RuneCountInString(line), line)
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// TLP decides what a mail may say (reliability §2.5).
func TestNothingLeavesThatTheLabelForbids(t *testing.T) {
	t.Parallel()
	for label, want := range map[string]struct{ text, title, number, link bool }{
		"CLEAR": {true, true, true, true}, "GREEN": {true, true, true, true}, "AMBER": {false, true, true, true},
		"AMBER+STRICT": {}, "RED": {}, "nonsense": {},
	} {
		m, err := writer(t).Compose(message.Notice{Kind: message.Alert, Data: data(sample(label))},
			message.Delivery{ID: "d", Language: "de", Recipient: "it@stadt.example", Bodies: []string{"Musterhausen"}, Salt: []byte("0123456789abcdef")})
		if err != nil {
			t.Fatal(err)
		}
		all := m.Subject + "\n" + m.Text + m.Alert
		for what, pair := range map[string][2]bool{
			"text":   {strings.Contains(all, "Angreifer") || strings.Contains(all, "CVE-2026"), want.text},
			"title":  {strings.Contains(all, "Muster-VPN"), want.title},
			"number": {strings.Contains(all, "W-2026-0018"), want.number},
			"link":   {strings.Contains(all, "?e="), want.link},
		} {
			if pair[0] != pair[1] {
				t.Errorf("TLP:%s: mail holds the %s: %v, want %v\n%s", label, what, pair[0], pair[1], all)
			}
		}
	}
}

func TestOneLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Lücke\r\nBcc: x@y.example": "Lücke Bcc: x@y.example", "a\x00b": "a b", "a\u2028b\u2029c": "a b c", "a\u202eb": "ab", "  a  b ": "a b", "a\tb": "a b",
	} {
		if got := letter.OneLine(in); got != want {
			t.Errorf("OneLine(%q) = %q, want %q", in, got, want)
		}
	}
}
