// SPDX-License-Identifier: EUPL-1.2

// Package invitation brings people in and gives them roles: invitations by a
// link of single use, the four eyes on roles of the CERT, and the links with
// which somebody sets a lost secret anew.
package invitation

import (
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Act is who does something, when and in which request.
type Act = constituency.Act

// Life is how long a link works.
const Life = 7 * 24 * time.Hour

// Kind is what accepting does.
type Kind string

// The kinds. Resetting one secret asks for the other one: no link alone lets
// anybody in.
const (
	Join     Kind = "join"     // take on roles; whoever is new sets up password and app
	Password Kind = "password" // set another password, with the second factor
	Factor   Kind = "factor"   // set up another app, with the password
	Roles4   Kind = "roles"    // roles for somebody who is here, waiting for the second pair of eyes
)

// State is where an invitation stands.
type State string

// The states.
const (
	Waiting   State = "waiting" // for a second administrator
	Sent      State = "sent"
	Expired   State = "expired"
	Accepted  State = "accepted"
	Withdrawn State = "withdrawn"
	Void      State = "void" // nobody with the right stands behind it any more
)

// Invitation asks somebody to come in. Only the SHA-256 of its token is kept.
type Invitation struct {
	ID           string
	Kind         Kind
	Person       string // who it makes or is about
	Name         string
	Email        string
	Function     string
	Language     string
	Memberships  []account.Membership
	Organisation string // on whose side it stands in lists
	InvitedBy    string // person, or service:operator
	MadeAt       time.Time
	FourEyes     bool
	ConfirmedBy  string
	ConfirmedAt  *time.Time
	Sum          []byte
	ExpiresAt    time.Time
	AcceptedAt   *time.Time
	WithdrawnAt  *time.Time
	EndedWhy     string // RightLost, "" when somebody withdrew it
	Version      int
}

// State at a moment.
func (i Invitation) State(at time.Time) State {
	switch {
	case i.AcceptedAt != nil:
		return Accepted
	case i.WithdrawnAt != nil && i.EndedWhy != "":
		return Void
	case i.WithdrawnAt != nil:
		return Withdrawn
	case !at.Before(i.ExpiresAt):
		return Expired
	case i.FourEyes && i.ConfirmedAt == nil:
		return Waiting
	}
	return Sent
}

// Usable reports whether the link works at the moment.
func (i Invitation) Usable(at time.Time) bool { return i.State(at) == Sent && i.Kind != Roles4 }

// Withdraw ends an invitation that nobody has accepted yet.
func (i *Invitation) Withdraw(at time.Time) error {
	if s := i.State(at); s == Accepted || s == Withdrawn || s == Void {
		return fault.New(fault.Conflict, "this invitation is %s already", s)
	}
	i.WithdrawnAt, i.Sum = &at, nil
	i.Version++
	return nil
}

// send gives the invitation a fresh link; the one before is void.
func (i *Invitation) send(sum []byte, at time.Time) error {
	if s := i.State(at); s == Accepted || s == Withdrawn || s == Void || s == Waiting {
		return fault.New(fault.Conflict, "this invitation is %s", s)
	}
	i.Sum, i.ExpiresAt = sum, at.Add(Life)
	i.Version++
	return nil
}

// confirm is the second pair of eyes: another person than the one who asked,
// and than the one who gets the roles.
func (i *Invitation) confirm(by string, at time.Time) error {
	if s := i.State(at); s != Waiting {
		return fault.New(fault.Conflict, "this invitation is %s", s)
	}
	if by == i.InvitedBy || by == i.Person {
		return fault.New(fault.Forbidden, "another administrator must confirm this")
	}
	i.ConfirmedBy, i.ConfirmedAt = by, &at
	return nil
}

// mail is the event that has the link mailed.
func (i Invitation) mail(token string, o event.Organisation) event.Payload {
	if i.Kind == Join {
		return event.PersonInvited{
			Person: i.Person, Name: i.Name, Email: i.Email, Language: i.Language, Organisation: o, Token: token, ExpiresAt: i.ExpiresAt,
		}
	}
	return event.NoticeWanted{
		ID: event.NewID(), Kind: string(i.Kind) + "_reset", Topic: string(i.Kind) + "_reset-" + i.Person, Person: i.Person,
		Name: i.Name, Email: i.Email, Language: i.Language, Organisation: o, Path: "/konto/einladung/" + token, ExpiresAt: &i.ExpiresAt,
	}
}
