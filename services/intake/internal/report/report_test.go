// SPDX-License-Identifier: EUPL-1.2

package report_test

import (
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/event"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func good() report.Submission {
	return report.Submission{Affected: []string{"16071001"}, Content: report.Content{
		What: "ransomware", NoticedAt: noon.Add(-time.Hour), Impact: "high", TLP: "AMBER",
		Callback: event.Contact{Name: "Kim Beispiel", Phone: "0152 000 000 00"},
	}}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*report.Submission)
		want   string // the field with the mistake, "" for none
	}{
		"five fields are enough":              {func(*report.Submission) {}, ""},
		"what happened may be unknown":        {func(s *report.Submission) { s.What = "unknown" }, ""},
		"but not left out":                    {func(s *report.Submission) { s.What = "" }, "what"},
		"nor be something else":               {func(s *report.Submission) { s.What = "fire" }, "what"},
		"the impact may be unknown":           {func(s *report.Submission) { s.Impact = "unknown" }, ""},
		"but not left out either":             {func(s *report.Submission) { s.Impact = "" }, "impact"},
		"a body is needed":                    {func(s *report.Submission) { s.Affected = nil }, "affected"},
		"a typed body will do":                {func(s *report.Submission) { s.Affected, s.AffectedText = nil, "Wasserwerk" }, ""},
		"too many bodies are too many":        {func(s *report.Submission) { s.Affected = make([]string, report.MaxAffected+1) }, "affected"},
		"noticed just now, by a fast clock":   {func(s *report.Submission) { s.NoticedAt = noon.Add(5 * time.Minute) }, ""},
		"not noticed tomorrow":                {func(s *report.Submission) { s.NoticedAt = noon.Add(24 * time.Hour) }, "noticed_at"},
		"not noticed in the last century":     {func(s *report.Submission) { s.NoticedAt = noon.AddDate(-50, 0, 0) }, "noticed_at"},
		"a time is needed":                    {func(s *report.Submission) { s.NoticedAt = time.Time{} }, "noticed_at"},
		"a name is needed":                    {func(s *report.Submission) { s.Callback.Name = "" }, "callback.name"},
		"a name is one line":                  {func(s *report.Submission) { s.Callback.Name = "a\nb" }, "callback.name"},
		"a phone number is needed":            {func(s *report.Submission) { s.Callback.Phone = "" }, "callback.phone"},
		"with an area code":                   {func(s *report.Submission) { s.Callback.Phone = "4711" }, "callback.phone"},
		"in any common spelling":              {func(s *report.Submission) { s.Callback.Phone = "+49 (0)361 / 573-100 App. 12" }, ""},
		"but no formula":                      {func(s *report.Submission) { s.Callback.Phone = "=cmd|' /C calc'!A0123456" }, "callback.phone"},
		"nor an endless one":                  {func(s *report.Submission) { s.Callback.Phone = strings.Repeat("1", 41) }, "callback.phone"},
		"an e-mail address may be left out":   {func(s *report.Submission) { s.Callback.Email = "" }, ""},
		"an e-mail address has an @":          {func(s *report.Submission) { s.Callback.Email = "kim.example.org" }, "callback.email"},
		"and a domain":                        {func(s *report.Submission) { s.Callback.Email = "kim@" }, "callback.email"},
		"and is one":                          {func(s *report.Submission) { s.Callback.Email = "a@b.de,c@d.de" }, "callback.email"},
		"and no header":                       {func(s *report.Submission) { s.Callback.Email = "a@b.de\r\nBcc: x@y.de" }, "callback.email"},
		"umlauts in a domain are fine":        {func(s *report.Submission) { s.Callback.Email = "kim@thüringen.example" }, ""},
		"text may have lines":                 {func(s *report.Submission) { s.Description = "a\n\tb" }, ""},
		"but no escape sequences":             {func(s *report.Submission) { s.Description = "a\x1b[31m" }, "description"},
		"4000 characters are fine":            {func(s *report.Submission) { s.Description = strings.Repeat("ä", 4000) }, ""},
		"one more is not":                     {func(s *report.Submission) { s.Description = strings.Repeat("ä", 4001) }, "description"},
		"only TLP 2.0":                        {func(s *report.Submission) { s.TLP = "PURPLE" }, "tlp"},
		"only known help":                     {func(s *report.Submission) { s.HelpNeeded = []string{"pizza"} }, "help_needed"},
		"only known systems":                  {func(s *report.Submission) { s.Systems = []string{"toaster"} }, "systems"},
		"still running is yes, no or unclear": {func(s *report.Submission) { s.StillRunning = "maybe" }, "still_running"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := good()
			tt.change(&s)
			got := s.Check(noon)
			switch {
			case tt.want == "" && len(got) > 0:
				t.Errorf("mistakes: %+v", got)
			case tt.want != "" && (len(got) == 0 || got[0].Name != tt.want):
				t.Errorf("mistakes %+v, want one at %s", got, tt.want)
			}
			for _, f := range got {
				if !strings.HasPrefix(f.Code, "intake.err.") || f.Detail == "" {
					t.Errorf("field %+v has no words", f)
				}
			}
		})
	}
}

