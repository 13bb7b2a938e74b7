// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
)

const live = `document.querySelector('[data-live=indicator]')?.dataset.state === 'live'`

// pane is what the pane shows.
func pane(expression string) string {
	return `(p => ` + expression + `)(document.getElementById('pane'))`
}

// The Lagezentrum at work, by the keyboard alone: sign in, see a new report
// without reloading, take, rate, classify, answer, note and close it.
func TestTheDeskByKeyboard(t *testing.T) {
	w := fresh(t, standalone.Options{Fast: true, Limits: true})
	officer := w.as(t, actor.Officer)
	first := submit(t, officer, "Tastatur: Fachverfahren steht", "16071043")
	w.casesOf(t, first.ID, 1)

	b := newTab(t, w, 1440, 900)
	lead := w.person(t, actor.Lead)
	b.open("/lage/eingang")
	if !strings.HasSuffix(b.read(`location.pathname`), "/konto/anmelden") {
		t.Fatalf("a guest at the queue is at %s", b.read(`location.pathname`))
	}
	b.accessible("the sign-in page")
	b.write(`input[name=email]`, lead.Email)
	b.write(`input[name=password]`, lead.Password)
	b.write(`input[name=code]`, w.totp(t, lead))
	b.load(chromedp.KeyEvent(kb.Enter))
	if path := b.read(`location.pathname`); path != "/lage/eingang" {
		t.Fatalf("after signing in: %s, want the queue\n%s", path, b.where())
	}
	b.want("the stream is live", live)
	b.want("one row", `document.querySelectorAll('tr[data-row]').length === 1`)

	// A second report comes in: counted, not inserted.
	second := submit(t, officer, "Tastatur: zweite Meldung", "16071043")
	b.want("1 neue Meldung", `document.querySelector('[data-live=count]')?.textContent === '1 neue Meldung'`)
	if !b.js(`document.querySelectorAll('tr[data-row]').length === 1`) {
		t.Error("the new case was put into the list by itself")
	}
	if !strings.HasPrefix(b.read(`document.title`), "(1) ") {
		t.Errorf("the title does not count: %q", b.read(`document.title`))
	}
	b.accessible("the queue with a new report")
	b.shot("desk-1440-neu")
	w.casesOf(t, second.ID, 1)
	b.follow(`[data-live=new] a, a[data-live=new], [data-live=new] button, button[data-live=new]`)
	b.want("both rows", `document.querySelectorAll('tr[data-row]').length === 2`)

	// J and K move, Enter opens.
	b.want("the stream is live again", live)
	b.press("j")
	b.press("j")
	b.press("k")
	b.want("K moves back", `document.activeElement.closest('tr[data-row]') === document.querySelector('tr[data-row]')`)
	b.press(kb.Enter)
	b.want("Enter opens the case", pane(`p?.dataset.case && p.querySelector('#fall-t')`))
	id := b.read(pane(`p.dataset.case`))
	b.accessible("the queue with a case")
	b.shot("desk-1440-fall")

	b.press("?")
	b.want("? lists the keys", `document.getElementById('keys').open`)
	b.accessible("the list of keys")
	b.press(kb.Escape)
	b.want("Escape closes the list", `!document.getElementById('keys').open`)

	b.press("a")
	b.want("A takes", pane(`p?.innerText.includes(`+quote(lead.Name)+`)`))
	if c := w.caseByID(t, id); c.State != "assessing" || c.Assignee == nil || c.Assignee.Name != lead.Name {
		t.Errorf("after A the case is %s with %v", c.State, c.Assignee)
	}
	w.typed(t, b, "s", `#pane details[open] select[name=severity]`, kb.ArrowUp, `#pane details[open] [name=reason]`, "Fachverfahren steht")
	b.want("S rates", pane(`p?.innerText.includes('Kritisch')`))
	b.want("the pane is still", pane(`p?.dataset.version === '`+strconv.Itoa(w.caseByID(t, id).Version)+`' && p.querySelector('[data-key=c]') && !p.querySelector('details[open] form') && !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')`))
	b.want("nothing is being typed", notTyping)
	b.press("c")
	devstack.Eventually(t, waitAPI, "C takes the suggested class", func() bool { return w.classOf(t, id) != "" })
	b.want("the pane has the class", pane(`p?.querySelector('details[data-key=c]')`))
	w.typed(t, b, "r", "", "", `#pane details[open] textarea[name=text]`, "Sind die Sicherungen vom Netz getrennt?")
	devstack.Eventually(t, waitAPI, "R writes to the reporter", func() bool { return len(w.caseByID(t, id).Messages) == 1 })
	w.typed(t, b, "m", "", "", `#pane details[open] textarea[name=text]`, "Rückruf um 9 Uhr.")
	devstack.Eventually(t, waitAPI, "M writes a note", func() bool { return len(w.caseByID(t, id).Notes) == 1 })
	w.typed(t, b, "e", `#pane details[open] select[name=disposition]`, kb.ArrowDown, `#pane details[open] [name=reason]`, "Systeme wiederhergestellt")
	devstack.Eventually(t, waitAPI, "E closes", func() bool { return w.caseByID(t, id).State == "closed" })

	var k struct{ Reference string }
	must(t, w.as(t, actor.Lead), http.MethodPost, "/api/triage/v1/campaigns", http.StatusCreated, map[string]any{"title": "Tastatur", "cases": []string{id}}, &k)
	b.open("/lage/lagen")
	b.want("the campaign", `document.body.innerText.includes(`+quote(k.Reference)+`)`)
	b.accessible("the list of campaigns")
	b.open("/lage/lagen/" + k.Reference)
	b.accessible("a campaign")
	b.open("/lage/eingang")
	b.press("g")
	b.press("a")
	b.want("G A leads to the campaigns", `location.pathname === '/lage/lagen'`)
	b.open("/lage/eingang")

	w.switchedOff(t, b)
}

