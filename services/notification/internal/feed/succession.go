// SPDX-License-Identifier: EUPL-1.2

package feed

import (
	"slices"
	"strings"

	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/shared/event"
)

// heir is who answers for a body now: itself, or the one that took over.
func (f Feed) heir(organisation string) (id string, gone bool) {
	if _, heir, ok := f.People.Successor(organisation); ok {
		return heir.ID, true
	}
	return organisation, false
}

// asked is who is asked about a body that another one took over from: the heir's
// officers and of the old contact who works for the heir, or who never was one
// of the body's own people: a guest answers for what they reported.
func (f Feed) asked(to []message.To, heir string) []message.To {
	guest := !slices.ContainsFunc(to, func(t message.To) bool { return t.Person != "" })
	var out []message.To
	for _, t := range to {
		p, ok := f.People.Person(t.Person)
		if guest || ok && slices.ContainsFunc(p.Memberships, func(m event.Membership) bool { return m.Organisation == heir }) {
			out = append(out, t)
		}
	}
	for _, t := range f.reach(heir) {
		if !slices.ContainsFunc(out, func(x message.To) bool { return strings.EqualFold(x.Email, t.Email) }) {
			out = append(out, t)
		}
	}
	return out
}
