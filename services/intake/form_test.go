// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/intake"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
)

var (
	referenceText = regexp.MustCompile(`M-2026-\d{6}`)
	codeText      = regexp.MustCompile(`[0-9A-HJKMNP-TV-Z]{3}-[0-9A-HJKMNP-TV-Z]{3}-[0-9A-HJKMNP-TV-Z]{4}`)
)

func TestAGuestReportsInFourSteps(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	b := e.visitor("de", "")
	path, check := b.fillIn()
	has(t, check, "Schritt 4 von 4", "Dateien sind verschlüsselt", "etwa 22.11.2026, 06:40 Uhr", "Apolda, Stadt (Weimarer Land)", "Arbeitsplätze", "0152 000 000 00", path+"/was?zurueck=pruefen")
	done := b.follow(path+"/absenden", url.Values{"idempotency_key": {"x"}})
	has(t, done, "Ihre Meldung ist eingegangen", "07:12 Uhr", "bis 08:12 Uhr", "Datensicherungen vom Netz nehmen", "zu prüfen", "25.11.2026, 06:40 Uhr", "Zentralen Ansprechstelle Cybercrime")
	ref := referenceText.FindString(done.body)
	again := b.follow(path+"/absenden", url.Values{"idempotency_key": {"x"}})
	if got := referenceText.FindString(again.body); got != ref || ref == "" {
		t.Errorf("the second POST gave %q, the first %q", got, ref)
	}
	if n := e.count(`SELECT count(*) FROM report WHERE channel = 'guest' AND NOT verified`); n != 1 {
		t.Errorf("%d reports", n)
	}
	if n := e.count(`SELECT count(*) FROM draft`); n != 0 {
		t.Error("the draft is still there")
	}
	own := b.get("/melden/vorgang/" + ref)
	has(t, own, "Eingegangen", "Wir rufen bis 08:12 Uhr an.", "Noch keine Nachricht.", "Etwas nachtragen", "Datei hochladen")
	e.invariants(nil)
}

func TestTheFormSpeaksEnglish(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	b := e.visitor("en", "")
	path, check := b.fillIn()
	has(t, check, "Step 4 of 4", "about 22 Nov 2026, 06:40", "/en"+path+"/was?zurueck=pruefen")
	done := b.follow(path+"/absenden", nil)
	has(t, done, "We have your report", "Take backups off the network")
	if n := e.count(`SELECT count(*) FROM report WHERE language = 'en'`); n != 1 {
		t.Error("the report does not know its language")
	}
}

func TestNothingTypedIsLost(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	b := e.visitor("de", "")
	path := b.begin("")
	b.follow(path+"/was", wasForm())
	b.follow(path+"/betroffen", betroffenForm())
	bad := b.post(path+"/kontakt", url.Values{"body": {"Apolda"}, "name": {"Kim Beispiel"}, "phone": {"4711"}, "email": {"kim.example.org"}, "go": {"next"}})
	if bad.StatusCode != http.StatusUnprocessableEntity {
		t.Fatalf("%d", bad.StatusCode)
	}
	has(t, bad, "Fehler: ", "Bitte prüfen Sie 2 Angaben", `href="#phone"`, "Geben Sie eine Telefonnummer mit Vorwahl an", "fehlt das @-Zeichen", `value="4711"`, `value="kim.example.org"`, `aria-invalid="true"`)
	has(t, b.get(path+"/kontakt"), `value="4711"`)

	back := b.follow(path+"/kontakt", url.Values{"body": {"Apolda"}, "name": {"Robin"}, "phone": {"0361 1"}, "go": {"back"}})
	has(t, back, "Was ist betroffen?", "Schritt 2 von 4")
	has(t, b.get(path+"/kontakt"), `value="Robin"`, `value="0361 1"`)

	change := b.get(path + "/was?zurueck=pruefen")
	has(t, change, `name="zurueck" value="pruefen"`)
	form := wasForm()
	form.Set("zurueck", "pruefen")
	form.Set("what", "phishing")
	has(t, b.follow(path+"/was", form), "Schritt 4 von 4", "Zugangsdaten auf falscher Seite")
}

func TestTheCodeAloneOpensADraftElsewhere(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	b := e.visitor("de", "")
	path, _ := b.fillIn()
	code := codeText.FindString(path)
	other := e.visitor("de", "")
	typed := strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(code, "-", " "), "0", "o"))
	first := other.follow("/melden/weiter", url.Values{"code": {typed}})
	has(t, first, "Alle Dateien heißen .locked")
	contact := other.get(path + "/kontakt")
	has(t, contact, "Kim Beispiel", "•••• ••• ••• 00")
	hasNot(t, contact, "0152 000 000 00")
	same := kontaktForm()
	same.Set("phone", "•••• ••• ••• 00")
	same.Set("body", "Apolda, Stadt (Weimarer Land)")
	hasNot(t, other.follow(path+"/kontakt", same), "0152 000 000 00")
	third := e.visitor("de", "")
	third.get(path + "/was")
	done := other.follow(path+"/absenden", nil)
	has(t, done, "Ihre Meldung ist eingegangen", "Ihr Code:")
	late := third.get(path + "/fertig") // knows the draft's code, did not send it
	has(t, late, "Ihre Meldung ist eingegangen", "•••• ••• ••• 00")
	hasNot(t, late, "0152 000 000 00", "Ihr Code:")
	if res := third.get("/melden/vorgang/" + referenceText.FindString(late.body)); res.StatusCode != http.StatusSeeOther {
		t.Errorf("the draft's code opens the report: %d", res.StatusCode)
	}
	if n := e.count(`SELECT count(*) FROM report WHERE content->'callback'->>'phone' = '0152 000 000 00'`); n != 1 {
		t.Error("the masked number replaced the real one")
	}
}

