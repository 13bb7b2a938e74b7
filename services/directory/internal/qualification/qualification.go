// SPDX-License-Identifier: EUPL-1.2

// Package qualification is the register of information security officers: what
// they have learnt, until when it counts, and where one is missing (domain facts
// §8 row 35).
package qualification

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/contact"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Act is who does something, when and in which request.
type Act = constituency.Act

// Kind says what proves it.
type Kind string

// The kinds.
const (
	Certificate Kind = "certificate"
	Training    Kind = "training"
)

// Qualification is one certificate or training of an ISB or their deputy.
type Qualification struct {
	ID           string
	Organisation string
	Contact      string
	Kind         Kind
	Name         string
	Issuer       string
	ObtainedOn   time.Time
	ValidUntil   *time.Time // the last day; nil: does not end
	Document     string     // where it is filed
	ChangedAt    time.Time
	Version      int
}

// MaxQualifications is how many one contact can have.
const MaxQualifications = 50

// Check trims; all mistakes come back at once.
func (q *Qualification) Check(at time.Time) error {
	q.Name, q.Issuer, q.Document = strings.TrimSpace(q.Name), strings.TrimSpace(q.Issuer), strings.TrimSpace(q.Document)
	var bad fault.Fields
	if q.Kind != Certificate && q.Kind != Training {
		bad.Add("kind", "directory.isb.error.kind", "kind must be certificate or training")
	}
	if n := len([]rune(q.Name)); n == 0 || n > 200 {
		bad.Add("name", "directory.isb.error.name", "name must have 1 to 200 characters")
	}
	if len([]rune(q.Issuer)) > 200 {
		bad.Add("issuer", "directory.isb.error.issuer", "issuer has at most 200 characters")
	}
	if q.ObtainedOn.IsZero() || q.ObtainedOn.After(at) {
		bad.Add("obtained_on", "directory.isb.error.obtained", "obtained_on must be a day that is not in the future")
	}
	if q.ValidUntil != nil && q.ValidUntil.Before(q.ObtainedOn) {
		bad.Add("valid_until", "directory.isb.error.valid", "valid_until must not be before obtained_on")
	}
	if len([]rune(q.Document)) > 200 {
		bad.Add("document", "directory.onboarding.error.document", "document has at most 200 characters")
	}
	return bad.Err()
}

// State says how an organisation stands with its ISB.
type State string

// The states: nobody, nothing proven, in force, ending within Soon, ended.
const (
	NoOfficer State = "no_officer"
	Unproven  State = "unproven"
	InForce   State = "in_force"
	Expiring  State = "expiring"
	Expired   State = "expired"
)

// Soon is when an end is near.
const Soon = 90 * 24 * time.Hour

// States lists all, the worst first.
func States() []State { return []State{NoOfficer, Expired, Expiring, Unproven, InForce} }

// Line is one organisation with its ISB.
type Line struct {
	Organisation, OrganisationName, AGS, KreisName string
	Level                                          constituency.Level
	Contact, Name, Email                           string // of the first ISB; "" when there is none
	Best                                           *Qualification
	Serves                                         int // how many organisations the ISB serves
	Cursor                                         string
	Later                                          bool // comes after the cursor that was asked for
}

// State of the line at the moment: that of the certificate which lasts longest.
func (l Line) State(at time.Time) State {
	switch {
	case l.Contact == "":
		return NoOfficer
	case l.Best == nil:
		return Unproven
	case l.Best.ValidUntil == nil || l.Best.ValidUntil.Add(24*time.Hour).After(at.Add(Soon)):
		return InForce
	case l.Best.ValidUntil.Add(24 * time.Hour).After(at):
		return Expiring
	}
	return Expired
}

// Filter of the register; Shared: only ISBs who serve several organisations.
type Filter struct {
	State  State // "" for all
	Shared bool
	Kreis  string
	After  string // a line's cursor
	Limit  int    // 0 for all
}

// Part is a part of the register; Total counts all lines of the filter.
type Part struct {
	Lines []Line
	Next  string
	Total int
}

// Store keeps qualifications.
type Store interface {
	Officers(ctx context.Context, kreis, after string) ([]Line, error)
	Qualifications(ctx context.Context, contact string) ([]Qualification, error)
	AddQualification(ctx context.Context, act Act, q Qualification) error
	RemoveQualification(ctx context.Context, act Act, contact, id string) error
	Organisation(ctx context.Context, reference string) (constituency.Organisation, error)
	Contact(ctx context.Context, id string) (contact.Contact, error)
	NoteRead(ctx context.Context, act Act, action, objectType, objectID string) error
	Deny(ctx context.Context, act Act, action, objectType, objectID string) error
}