const waitAPI = 10e9 // nanoseconds

func (w *world) classOf(t *testing.T, id string) string {
	t.Helper()
	var c struct{ Class string }
	must(t, w.as(t, actor.Duty), http.MethodGet, "/api/triage/v1/cases/"+id, http.StatusOK, nil, &c)
	return c.Class
}

// notTyping holds while keys are shortcuts.
const notTyping = `!document.activeElement?.matches('input:not([type=checkbox]),textarea,select')`

// typed presses a key, fills the form that opens, and sends it, by keys alone.
func (w *world) typed(t *testing.T, b *tab, key, choice, value, field, words string) {
	t.Helper()
	b.want("nothing is being typed", notTyping)
	b.press(key)
	b.want(strings.ToUpper(key)+" opens its form", `document.querySelector(`+quote(field)+`)?.getClientRects().length > 0`)
	if choice != "" {
		b.do(chromedp.Focus(chromedp.CSS(choice)), chromedp.KeyEvent(value))
	}
	b.do(chromedp.Focus(chromedp.CSS(field)), chromedp.KeyEvent(words))
	version := b.read(pane(`p.dataset.version`))
	b.do(chromedp.KeyEvent(kb.Tab))
	b.want("Tab reaches the button", `(() => { const e = document.activeElement; return e.matches('button[type=submit],input[type=checkbox]') })()`)
	if b.js(`document.activeElement.matches('input[type=checkbox]')`) {
		b.do(chromedp.KeyEvent(kb.Tab))
	}
	b.press(kb.Enter)
	b.want("the case has moved on", pane(`p && p.dataset.version !== `+quote(version)+` && !p.querySelector('details.drop[open]')`))
}

// switchedOff turns the shortcuts off and finds that letters do nothing then.
func (w *world) switchedOff(t *testing.T, b *tab) {
	t.Helper()
	b.open("/lage/eingang")
	b.press("?")
	b.want("the list of keys", `document.getElementById('keys').open`)
	b.click(`#keys-on`)
	b.press(kb.Escape)
	b.open("/lage/eingang")
	before := b.read(`document.activeElement.tagName`)
	b.press("j")
	if after := b.read(`document.activeElement.tagName`); after != before {
		t.Errorf("with the keys off, J moves from %s to %s", before, after)
	}
	b.press("?")
	b.want("? still opens the list with the switch", `document.getElementById('keys').open`)
}