func TestADraftGoesAfterADay(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	b := e.visitor("de", "")
	path, _ := b.fillIn()
	e.later(24*time.Hour + time.Second)
	res := b.get(path + "/kontakt")
	if res.StatusCode != http.StatusNotFound {
		t.Errorf("%d", res.StatusCode)
	}
	has(t, res, "abgelaufen – Ihre Daten sind dann gelöscht")
}

func TestWrongCodesHaveToWait(t *testing.T) {
	t.Parallel()
	e := newIntake(t, func(c *intake.Config, _ *env) { c.Limits.WrongCodesPerHour = 10 })
	b := e.visitor("de", "")
	path := b.begin("")
	for range 10 {
		if res := b.post("/melden/weiter", url.Values{"code": {"AAA-AAA-AAAA"}}); res.StatusCode != http.StatusNotFound {
			t.Fatalf("%d", res.StatusCode)
		}
	}
	res := b.post("/melden/weiter", url.Values{"code": {codeText.FindString(path)}})
	if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
		t.Errorf("the eleventh: %d", res.StatusCode)
	}
	has(t, res, "0361 000 00 00")
	e.later(time.Hour)
	if res := b.post("/melden/weiter", url.Values{"code": {codeText.FindString(path)}}); res.StatusCode != http.StatusSeeOther {
		t.Errorf("after an hour: %d", res.StatusCode)
	}
}

// design §7: "Drafts: … the code alone opens them on any device, the phone number masked".
func TestAMadeUpDraftCookieShowsNoPhoneNumber(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	b := e.visitor("de", "")
	path, _ := b.fillIn()
	code := strings.ReplaceAll(codeText.FindString(path), "-", "")
	for _, forged := range []string{code, code + ".", code + ".00"} {
		other := e.visitor("de", "")
		other.cookies["__Host-entwurf"] = forged
		hasNot(t, other.get(path+"/kontakt"), "0152 000 000 00")
	}
	has(t, b.get(path+"/kontakt"), "0152 000 000 00")
}

// design §7: a budget that lets a whole town hall behind one address report.
func TestWrongCodesOfANeighbourStopNobodyWhoIsReporting(t *testing.T) {
	t.Parallel()
	e := newIntake(t, func(c *intake.Config, _ *env) { c.Limits.WrongCodesPerHour = 10 })
	b, elsewhere, neighbour := e.visitor("de", ""), e.visitor("de", ""), e.visitor("de", "")
	path := b.begin("")
	for range 10 {
		neighbour.post("/melden/weiter", url.Values{"code": {"AAA-AAA-AAAA"}})
	}
	kept := elsewhere.post(path+"/was", wasForm())
	if kept.StatusCode != http.StatusTooManyRequests || kept.Header.Get("Retry-After") == "" {
		t.Errorf("who only typed the code: %d, want 429", kept.StatusCode)
	}
	has(t, kept, "Alle Dateien heißen .locked", "0361 000 00 00")
	b.follow(path+"/was", wasForm())
	b.follow(path+"/betroffen", betroffenForm())
	b.follow(path+"/kontakt", kontaktForm())
	has(t, b.follow(path+"/absenden", nil), "Ihre Meldung ist eingegangen")
	for range 12 { // an impatient reader: no guess
		if res := b.post(path+"/absenden", nil); res.StatusCode != http.StatusSeeOther {
			t.Fatalf("sending once more: %d", res.StatusCode)
		}
	}
}

func TestAnOfficerFindsTheOwnBodyFilledIn(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	b := e.visitor("de", actor.Officer)
	path := b.begin("")
	contact := b.get(path + "/kontakt")
	has(t, contact, `value="Kim officer"`, `value="0152 000 000 00"`, `value="officer@example.org"`, "Apolda, Stadt (Weimarer Land)", "checked")
	b.follow(path+"/was", wasForm())
	b.follow(path+"/betroffen", betroffenForm())
	form := kontaktForm()
	form.Del("body")
	form.Set("affected", elxleben1)
	if res := b.post(path+"/kontakt", form); res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a foreign body was taken: %d", res.StatusCode)
	}
	form.Set("affected", apolda)
	b.follow(path+"/kontakt", form)
	b.follow(path+"/absenden", nil)
	if n := e.count(`SELECT count(*) FROM report WHERE channel = 'portal' AND verified AND reporter = 'Kim officer'`); n != 1 {
		t.Error("the report is not the officer's")
	}
	list := b.get("/melden/vorgaenge")
	has(t, list, "M-2026-000001", "Apolda, Stadt", "Eingegangen")
}