// Desk is what people may do about it.
type Desk struct {
	Store Store
	Now   func() time.Time
}

func (d *Desk) now() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }

// Register lists organisations with their ISBs. Who may not read contacts gets
// no names. It reads the whole register, which has at most some hundred lines,
// since the states follow from the day and are counted.
func (d *Desk) Register(ctx context.Context, act Act, f Filter) (Part, error) {
	act.At = d.now()
	all, err := d.Store.Officers(ctx, f.Kreis, f.After)
	if err != nil {
		return Part{}, err
	}
	named := act.Actor.View(actor.ContactRead).Everything
	var out Part
	for _, l := range all {
		if f.State != "" && l.State(act.At) != f.State || f.Shared && l.Serves < 2 {
			continue
		}
		out.Total++
		if !l.Later {
			continue
		}
		if f.Limit > 0 && len(out.Lines) == f.Limit {
			out.Next = out.Lines[f.Limit-1].Cursor
			continue
		}
		if !named {
			l.Name, l.Email = "", ""
		}
		out.Lines = append(out.Lines, l)
	}
	if !named {
		return out, nil
	}
	return out, d.Store.NoteRead(ctx, act, string(actor.OfficersRead), "officers", f.Kreis)
}

// Of lists what a contact has learnt, for who may read the contact.
func (d *Desk) Of(ctx context.Context, act Act, reference, id string) (constituency.Organisation, contact.Contact, []Qualification, error) {
	act.At = d.now()
	o, c, err := d.find(ctx, act, actor.ContactRead, reference, id)
	if err != nil {
		return o, c, nil, err
	}
	list, err := d.Store.Qualifications(ctx, c.ID)
	return o, c, list, err
}

func (d *Desk) find(ctx context.Context, act Act, action actor.Action, reference, id string) (constituency.Organisation, contact.Contact, error) {
	o, err := d.Store.Organisation(ctx, reference)
	if err != nil {
		return o, contact.Contact{}, err
	}
	c, err := d.Store.Contact(ctx, id)
	if err != nil {
		return o, c, err
	}
	if c.Organisation != o.ID {
		return o, c, fault.New(fault.NotFound, "no contact %s", id)
	}
	object := actor.Object{Organisation: o.ID}
	if act.Actor.May(action, object).Allowed {
		return o, c, nil
	}
	if err := d.Store.Deny(ctx, act, string(action), "contact", id); err != nil {
		return o, c, err
	}
	if !act.Actor.May(actor.ContactRead, object).Allowed {
		return o, c, fault.New(fault.NotFound, "no contact %s", id)
	}
	return o, c, fault.New(fault.Forbidden, "you may not do this")
}

// Allow refuses who may not note what the contact has learnt; a refusal is
// audited.
func (d *Desk) Allow(ctx context.Context, act Act, reference, id string) error {
	act.At = d.now()
	_, _, err := d.find(ctx, act, actor.OfficerEdit, reference, id)
	return err
}

// Add notes what an ISB or their deputy has learnt.
func (d *Desk) Add(ctx context.Context, act Act, reference, id string, q Qualification) (Qualification, error) {
	act.At = d.now()
	o, c, err := d.find(ctx, act, actor.OfficerEdit, reference, id)
	if err != nil {
		return q, err
	}
	if !c.Has(contact.ISB) && !c.Has(contact.ISBDeputy) {
		return q, fault.New(fault.Conflict, "%s is no information security officer", c.Name)
	}
	if err := q.Check(act.At); err != nil {
		return q, err
	}
	have, err := d.Store.Qualifications(ctx, c.ID)
	if err != nil {
		return q, err
	}
	if len(have) >= MaxQualifications {
		return q, fault.New(fault.Conflict, "one person has at most %d entries", MaxQualifications)
	}
	q.ID, q.Organisation, q.Contact, q.ChangedAt, q.Version = event.NewID(), o.ID, c.ID, act.At, 1
	return q, d.Store.AddQualification(ctx, act, q)
}

// Remove takes an entry away.
func (d *Desk) Remove(ctx context.Context, act Act, reference, id, qualification string) error {
	act.At = d.now()
	if _, _, err := d.find(ctx, act, actor.OfficerEdit, reference, id); err != nil {
		return err
	}
	return d.Store.RemoveQualification(ctx, act, id, qualification)
}

// ParseState reads a state; "" is all of them.
func ParseState(s string) (State, error) {
	if s == "" || slices.Contains(States(), State(s)) {
		return State(s), nil
	}
	return "", fault.New(fault.Malformed, "%q is no state", s)
}