// Two people change the same case: the second sees both changes, nothing is lost.
func TestAConflictShowsBothChanges(t *testing.T) {
	w := shared(t)
	r := submit(t, w.as(t, actor.Officer), "Konflikt", "16071043")
	c := w.casesOf(t, r.ID, 1)[0]
	b := newTab(t, w, 1440, 900)
	b.signedIn(w.cookie(t, w.person(t, actor.Duty)))
	b.withoutScript()
	b.open("/lage/fall/" + c.Reference + "/tun/einstufen")
	b.accessible("a form on a page of its own")
	w.change(t, actor.Lead, c.ID, "classify", http.StatusOK, map[string]any{"severity": "low", "reason": "Doch harmlos"})
	b.js(`document.querySelector('main form select[name=severity]').value = 'critical', true`)
	b.write(`main form [name=reason]`, "Meine Begründung")
	if status := b.submit(); status != http.StatusConflict && status != http.StatusPreconditionFailed {
		t.Errorf("the second change: %d, want 409 or 412", status)
	}
	b.accessible("the conflict page")
	b.shot("desk-1440-konflikt")
	if !b.has("Doch harmlos") && !b.has("Niedrig") {
		t.Errorf("the page does not show the other change\n%s", b.where())
	}
	if b.read(`document.querySelector('main form [name=reason]').value`) != "Meine Begründung" {
		t.Error("what was typed is lost")
	}
	if got := w.caseByID(t, c.ID).Severity; got != "low" {
		t.Errorf("the second change was made all the same: %s", got)
	}
}

// Every page of the Lagezentrum is accessible in light and dark and keeps its policy.
func TestDeskPagesAreAccessible(t *testing.T) {
	w := shared(t)
	critical := w.play(t)[0].Reference
	r := submit(t, w.as(t, actor.Officer), "Barrierefrei", "16071043")
	attach(t, w.as(t, actor.Officer), r.ID, "protokoll.txt", "x")
	c := w.casesOf(t, r.ID, 1)[0]
	w.caseAttachment(t, c.ID)
	at := "/lage/fall/" + c.Reference
	alert := w.draftAlert(t, map[string]any{"audience": map[string]any{"organisations": []string{"16071043"}}})
	desk := "/warnungen/redaktion/" + alert
	for _, x := range []struct {
		role  actor.Role
		paths []string
	}{
		{actor.Lead, []string{
			"/lage/eingang", "/lage/eingang?ansicht=niemand&status=new", "/lage/eingang?fall=" + critical, "/lage/faelle", "/lage/suche?q=nichts-dergleichen", at, at + "?tab=meldung",
			at + "?tab=nachrichten", at + "?tab=dateien", at + "?tab=protokoll", at + "/druck", at + "/tun/notiz", at + "/tun/abschliessen", at + "/tun/sperren", "/lage/faelle?merkmal=locked", "/konto",
		}},
		{actor.Editor, []string{"/warnungen/redaktion", "/warnungen/redaktion/neu", desk, desk + "/bearbeiten", desk + "/vorschau", desk + "/zustellungen", "/warnungen"}},
		{actor.Constituency, []string{
			"/verzeichnis/kommunen", "/verzeichnis/kommunen?q=klett", "/verzeichnis/kommunen/16071043", "/verzeichnis/verwaltung/register", "/verzeichnis/verwaltung/personen",
			"/verzeichnis/kommunen/16071043/kontakte", "/verzeichnis/aufgaben", "/verzeichnis/aufnahme?kreis=16071", "/verzeichnis/kommunen/16071043/aufnahme", "/verzeichnis/isb",
		}},
		{actor.Admin, []string{"/verzeichnis/verwaltung/personen", "/konto"}},
		{actor.Officer, []string{
			"/melden/vorgaenge", "/melden/vorgang/" + r.Reference, "/verzeichnis/stelle", "/verzeichnis/kommunen/16053000", "/warnungen", "/warnungen/abo", "/konto",
			"/verzeichnis/stelle/kontakte", "/verzeichnis/kommunen/16071043/kontakte/neu", "/verzeichnis/stelle/notfall", "/konto/abwesenheit",
		}},
	} {
		width := int64(1440)
		if x.role == actor.Officer {
			width = 390
		}
		b := newTab(t, w, width, 900)
		b.signedIn(w.cookie(t, w.person(t, x.role)))
		for _, path := range x.paths {
			if status := b.open(path); status != http.StatusOK {
				t.Errorf("%s as %s: %d", path, x.role, status)
				continue
			}
			if path == "/lage/eingang?fall="+critical {
				b.want("the stream is live", live)
				b.shot("desk-1440-lagezentrum")
				b.media("dark", "")
				b.shot("desk-1440-lagezentrum-dunkel")
				b.media("light", "")
			}
			b.accessible(path + " as " + string(x.role))
			b.reflows(path + " as " + string(x.role))
		}
	}
}