func TestPlacesOfTheSameNameAreToldApart(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	b := e.visitor("de", "")
	path := b.begin("")
	form := kontaktForm()
	form.Set("body", "elxleben")
	res := b.post(path+"/kontakt", form)
	if res.StatusCode != http.StatusUnprocessableEntity {
		t.Fatalf("%d", res.StatusCode)
	}
	has(t, res, "Elxleben (Sömmerda)", "Elxleben (Ilm-Kreis)", "Keine davon: elxleben")
	form.Set("affected", elxleben2)
	b.follow(path+"/was", wasForm())
	b.follow(path+"/betroffen", betroffenForm())
	has(t, b.follow(path+"/kontakt", form), "Elxleben (Ilm-Kreis)")

	typed := b.begin("")
	b.follow(typed+"/was", wasForm())
	b.follow(typed+"/betroffen", betroffenForm())
	free := kontaktForm()
	free.Set("body", "Wasserwerk Hintertal")
	has(t, b.follow(typed+"/kontakt", free), "Wasserwerk Hintertal (nicht in der Liste)")
	b.follow(typed+"/absenden", nil)
	if n := e.count(`SELECT count(*) FROM outbox WHERE subject = 'report.submitted.00.000.000'`); n != 1 {
		t.Error("the unknown body has no event")
	}
}

func TestAnAnswerToAWarningOpensALinkedReport(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	e.publish(event.AlertPublished{Alert: event.Alert{ID: "0190d000-0000-7000-8000-000000000001", Reference: "W-2026-0018", Version: 1, Title: "VPN-Lücke", TLP: "GREEN", State: "published"}})
	e.eventually("the copy of the warning", func() bool { return e.count(`SELECT count(*) FROM alert_copy`) == 1 })
	b := e.visitor("de", "")
	path := b.begin("?warnung=W-2026-0018&stelle=16071001")
	has(t, b.get(path+"/was"), "gehört zur Warnung W-2026-0018")
	has(t, b.get(path+"/kontakt"), "Apolda, Stadt (Weimarer Land)")
	b.follow(path+"/was", wasForm())
	b.follow(path+"/betroffen", betroffenForm())
	form := kontaktForm()
	form.Set("body", "Apolda, Stadt (Weimarer Land)")
	b.follow(path+"/kontakt", form)
	b.follow(path+"/absenden", nil)
	if n := e.count(`SELECT count(*) FROM outbox WHERE type = 'report.submitted' AND body::jsonb->'data'->>'alert_id' = '0190d000-0000-7000-8000-000000000001'`); n != 1 {
		t.Error("the report is not linked")
	}
}

func TestALimitKeepsTheInput(t *testing.T) {
	t.Parallel()
	e := newIntake(t, func(c *intake.Config, _ *env) { c.Limits.GuestsPerHour, c.Limits.GuestBurst = 30, 1 })
	b := e.visitor("de", "")
	first, _ := b.fillIn()
	b.follow(first+"/absenden", nil)
	path, _ := b.fillIn()
	res := b.post(path+"/absenden", nil)
	if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
		t.Fatalf("%d", res.StatusCode)
	}
	has(t, res, "rufen Sie an: 0361 000 00 00", "Alle Dateien heißen .locked", "Noch einmal versuchen")
	e.later(3 * time.Minute)
	has(t, b.follow(path+"/absenden", nil), "Ihre Meldung ist eingegangen")
}

func TestATownHallBehindOneAddressCanReport(t *testing.T) {
	t.Parallel()
	e := newIntake(t, func(c *intake.Config, _ *env) {
		c.Limits.ReportsPerMinute, c.Limits.GuestsPerHour, c.Limits.GuestBurst, c.Limits.AllGuestsPer10Min = 600, 30, 10, 600
	})
	for i := range 72 { // a provider for all its members, from one address
		key := string(rune('a'+i%26)) + string(rune('a'+i/26))
		if res := e.do(request{method: "POST", path: reportsPath, as: actor.Duty, key: key, body: good}); res.StatusCode != 201 {
			t.Fatalf("report %d: %d %s", i, res.StatusCode, res.body)
		}
	}
	for i := range 10 {
		if res := e.do(request{method: "POST", path: reportsPath, body: strings.Replace(good, "Alles", "Alles "+string(rune('a'+i)), 1)}); res.StatusCode != 201 {
			t.Fatalf("guest %d: %d", i, res.StatusCode)
		}
	}
	res := e.do(request{method: "POST", path: reportsPath, body: good})
	if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
		t.Errorf("the eleventh guest at once: %d", res.StatusCode)
	}
	if res := e.do(request{method: "POST", path: reportsPath, as: actor.Officer, key: "k", body: good}); res.StatusCode != 201 {
		t.Errorf("signed-in people are not stopped by guests of their network: %d", res.StatusCode)
	}
}
