// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// radio chooses by the value, as a finger on the label would.
func (b *tab) choose(name, value string) {
	b.t.Helper()
	b.click(`label[for="` + b.read(`document.querySelector('input[name="`+name+`"][value="`+value+`"]').id`) + `"]`)
}

// pageIs checks one page of the portal: its address, the accessibility, and that
// it reflows at 320 px.
func (b *tab) pageIs(what, pathEnd string) {
	b.t.Helper()
	if path := b.read(`location.pathname`); !strings.HasSuffix(path, pathEnd) {
		b.t.Fatalf("%s: at %s, want …%s\n%s", what, path, pathEnd, b.where())
	}
	b.accessible(what)
	b.reflows(what)
}

// A guest reports on a phone, without JavaScript, in four steps (ux.md §4).
func TestAGuestReportsOnAPhone(t *testing.T) {
	w := shared(t)
	b := newTab(t, w, 390, 844)
	b.withoutScript()
	if status := b.open("/"); status != http.StatusOK {
		t.Fatalf("the start page: %d", status)
	}
	b.shot("portal-390-start")
	b.pageIs("the start page", "/")
	b.open("/melden")
	b.pageIs("step 1", "/was")
	b.shot("portal-390-was")

	// Nothing chosen: the summary names the field and leads to it, nothing is lost.
	b.write(`textarea[name=description]`, "Auf dem Server liegt README_RESTORE.txt")
	if status := b.submit(); status != http.StatusUnprocessableEntity {
		t.Errorf("step 1 without a choice: %d, want 422", status)
	}
	b.accessible("step 1 with errors")
	b.shot("portal-390-fehler")
	if !strings.HasPrefix(b.read(`document.title`), "Fehler: ") {
		t.Errorf("the title with errors is %q", b.read(`document.title`))
	}
	if !b.js(`(() => { const a = document.querySelector('[role=alert] a, .errors a, .kern-alert a'); return Boolean(a) && Boolean(document.querySelector(a.getAttribute('href'))) })()`) {
		t.Errorf("the error summary does not lead to a field\n%s", b.where())
	}
	if b.read(`document.querySelector('textarea[name=description]').value`) != "Auf dem Server liegt README_RESTORE.txt" {
		t.Error("what was typed is lost")
	}
	b.choose("what", "ransomware")
	b.submit()
	b.pageIs("step 2", "/betroffen")
	b.shot("portal-390-betroffen")
	b.submit() // the impact is missing
	b.accessible("step 2 with errors")
	b.choose("impact", "high")
	b.submit()
	b.pageIs("step 3", "/kontakt")
	b.write(`input[name=body]`, "Klettbach")
	b.write(`input[name=name]`, "Kim Beispiel")
	b.write(`input[name=phone]`, "0361")
	b.submit()
	b.accessible("step 3 with errors")
	b.shot("portal-390-kontakt")
	b.write(`input[name=phone]`, "0361 123456")
	if b.js(`Boolean(document.querySelector('input[name=affected]'))`) && !b.js(`Boolean(document.querySelector('input[name=affected]:checked'))`) {
		b.click(`main form input[name=affected] + label, main form label:has(input[name=affected])`)
	}
	b.submit()
	b.pageIs("the check page", "/pruefen")
	b.shot("portal-390-pruefen")
	for _, words := range []string{"README_RESTORE.txt", "Kim Beispiel", "0361 123456", "Klettbach"} {
		if !b.has(words) {
			t.Errorf("the check page does not show %q", words)
		}
	}
	code := draftCode.FindStringSubmatch(b.read(`location.pathname`))[1]
	resumeElsewhere(t, w, code)
	b.submit()
	b.pageIs("the confirmation", "/fertig")
	b.shot("portal-390-fertig")
	ref := reference.FindString(b.read(`document.body.innerText`))
	if ref == "" {
		t.Fatalf("the confirmation has no reference\n%s", b.where())
	}
	if status := b.follow(`a[href$="/druck"]`); status != http.StatusOK {
		t.Errorf("the print view: %d", status)
	}
	b.accessible("the print view")
	b.media("light", "print")
	b.shot("portal-390-druck")
	if !b.has(ref) {
		t.Error("the print view does not have the reference")
	}
	b.media("light", "")
	b.open("/melden/vorgang/" + ref)
	b.pageIs("the own report", "/melden/vorgang/"+ref)
	b.shot("portal-390-vorgang")
	for _, page := range []string{"/nachtragen", "/datei"} {
		b.open("/melden/vorgang/" + ref + page)
		b.pageIs("the page "+page, page)
	}
}