func TestTidy(t *testing.T) {
	t.Parallel()
	s := good()
	s.TLP, s.HelpNeeded, s.Affected = "", []string{"none", "on_site", "on_site"}, []string{" 16071001"}
	s.Callback.Name, s.Description = "  Kim \t Beispiel ", " a\r\nb "
	guest := s
	s.Tidy(false)
	guest.Tidy(true)
	if s.TLP != "AMBER" || guest.TLP != "AMBER+STRICT" {
		t.Errorf("TLP %s and %s", s.TLP, guest.TLP)
	}
	if diff := cmp.Diff([]string{"on_site"}, s.HelpNeeded); diff != "" {
		t.Error(diff)
	}
	if s.Affected[0] != "16071001" || s.Callback.Name != "Kim Beispiel" || s.Description != "a\nb" {
		t.Errorf("%+v", s)
	}
}

func TestCode(t *testing.T) {
	t.Parallel()
	key := []byte("0123456789abcdef")
	code := report.Code(key, "0190a000-0000-7000-8000-000000000001")
	if len(code) != 10 || code != report.Code(key, "0190a000-0000-7000-8000-000000000001") || code == report.Code(key, "0190a000-0000-7000-8000-000000000002") {
		t.Errorf("code %q", code)
	}
	if strings.ContainsAny(code+report.NewCode(), "ILOU") {
		t.Error("a code has a letter that is mistaken for a digit")
	}
	for typed, want := range map[string]string{
		"7K4-9QD-M2XT": "7K49QDM2XT", "7k49qdm2xt": "7K49QDM2XT", " 7k4 9qd m2xt ": "7K49QDM2XT", "oil-abc-defg": "011ABCDEFG", "7K4–9QD–M2XT": "7K49QDM2XT",
		"": "", "7K4-9QD-M2X": "", "7K4-9QD-M2XTA": "", "7U4-9QD-M2XT": "", "7K4-9QD-M2X!": "", strings.Repeat("A", 1000): "",
	} {
		got, ok := report.ParseCode(typed)
		if ok != (want != "") || ok && got != want {
			t.Errorf("ParseCode(%q) = %q %v, want %q", typed, got, ok, want)
		}
	}
	if got := report.FormatCode("7K49QDM2XT"); got != "7K4-9QD-M2XT" {
		t.Errorf("FormatCode = %q", got)
	}
	for typed, want := range map[string]string{
		"M-2026-000123": "M-2026-000123", "m-2026-123": "M-2026-000123", " m – 2026 – 000123": "M-2026-000123",
		"M-2026-1234567": "M-2026-1234567", "V-2026-000147": "", "M-26-1": "", "M-2026-0": "", "M-2026-x": "", "0190a000-0000-7000-8000-000000000001": "",
	} {
		if got, ok := report.ParseReference(typed); got != want || ok != (want != "") {
			t.Errorf("ParseReference(%q) = %q %v", typed, got, ok)
		}
	}
}