// An alert from draft to answer: the editor writes, the approver releases, the
// mail's link answers by one tap on a phone, the board knows at once.
func TestAnAlertFromDraftToAnswer(t *testing.T) {
	w := shared(t)
	editor := newTab(t, w, 1440, 900)
	editor.signedIn(w.cookie(t, w.person(t, actor.Editor)))
	editor.open("/warnungen/redaktion/neu")
	editor.submit() // empty: every mistake at its field
	editor.accessible("a draft with errors")
	editor.write(`input[name=title]`, "Lücke in Beispiel-Gateway wird ausgenutzt")
	editor.write(`textarea[name=summary]`, "Angreifer nutzen die Lücke in Thüringen aus.")
	editor.write(`textarea[name=text]`, "1. Aktualisierung 2.4 einspielen")
	editor.choose("severity", "high")
	editor.choose("warning_level", "3")
	editor.js(`document.querySelector('select[name=tlp]').value = 'GREEN', true`)
	editor.write(`textarea[name=organisations]`, "16071043")
	if !editor.js(`document.querySelector('input[name=poll]').checked`) {
		editor.click(`label[for=poll]`)
	}
	editor.write(`input[name=question]`, "Setzen Sie Beispiel-Gateway ein?")
	editor.submit()
	ref := alertReference.FindString(editor.read(`document.querySelector('main').innerText + location.pathname`))
	if ref == "" {
		t.Fatalf("the draft was not kept\n%s", editor.where())
	}
	editor.accessible("the board of a draft")
	editor.shot("desk-1440-entwurf")

	approver := newTab(t, w, 1440, 900)
	approver.signedIn(w.cookie(t, w.person(t, actor.Approver)))
	approver.open("/warnungen/redaktion/" + ref)
	approver.follow(`main form[action$="/freigeben"] button`)
	approver.want("the board is live", live)
	approver.accessible("the board")
	approver.shot("desk-1440-tafel")

	link := w.link(t, w.person(t, actor.Officer).Email, ref)
	phone := newTab(t, w, 390, 844)
	phone.withoutScript()
	phone.open(link)
	phone.accessible("the answer page")
	phone.reflows("the answer page")
	phone.shot("answer-390")
	phone.follow(`main form[action$="/antwort"] button[value=fixed]`)
	if !phone.has("Ihre Antwort") && !phone.has("Wie geht es weiter") {
		t.Errorf("the answer is not confirmed\n%s", phone.where())
	}
	phone.accessible("the given answer")
	phone.shot("answer-390-danke")
	approver.want("the board knows without a reload", `document.querySelector('[data-live=answers]').innerText.match(/1 \/ 1|1 von 1|100/)`)
	approver.shot("desk-1440-tafel-antwort")
}