var (
	draftCode = regexp.MustCompile(`/melden/([^/]+)/`)
	reference = regexp.MustCompile(`M-\d{4}-\d{6}`)
)

// resumeElsewhere opens a draft by its code on another device: all is there, the
// phone number masked.
func resumeElsewhere(t *testing.T, w *world, code string) {
	t.Helper()
	b := newTab(t, w, 390, 844)
	b.withoutScript()
	b.open("/melden/weiter")
	b.pageIs("the resume page", "/melden/weiter")
	b.write(`input[name=code]`, "000-000-0000")
	if status := b.submit(); status != http.StatusNotFound {
		t.Errorf("a wrong code: %d, want 404", status)
	}
	b.accessible("a wrong code")
	b.write(`input[name=code]`, strings.ToLower(code))
	b.submit()
	if !strings.HasSuffix(b.read(`location.pathname`), "/was") || b.read(`document.querySelector('textarea[name=description]').value`) != "Auf dem Server liegt README_RESTORE.txt" {
		t.Errorf("the draft is not there on another device\n%s", b.where())
	}
	b.open("/melden/" + code + "/kontakt")
	if phone := b.read(`document.querySelector('input[name=phone]').value`); strings.Contains(phone, "123456") || !strings.Contains(phone, "56") {
		t.Errorf("the phone number on another device is %q, want it masked", phone)
	}
}

// The English twin of every page of the form says so and has no German left.
func TestTheFormInEnglish(t *testing.T) {
	w := shared(t)
	b := newTab(t, w, 390, 844)
	b.withoutScript()
	b.open("/en/melden")
	for _, step := range []string{"was", "betroffen", "kontakt", "pruefen"} {
		code := draftCode.FindStringSubmatch(b.read(`location.pathname`))[1]
		b.open("/en/melden/" + code + "/" + step)
		if lang := b.read(`document.documentElement.lang`); lang != "en" {
			t.Errorf("%s: lang is %q, want en", step, lang)
		}
		if !strings.HasPrefix(b.read(`location.pathname`), "/en/") {
			t.Errorf("%s leads out of the English pages: %s", step, b.read(`location.pathname`))
		}
		b.accessible("English " + step)
		for _, german := range []string{"Weiter", "Zurück", "Bitte", "Schritt", "Meldung"} {
			if b.has(german) {
				t.Errorf("English %s has %q", step, german)
			}
		}
	}
	b.shot("portal-390-english")
}

// Every page that anybody can open is accessible, reflows and keeps its policy.
func TestPublicPagesAreAccessible(t *testing.T) {
	w := shared(t)
	b := newTab(t, w, 390, 844)
	for _, path := range []string{
		"/notfallkarte", "/melden/vorgang", "/barrierefreiheit", "/barriere-melden", "/leichte-sprache", "/datenschutz",
		"/impressum", "/hilfe", "/hilfe/sofortmassnahmen", "/hilfe/datenschutz", "/hilfe/polizei", "/hilfe/tlp", "/hilfe/dateien", "/hilfe/echtheit",
		"/problems", "/problems/invalid", "/problems/step-up-required", "/postfach", "/konto/anmelden", "/echt", "/gibt-es-nicht", "/en/notfallkarte", "/en/konto/anmelden",
	} {
		status := b.open(path)
		if want := path == "/gibt-es-nicht"; want != (status == http.StatusNotFound) || status >= 500 {
			t.Errorf("%s: %d", path, status)
		}
		b.accessible(path)
		b.reflows(path)
	}
	b.do(chromedp.Navigate("about:blank"))
}
