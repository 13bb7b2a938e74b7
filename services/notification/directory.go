// SPDX-License-Identifier: EUPL-1.2

package notification

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/services/notification/internal/store"
	"github.com/thueringencert/leitstelle/services/notification/internal/web"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/register"
)

// directory is the register as the rules of alerts see it.
type directory struct {
	r   *register.Register
	now func() time.Time
}

// Organisations implements alert.Register.
func (d directory) Organisations() []alert.Organisation {
	list := d.r.Organisations()
	out := make([]alert.Organisation, len(list))
	for i, o := range list {
		out[i] = alert.Organisation{Organisation: o.Ref(), KreisName: o.KreisName}
	}
	return out
}

// People implements alert.Register.
func (d directory) People(roles ...actor.Role) []alert.Person {
	list := d.r.People("", roles...)
	out := make([]alert.Person, len(list))
	for i, p := range list {
		out[i] = person(p)
		if x, ok := d.r.Person(p.StandIn(d.now())); ok && x.Active {
			deputy := person(x)
			out[i].Deputy = &deputy
		}
	}
	return out
}

func person(p register.Person) alert.Person {
	out := alert.Person{ID: p.ID, Name: p.Name, Email: p.Email, Language: p.Language}
	for _, m := range p.Memberships {
		out.Memberships = append(out.Memberships, actor.Membership{Organisation: m.Organisation, Role: actor.Role(m.Role)})
	}
	return out
}

// AlertMandates implements alert.Register: mandates in force of the bodies that
// have people to send to.
func (d directory) AlertMandates() []alert.Mandate {
	var out []alert.Mandate
	seen := map[string]bool{}
	for _, p := range d.r.People("", actor.Provider) {
		for _, m := range p.Memberships {
			if seen[m.Organisation] {
				continue
			}
			seen[m.Organisation] = true
			for _, x := range d.r.Mandates(m.Organisation) {
				if x.Agent == m.Organisation && slices.Contains(x.Scopes, string(actor.ScopeAlerts)) {
					out = append(out, alert.Mandate{Principal: x.Principal, Agent: x.Agent})
				}
			}
		}
	}
	return out
}

// entitled is asked in the moment of sending (reliability §2.5): a person who
// left, a mandate that was revoked, a duty that was handed on get nothing. An
// address without a person is what a reporter or a body gave for itself.
func (d directory) entitled(n message.Notice, to message.Delivery) bool {
	switch n.Kind {
	case message.Wanted, message.Invitation:
		p, known := d.r.Person(to.Person) // one whose record is still on its way gets the mail
		return !known || p.Active
	case message.Receipt, message.Question:
		if to.Person == "" {
			return true
		}
	case message.Alert, message.AllClear, message.Reported, message.Copy, message.OnCall:
		if to.Person == "" { // functional mailbox
			return d.active(to.Organisation)
		}
	}
	a, ok := d.r.ActorOf(to.Person)
	return ok && d.mayHave(a, n, to)
}

// mayHave asks the matrix whether a person may see what a notice points to.
func (d directory) mayHave(a actor.Actor, n message.Notice, to message.Delivery) bool {
	about := d.object(cmp.Or(n.About(), to.Organisation), n.Owner())
	switch n.Kind {
	case message.Alert, message.AllClear:
		v := a.View(actor.AlertRead)
		return v.Everything || slices.ContainsFunc(to.Bodies, func(b string) bool { return slices.Contains(v.Organisations, b) })
	case message.OnCall:
		return a.Has(actor.Duty) || a.Reaches(actor.CaseTake) && d.standsInForDuty(a.Person)
	case message.Reported, message.Copy:
		return a.May(actor.ReportRead, about).Allowed || a.May(actor.ReportTakeOver, about).Allowed
	case message.Question:
		return n.About() == "" || slices.ContainsFunc(n.Bodies(), func(body string) bool {
			about := d.object(body, n.Owner())
			return a.May(actor.ReportRead, about).Allowed || a.May(actor.ReportTakeOver, about).Allowed
		})
	case message.Receipt, message.Invitation, message.Wanted:
	}
	return true
}

// object is the report of a body, or of the one that took over from it, which a
// person made ("" for nobody known), as the matrix asks.
func (d directory) object(body, owner string) actor.Object {
	if _, heir, ok := d.r.Successor(body); ok {
		body = heir.ID
	}
	return actor.Object{Organisation: body, Owner: owner}
}

func (d directory) active(organisation string) bool {
	o, ok := d.r.Organisation(organisation)
	return ok && o.Active
}

func (d directory) standsInForDuty(person string) bool {
	return slices.ContainsFunc(d.r.People("", actor.Duty), func(p register.Person) bool { return p.StandIn(d.now()) == person })
}

// changes is the store as the board's streams see it.
type changes struct{ s *store.Store }

// Changes implements web.Changes.
func (c changes) Changes(ctx context.Context, seq int64, limit int) ([]web.Change, int64, error) {
	list, last, err := c.s.Changes(ctx, seq, limit)
	out := make([]web.Change, len(list))
	for i, x := range list {
		out[i] = web.Change(x)
	}
	return out, last, err
}

// LastChange implements web.Changes.
func (c changes) LastChange(ctx context.Context) (int64, error) { return c.s.LastChange(ctx) }
