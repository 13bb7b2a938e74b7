// SPDX-License-Identifier: EUPL-1.2

package operations

import (
	"strings"
	"testing"
)

// Reliability model §2.4: an administrator has no case content.
func TestAnErrorNamesPointersAndNoWordOfTheEvent(t *testing.T) {
	t.Parallel()
	const body = `{"id":"0190d000-0000-7000-8000-000000000001","type":"report.submitted","data":{
		"report":"0190d000-0000-7000-8000-000000000002","description":"Erpressung durch Kollegin Müller-Lüdenscheidt","callback":{"phone":"+49 361 12345"},"count":7,"big":987654}}`
	for reason, want := range map[string]string{
		"pq: relation \"cases\" does not exist":                                      `pq: relation "cases" does not exist`,
		"pq: invalid input syntax for type uuid: \"Erpressung\"":                     "pq: invalid input syntax for type uuid: …",
		"report 0190d000-0000-7000-8000-000000000002 is not there":                   "report 0190d000-0000-7000-8000-000000000002 is not there",
		"nobody is called Müller here":                                               "nobody is called … here",
		"nobody is called MÜLLER-LÜDENSCHEIDT here":                                  "nobody is called … here",
		"Lüdenscheidt-Ost is no place":                                               "… is no place",
		"mail to someone@else.example failed":                                        "mail to … failed",
		"key (phone)=(5550) is there":                                                "key … is there",
		"call 987654":                                                                "call …",
		"panic in consumer triage-reports: boom\ngoroutine 1 [running]:\nErpressung": "panic in consumer triage-reports: boom",
		"a\x00b\x1b[31m":                                                             "a b [31m",
		"":                                                                           "",
	} {
		if got := pointer(reason, []byte(body)); got != want {
			t.Errorf("pointer(%q) = %q, want %q", reason, got, want)
		}
	}
	if got := pointer("read the event: Kanarienvogel is no JSON", []byte("Kanarienvogel \xff{")); got != "read the event: … is no JSON" {
		t.Errorf("of what is no JSON: %q", got)
	}
	if got := pointer(strings.Repeat("x ", 1000), nil); len([]rune(got)) > longestError+1 {
		t.Errorf("%d characters", len([]rune(got)))
	}
}
