// SPDX-License-Identifier: EUPL-1.2

package alert

import (
	"cmp"
	"slices"
	"strings"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

// Organisation is a body as the register knows it.
type Organisation struct {
	event.Organisation
	KreisName string
}

// Person is somebody who may get alerts.
type Person struct {
	ID, Name, Email, Language string
	Memberships               []actor.Membership
	Deputy                    *Person // who stands in at the moment; nil while the person is there
}

// Mandate is a principal whose alerts an agent receives.
type Mandate struct{ Principal, Agent string }

// Register is what the audience is computed from: the active organisations and
// people, and the mandates in force with the scope "alerts".
type Register interface {
	Organisations() []Organisation
	People(roles ...actor.Role) []Person
	AlertMandates() []Mandate
}

// Wishes says what people subscribed to.
type Wishes interface {
	// Wants reports whether a person wants such an alert for the organisation.
	Wants(organisation, person, severity, category string) bool
	// Mailbox is the functional mailbox of an organisation, "" without one.
	Mailbox(organisation string) string
}

// Recipient is one person, or the functional mailbox of an organisation, who
// gets an alert: one message each, never a list.
type Recipient struct {
	Email        string
	Person       string // "" for a functional mailbox
	Name         string
	Language     string
	Organisation string   // the recipient's own
	Bodies       []string // the bodies of the audience it is for
	Principals   []string // those of them for which a provider gets it under a mandate
}

// Audience is exactly who gets an alert.
type Audience struct {
	Organisations []Organisation
	Recipients    []Recipient
	Unreachable   []Organisation // bodies with no recipient: the phone list
}

// Reached are the ids of the bodies that get the alert: those with a recipient.
func (a Audience) Reached() []string {
	silent := map[string]bool{}
	for _, o := range a.Unreachable {
		silent[o.ID] = true
	}
	var out []string
	for _, o := range a.Organisations {
		if !silent[o.ID] {
			out = append(out, o.ID)
		}
	}
	return out
}

// in reports whether the person belongs to the organisation: a deputy stands in
// there, not where else the absent one works.
func (p Person) in(organisation string) bool {
	return slices.ContainsFunc(p.Memberships, func(m actor.Membership) bool { return m.Organisation == organisation })
}

// Select computes the audience of c now. Filters narrow: levels, Kreise and
// named organisations. Providers get the alerts of their principals, except
// from AMBER+STRICT on, which stay inside the organisation (TLP 2.0).
func Select(c Content, reg Register, w Wishes) Audience {
	var out Audience
	inside := map[string]int{}
	for _, o := range reg.Organisations() {
		if !matches(c.Audience, o) {
			continue
		}
		inside[o.ID] = len(out.Organisations)
		out.Organisations = append(out.Organisations, o)
	}
	reached := make([]bool, len(out.Organisations))
	all := map[string]*Recipient{}
	wanted := func(org, person string) bool {
		return c.WarningLevel >= MandatoryLevel || w.Wants(org, person, c.Severity, c.Category)
	}
	for _, p := range reg.People(actor.Officer, actor.OrgAdmin) {
		for _, m := range p.Memberships {
			i, ok := inside[m.Organisation]
			if !ok || m.Role != actor.Officer && m.Role != actor.OrgAdmin || !wanted(m.Organisation, p.ID) || !ValidEmail(p.Email) {
				continue
			}
			add(all, p, m.Organisation).takes(m.Organisation)
			if d := p.Deputy; d != nil && d.in(m.Organisation) && ValidEmail(d.Email) { // whatever they subscribed to for themselves
				add(all, *d, m.Organisation).takes(m.Organisation)
			}
			reached[i] = true
		}
	}
	for i, o := range out.Organisations {
		if box := w.Mailbox(o.ID); ValidEmail(box) && wanted(o.ID, "") {
			key := strings.ToLower(box)
			if all[key] == nil {
				all[key] = &Recipient{Email: box, Name: o.Name, Language: "de", Organisation: o.ID}
			}
			all[key].takes(o.ID)
			reached[i] = true
		}
	}
	if c.TLP == tlp.Amber || c.TLP.MailShowsText() {
		byMandate(all, inside, reached, reg, wanted)
	}
	for i, o := range out.Organisations {
		if !reached[i] {
			out.Unreachable = append(out.Unreachable, o)
		}
	}
	for _, r := range all {
		slices.Sort(r.Bodies)
		slices.Sort(r.Principals)
		out.Recipients = append(out.Recipients, *r)
	}
	slices.SortFunc(out.Recipients, func(a, b Recipient) int {
		return cmp.Or(strings.Compare(a.Organisation, b.Organisation), strings.Compare(a.Email, b.Email))
	})
	return out
}

// byMandate adds the people of providers, once each, with their principals.
func byMandate(all map[string]*Recipient, inside map[string]int, reached []bool, reg Register, wanted func(org, person string) bool) {
	principals := map[string][]string{}
	for _, m := range reg.AlertMandates() {
		if _, ok := inside[m.Principal]; ok {
			principals[m.Agent] = append(principals[m.Agent], m.Principal)
		}
	}
	if len(principals) == 0 {
		return
	}
	for _, p := range reg.People(actor.Provider) {
		for _, m := range p.Memberships {
			list := principals[m.Organisation]
			if m.Role != actor.Provider || len(list) == 0 || !wanted(m.Organisation, p.ID) || !ValidEmail(p.Email) {
				continue
			}
			add(all, p, m.Organisation).actsFor(list)
			if d := p.Deputy; d != nil && d.in(m.Organisation) && ValidEmail(d.Email) {
				add(all, *d, m.Organisation).actsFor(list)
			}
			for _, id := range list {
				reached[inside[id]] = true
			}
		}
	}
}

// takes notes a body and reports whether it is new.
func (r *Recipient) takes(organisation string) bool {
	if slices.Contains(r.Bodies, organisation) {
		return false
	}
	r.Bodies = append(r.Bodies, organisation)
	return true
}

// actsFor notes the principals for which a provider's person gets it.
func (r *Recipient) actsFor(principals []string) {
	for _, id := range principals {
		if r.takes(id) {
			r.Principals = append(r.Principals, id)
		}
	}
}

func add(all map[string]*Recipient, p Person, organisation string) *Recipient {
	key := strings.ToLower(p.Email)
	r := all[key]
	if r == nil {
		lang := p.Language
		if lang != "en" {
			lang = "de"
		}
		r = &Recipient{Email: p.Email, Person: p.ID, Name: p.Name, Language: lang, Organisation: organisation}
		all[key] = r
	}
	return r
}

func matches(a event.Audience, o Organisation) bool {
	if len(a.Organisations) > 0 {
		return slices.Contains(a.Organisations, o.ID)
	}
	if len(a.Levels) > 0 && !slices.Contains(a.Levels, o.Level) {
		return false
	}
	return len(a.Kreise) == 0 || slices.Contains(a.Kreise, kreisOf(o.Organisation))
}

// kreisOf is the Kreis of a body: its own key, or the first five digits of its AGS.
func kreisOf(o event.Organisation) string {
	if o.Kreis != "" {
		return o.Kreis
	}
	if len(o.AGS) >= 5 {
		return o.AGS[:5]
	}
	return ""
}