func TestReceipt(t *testing.T) {
	t.Parallel()
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	public, _ := key.Public().(ed25519.PublicKey)
	r := report.Receipt{ID: "i", Reference: "M-2026-000001", ReceivedAt: noon, TLP: "RED", SHA256: "aa"}
	token := r.Sign(key)
	if token != r.Sign(key) {
		t.Error("the same report has two receipts")
	}
	if got, err := report.VerifyReceipt(token, public); err != nil || got != r {
		t.Errorf("%+v %v", got, err)
	}
	for i := range token {
		forged := token[:i] + string(token[i]^1) + token[i+1:]
		if got, err := report.VerifyReceipt(forged, public); err == nil && got != r {
			t.Fatalf("a forged receipt passes at %d", i)
		}
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	r := report.Report{Content: good().Content, Affected: []report.Body{{Organisation: event.Organisation{ID: "a", Name: "A"}}}}
	same, other, renamed := r, r, r
	same.Reference, same.ReceivedAt = "M-2026-000009", noon
	other.Description = "x"
	renamed.Affected = []report.Body{{Organisation: event.Organisation{Name: "a"}}}
	if r.Digest() != same.Digest() || r.Digest() == other.Digest() || r.Digest() == renamed.Digest() {
		t.Error("the digest is not of the content")
	}
}

func TestFileName(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{
		"foto.jpg": "foto.jpg", "../../x": "x", "..%2f..%2fx": "x", `C:\Windows\x.exe`: "x.exe", "con": "_con", "CON.txt": "_CON.txt", "..": "datei", "": "datei",
		"a\x00b": "ab", "rechnung\u202efdp.exe": "rechnungfdp.exe", " . ": "datei", "a/b/": "b", "a\r\nb": "ab", `"><img>`: "___img_", "büro.pdf": "büro.pdf",
		"%252e%252e%252fx": "%252e%252e%252fx", "\xff.txt": "txt", "/etc/passwd": "passwd", "x.tar.gz": "x.tar.gz",
	} {
		if got := report.FileName(sent); got != want {
			t.Errorf("FileName(%q) = %q, want %q", sent, got, want)
		}
	}
	long := report.FileName(strings.Repeat("ä", 4000) + ".pdf")
	if len(long) > report.MaxFileName || !strings.HasSuffix(long, ".pdf") || strings.ToValidUTF8(long, "") != long {
		t.Errorf("a long name became %q", long)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	body := func(id string) report.Body {
		return report.Body{Organisation: event.Organisation{ID: id}, VisibleTo: id}
	}
	snapshot := func(id, org, state, status string) event.Case {
		return event.Case{ID: id, State: state, ReportStatus: status, Organisation: event.Organisation{ID: org}}
	}
	for name, tt := range map[string]struct {
		bodies []report.Body
		cases  []event.Case
		want   report.Status
	}{
		"without a case it is received":                  {[]report.Body{body("a")}, nil, report.Received},
		"the case tells":                                 {[]report.Body{body("a")}, []event.Case{snapshot("1", "a", "working", "in_progress")}, report.InProgress},
		"what waits for the reporter comes first":        {[]report.Body{body("a"), body("b")}, []event.Case{snapshot("1", "a", "closed", "closed"), snapshot("2", "b", "waiting", "waiting_for_you")}, report.WaitingForYou},
		"a closed body does not close the others":        {[]report.Body{body("a"), body("b")}, []event.Case{snapshot("1", "a", "closed", "closed")}, report.Received},
		"all closed is closed":                           {[]report.Body{body("a"), body("b")}, []event.Case{snapshot("1", "a", "closed", "closed"), snapshot("2", "b", "closed", "closed")}, report.Closed},
		"a merged case gives way to its target":          {[]report.Body{body("a")}, []event.Case{snapshot("1", "a", "merged", "closed"), snapshot("2", "a", "resolved", "resolved")}, report.Resolved},
		"a merged case alone is in progress":             {[]report.Body{body("a")}, []event.Case{snapshot("1", "a", "merged", "closed")}, report.InProgress},
		"a status of a newer version is in progress":     {[]report.Body{body("a")}, []event.Case{snapshot("1", "a", "x", "parked")}, report.InProgress},
		"a case of a body that is not named is no one's": {[]report.Body{body("a")}, []event.Case{snapshot("1", "z", "closed", "closed")}, report.Received},
		"a typed body takes the confirmed one's case":    {[]report.Body{{Organisation: event.Organisation{Name: "Rathaus"}}}, []event.Case{snapshot("1", "a", "working", "in_progress")}, report.InProgress},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := report.Report{Affected: report.WithCases(tt.bodies, tt.cases)}
			if got := r.Status(); got != tt.want {
				t.Errorf("status %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMaskPhone(t *testing.T) {
	t.Parallel()
	for p, want := range map[string]string{"0152 000 000 42": "•••• ••• ••• 42", "+49 361": "+•• •61", "": "", "App. 123456 (Kim)": " ••••56 "} {
		if got := report.MaskPhone(p); got != want {
			t.Errorf("MaskPhone(%q) = %q, want %q", p, got, want)
		}
	}
}
