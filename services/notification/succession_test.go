// SPDX-License-Identifier: EUPL-1.2

package notification_test

import (
	"net/http"
	"testing"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
)

const heirPerson = "0190b000-0000-7000-8000-0000000000b1"

// merge lets Elxleben take over from Musterhausen; heir@elxleben.example is its officer.
func (e *env) merge() {
	e.t.Helper()
	gone := body(muster, "16071043", "Stadt Musterhausen", "gemeinde")
	ended := start
	gone.Version, gone.Active, gone.EndedAt, gone.Successor = 2, false, &ended, elsewhere
	e.learn(gone, event.PersonChanged{
		ID: heirPerson, Version: 1, Name: "Kim Nachfolge", Email: "heir@elxleben.example", Active: true, Language: "de",
		Memberships: []event.Membership{{Organisation: elsewhere, Role: string(actor.Officer)}},
	})
	e.publish(event.OrganisationSucceeded{
		Predecessor: event.Organisation{ID: muster, AGS: "16071043", Name: "Stadt Musterhausen"},
		Successor:   event.Organisation{ID: elsewhere, AGS: "16068009", Name: "Elxleben"}, Kind: "merged", At: start,
	})
	e.count(`SELECT count(*) FROM inbox WHERE consumer = 'notification-successions'`, 1)
}

func TestTheSuccessorGetsTheNextWarningAndThePredecessorNone(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.want(http.StatusOK, request{
		method: http.MethodPut, path: "/api/notification/v1/subscriptions", as: actor.Officer,
		json:   `{"organisation":"16071043","mailbox":"it@musterhausen.example","off":false,"min_severity":"","categories":[],"version":0}`,
		header: ifMatch(0),
	})
	e.released(named(draft, "16071043"))
	e.mails("officer@example.org", 1)
	old := e.link("officer@example.org")
	e.merge()
	e.count(`SELECT count(*) FROM subscriptions WHERE organisation = '`+muster+`'`, 0)
	e.count(`SELECT count(*) FROM subscriptions WHERE organisation = '`+elsewhere+`' AND mailbox = 'it@musterhausen.example'`, 1)
	e.count(`SELECT count(*) FROM audit WHERE action = 'subscription.takeover'`, 2)
	path, tok := token(t, old)
	for _, where := range []string{old, path + "?e=" + tok} {
		if a := e.do(request{path: where}); a.StatusCode != http.StatusNotFound && a.StatusCode != http.StatusGone {
			t.Errorf("the predecessor's link answers %d", a.StatusCode)
		}
	}
	e.released(named(draft, "16068009"))
	e.mails("heir@elxleben.example", 1)
	e.mails("it@musterhausen.example", 2) // the mailbox went along
	if n := len(e.sink.Messages("officer@example.org")); n != 1 {
		t.Errorf("the predecessor's officer has %d mails, want only the first", n)
	}
	e.wantChain()
}

func TestAQuestionAboutAPredecessorGoesToWhoTookOver(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	r := providerReport()[0]
	r.OnBehalf, r.Agent, r.Reporter = "", nil, event.Person{ID: personID("officer"), Name: "Kim officer"}
	r.Callback = event.Contact{Name: "Kim officer", Phone: "1", Email: "rathaus@musterhausen.example"}
	guest := r
	guest.Report, guest.Reference, guest.Reporter = event.NewID(), "M-2026-000777", event.Person{}
	guest.Callback.Email, guest.Channel = "buerger@example.net", "guest"
	e.publish(r, guest)
	e.count(`SELECT count(*) FROM contacts`, 2)
	e.merge()
	e.publish(event.CaseMessagePosted{
		Case: event.NewID(), Reference: "V-2026-000001", Message: event.NewID(), Organisation: r.Affected,
		Reports: []event.ReportRef{{ID: r.Report, Reference: r.Reference}, {ID: guest.Report, Reference: guest.Reference}}, TLP: "AMBER", Text: "GEHEIM", At: start,
	})
	e.count(`SELECT count(*) FROM notices WHERE kind = 'question'`, 2)
	to := func(email string) string {
		return `SELECT count(*) FROM deliveries d JOIN notices n ON n.id = d.notice WHERE n.kind = 'question' AND d.recipient = '` + email + `'`
	}
	e.count(to("heir@elxleben.example"), 2)
	e.mails("heir@elxleben.example", 2)
	e.count(to("buerger@example.net"), 1)
	e.count(`SELECT count(*) FROM deliveries d JOIN notices n ON n.id = d.notice WHERE n.kind = 'question'`, 3)
}
