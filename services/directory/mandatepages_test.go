// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var hidden = regexp.MustCompile(`name="key" value="([^"]+)"`)

// submit posts a form as the person with the session.
func (b *bench) submit(cookie, path string, status int, form url.Values) answer {
	b.t.Helper()
	return b.want(ask{method: "POST", path: path, cookie: cookie, form: form}, status)
}

func (b *bench) page(cookie, path string, has ...string) answer {
	b.t.Helper()
	a := b.want(ask{path: path, cookie: cookie}, 200)
	for _, x := range has {
		if !strings.Contains(a.body, x) {
			b.t.Errorf("%s does not say %q", path, x)
		}
	}
	return a
}

// The whole life of a mandate through the pages: search, grant, confirm, revoke.
func TestAMandateIsGrantedConfirmedAndRevokedOnPages(t *testing.T) {
	t.Parallel()
	b := mandates(t)
	kiv := b.people["kiv"].Organisation.ID
	boss, care := b.signIn("chefin"), b.signIn("pflege")
	b.page(boss, "/verzeichnis/mandate", "Niemand handelt für diese Stelle", "/verzeichnis/mandate/neu")
	b.page(boss, "/verzeichnis/mandate/neu", "KIV", "mit="+kiv)
	b.page(boss, "/verzeichnis/mandate/neu?q=Gotha", "Landkreis Gotha")
	at := "/verzeichnis/mandate/neu?stelle=" + b.people["chefin"].Organisation.ID
	form := b.page(boss, at+"&mit="+kiv, "Was darf die beauftragte Stelle?")
	key := hidden.FindStringSubmatch(form.body)[1]

	in := url.Values{"mit": {kiv}, "key": {key}, "services": {"E-Mail\r\nTelefon"}, "from": {"2026-11-21"}, "to": {"2025-01-01"}, "granted_by": {"Ines Bürger"}}
	bad := b.submit(boss, at, 422, in)
	for _, kept := range []string{"E-Mail", "2025-01-01", "Ines Bürger", `href="#scopes"`, `href="#to"`} {
		if !strings.Contains(bad.body, kept) {
			t.Errorf("the form came back without %q", kept)
		}
	}
	in["scopes"], in["to"] = []string{"report", "read"}, []string{"2028-11-20"}
	made := b.submit(boss, at, 303, in).Header.Get("Location")
	if again := b.submit(boss, at, 303, in).Header.Get("Location"); again != made {
		t.Errorf("the second tap made %s beside %s", again, made)
	}
	in["key"] = []string{"another-key"}
	if a := b.submit(boss, at, 409, in); !strings.Contains(a.body, "wartet schon ein Mandat") || !strings.Contains(a.body, "Ines Bürger") {
		t.Errorf("a second one for the same two:\n%.300s", a.body)
	}
	b.page(boss, made, "wartet auf Bestätigung", "20.11.2028", "Telefon")
	b.want(ask{path: made, cookie: b.signIn("fremd")}, 404)

	b.page(care, "/verzeichnis/mandate/bestaetigen", "Klettbach", "Ines Bürger")
	if a := b.submit(care, "/verzeichnis/mandate/bestaetigen", 422, url.Values{}); !strings.Contains(a.body, "Wählen Sie mindestens ein Mandat aus") {
		t.Error("nothing ticked is no mistake")
	}
	id := made[strings.LastIndex(made, "/")+1:]
	b.submit(care, "/verzeichnis/mandate/bestaetigen", 303, url.Values{"all": {"yes"}, "shown": {id + ".1"}})
	b.page(care, "/verzeichnis/mandate/bestaetigen", "Nichts wartet auf Ihre Bestätigung")
	if b.acts() != 1 {
		t.Fatal("the mandate does not count")
	}
	seen := b.page(boss, made, "handelt im Auftrag von", "Jetzt widerrufen")
	if strings.Contains(seen.body, "Pflege Beispiel") {
		t.Error("the principal reads the name of the CERT's person")
	}
	b.page(care, made, "Pflege Beispiel")
	b.page(boss, made+"/druck", "Klettbach", "gilt")
	b.page(boss, "/verzeichnis/mandate/neu?ersetzt="+id, "Telefon", `value="`+id+`"`)

	b.decides(b.signIn("klett"), made+"/widerrufen", 404, url.Values{}) // the officer
	b.decides(boss, made+"/widerrufen", 303, url.Values{})
	if b.acts() != 0 {
		t.Error("the provider goes on")
	}
	b.decides(boss, made+"/widerrufen", 303, url.Values{}) // said on the page, nothing changes
	b.page(boss, made, "beendet", "Widerrufen")
	b.chain()
}

func TestARequestIsMadeAndAnsweredOnPages(t *testing.T) {
	t.Parallel()
	b := mandates(t)
	town := b.people["chefin"].Organisation.ID
	firm, boss := b.signIn("vertrag"), b.signIn("chefin")
	b.page(firm, "/verzeichnis/mandate/anfragen?q=Klettbach", "mit="+town)
	form := b.page(firm, "/verzeichnis/mandate/anfragen?mit="+town, "bestimmt selbst")
	key := hidden.FindStringSubmatch(form.body)[1]
	made := b.submit(firm, "/verzeichnis/mandate/anfragen", 303, url.Values{"mit": {town}, "key": {key}, "scopes": {"report", "read", "edit"}}).Header.Get("Location")
	b.page(boss, "/verzeichnis/mandate", "Eine Anfrage an Sie", made)
	b.want(ask{path: made + "/erteilen", cookie: firm}, 403)
	b.page(boss, made+"/erteilen", "worum")
	if a := b.decides(boss, made+"/ablehnen", 422, url.Values{}); !strings.Contains(a.body, "Geben Sie den Grund an") {
		t.Error("declined without a reason")
	}
	b.decides(boss, made+"/erteilen", 303, url.Values{"scopes": {"read"}, "from": {"2026-11-21"}})
	care := b.signIn("pflege")
	b.decides(care, made+"/ablehnen", 303, url.Values{"reason": {"Die Unterschrift fehlt."}})
	b.page(firm, made, "Die Unterschrift fehlt.", "abgelehnt")
	b.decides(care, made+"/bestaetigen", 303, url.Values{}) // too late: said, not done
	b.page(firm, made, "abgelehnt")
	b.chain()
}
