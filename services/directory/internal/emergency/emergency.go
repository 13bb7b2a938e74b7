// SPDX-License-Identifier: EUPL-1.2

// Package emergency holds how an organisation is reached when its own mail and
// telephony are gone: ways that are often private and therefore sealed. The
// organisation sees its own; the CERT opens them with a reason, for ten minutes
// and one session, and the organisation is told.
package emergency

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Act is who does something, when and in which request.
type Act = constituency.Act

// Shown is how long an opening shows the words to the session that asked.
const Shown = 10 * time.Minute

// Ways are the ways outside the organisation's own IT.
type Ways struct {
	Name   string `json:"name"`   // whom one asks for
	Mobile string `json:"mobile"` // private
	Office string `json:"office"` // of a neighbour, such as the fire brigade's
	Fax    string `json:"fax"`
	Email  string `json:"email"` // elsewhere
	Note   string `json:"note"`
}

const maxNote = 1000

// clean trims; all mistakes come back at once.
func (w *Ways) clean() error {
	var bad fault.Fields
	for _, s := range []*string{&w.Name, &w.Mobile, &w.Office, &w.Fax, &w.Email, &w.Note} {
		*s = strings.TrimSpace(*s)
	}
	if w.Name == "" || len([]rune(w.Name)) > 200 {
		bad.Add("name", "directory.error.name", "name must have 1 to 200 characters")
	}
	for name, number := range map[string]string{"mobile": w.Mobile, "office": w.Office, "fax": w.Fax} {
		if number != "" && !constituency.ValidPhone(number) {
			bad.Add(name, "directory.error.phone", name+" must have 3 to 40 digits, spaces or +/-()")
		}
	}
	if w.Email != "" && !constituency.ValidEmail(w.Email) {
		bad.Add("email", "directory.error.email", "email is not an address")
	}
	if w.Mobile == "" && w.Office == "" && w.Fax == "" && w.Email == "" {
		bad.Add("mobile", "directory.emergency.error.way", "give at least one way")
	}
	if len([]rune(w.Note)) > maxNote {
		bad.Add("note", "directory.emergency.error.note", "note has at most 1000 characters")
	}
	return bad.Err()
}

// Usual are the ways of every day, which an attack takes away together.
type Usual struct{ Emails, Phones []string }

// Warning says that a way goes down together with the organisation's own IT.
type Warning string

// The warnings.
const (
	SameMail  Warning = "email" // the address has the organisation's own domain
	SamePhone Warning = "phone" // the number hangs on the organisation's own exchange
)

// Warnings lists what is not outside the organisation's own IT.
func (w Ways) Warnings(usual Usual) []Warning {
	var out []Warning
	for _, e := range usual.Emails {
		if d := domain(w.Email); d != "" && d == domain(e) {
			out = append(out, SameMail)
			break
		}
	}
	for _, p := range usual.Phones {
		if sameExchange(w.Office, p) || sameExchange(w.Fax, p) || w.Mobile != "" && number(w.Mobile) == number(p) {
			out = append(out, SamePhone)
			break
		}
	}
	return out
}

// domain is what comes after the @, without the host's part of subdomains:
// mail.stadt.example counts as stadt.example.
func domain(address string) string {
	_, d, ok := strings.Cut(strings.ToLower(address), "@")
	if !ok {
		return ""
	}
	parts := strings.Split(d, ".")
	return strings.Join(parts[max(0, len(parts)-2):], ".")
}

// number is what is dialled, without country and leading zeros.
func number(s string) string {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
	digits = strings.TrimPrefix(strings.TrimPrefix(digits, "00"), "49")
	return strings.TrimLeft(digits, "0")
}

// sameExchange reports whether two numbers differ in their extension only: the
// last three digits.
func sameExchange(a, b string) bool {
	a, b = number(a), number(b)
	if len(a) < 6 || len(b) < 6 {
		return a != "" && a == b
	}
	n := min(len(a), len(b)) - 3
	return a[:n] == b[:n] && max(len(a), len(b))-n <= 5
}

// Sealed are the ways as they are kept.
type Sealed struct {
	Organisation string
	Box          []byte
	ChangedAt    time.Time
	Version      int
}

// Opening is one look into a seal by the CERT.
type Opening struct {
	ID, Organisation, Person, PersonName, Session, Reason string
	OpenedAt, ExpiresAt                                   time.Time
}

// Store keeps seals and openings.
type Store interface {
	Organisation(ctx context.Context, reference string) (constituency.Organisation, error)
	Sealed(ctx context.Context, organisation string) (Sealed, error) // NotFound
	// Seal stores the box when version is the present one (0: there is none yet), else Stale.
	Seal(ctx context.Context, act Act, s Sealed, version int) error
	UsualWays(ctx context.Context, organisation string) (Usual, error)
	// OpenSeal notes the opening and tells the organisation.
	OpenSeal(ctx context.Context, act Act, o Opening) error
	// OpenNow is the opening that still shows the words to a session; NotFound.
	OpenNow(ctx context.Context, organisation, session string, at time.Time) (Opening, error)
	Openings(ctx context.Context, organisation string) ([]Opening, error)
	NoteRead(ctx context.Context, act Act, action, objectType, objectID string) error
	Deny(ctx context.Context, act Act, action, objectType, objectID string) error
}

// Vault seals with a key that the database does not have.
type Vault interface {
	SealNote(plain []byte, organisation string) []byte
	OpenNote(box []byte, organisation string) ([]byte, error)
}

// Desk is what people may do about emergency contacts.
type Desk struct {
	Store Store
	Vault Vault
	Now   func() time.Time
}

func (d *Desk) now() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }

// State is what a page shows: the words only to who may see them now.
type State struct {
	Organisation constituency.Organisation
	Present      bool
	ChangedAt    time.Time
	Version      int
	Ways         *Ways
	Until        *time.Time // until when an opening shows them
	Warnings     []Warning
	Openings     []Opening
}

// Own returns the organisation's own ways to its own people; that they look is
// written down.
func (d *Desk) Own(ctx context.Context, act Act, reference string) (State, error) {
	act.At = d.now()
	o, err := d.allowed(ctx, &act, actor.EmergencyEdit, reference)
	if err != nil {
		return State{}, err
	}
	s, err := d.state(ctx, o)
	if err != nil || !s.Present {
		return s, err
	}
	if err := d.unseal(ctx, &s); err != nil {
		return s, err
	}
	if s.Openings, err = d.Store.Openings(ctx, o.ID); err != nil {
		return s, err
	}
	return s, d.Store.NoteRead(ctx, act, string(actor.EmergencyEdit), "emergency", o.ID)
}

func (d *Desk) state(ctx context.Context, o constituency.Organisation) (State, error) {
	s := State{Organisation: o}
	sealed, err := d.Store.Sealed(ctx, o.ID)
	if fault.Is(err, fault.NotFound) {
		return s, nil
	}
	s.Present, s.ChangedAt, s.Version = err == nil, sealed.ChangedAt, sealed.Version
	return s, err
}

func (d *Desk) unseal(ctx context.Context, s *State) error {
	sealed, err := d.Store.Sealed(ctx, s.Organisation.ID)
	if err != nil {
		return err
	}
	plain, err := d.Vault.OpenNote(sealed.Box, s.Organisation.ID)
	if err != nil {
		return err
	}
	var w Ways
	if err := json.Unmarshal(plain, &w); err != nil {
		return fault.Wrap(fault.Internal, err, "the sealed words cannot be read")
	}
	usual, err := d.Store.UsualWays(ctx, s.Organisation.ID)
	s.Ways, s.Warnings = &w, w.Warnings(usual)
	return err
}

// Present reports whether the organisation has left any, and since when: that
// much is no secret to who may read its contacts.
func (d *Desk) Present(ctx context.Context, o constituency.Organisation) (State, error) {
	return d.state(ctx, o)
}

// Keep seals new words when version is the present one.
func (d *Desk) Keep(ctx context.Context, act Act, reference string, version int, w Ways) (State, error) {
	act.At = d.now()
	o, err := d.allowed(ctx, &act, actor.EmergencyEdit, reference)
	if err != nil {
		return State{}, err
	}
	if o.Gone() {
		return State{}, fault.New(fault.Conflict, "%s is no longer in the register", o.Name)
	}
	if err := w.clean(); err != nil {
		return State{}, err
	}
	plain, err := json.Marshal(w)
	if err != nil {
		return State{}, err
	}
	box := d.Vault.SealNote(plain, o.ID)
	if err := d.Store.Seal(ctx, act, Sealed{Organisation: o.ID, Box: box, ChangedAt: act.At}, version); err != nil {
		return State{}, err
	}
	s, err := d.state(ctx, o)
	if err != nil {
		return s, err
	}
	return s, d.unseal(ctx, &s)
}

// Look is the CERT's page: sealed, or the words while an opening of this session
// lasts.
func (d *Desk) Look(ctx context.Context, act Act, reference string) (State, error) {
	act.At = d.now()
	o, err := d.allowed(ctx, &act, actor.SealedOpen, reference)
	if err != nil {
		return State{}, err
	}
	s, err := d.state(ctx, o)
	if err != nil || !s.Present {
		return s, err
	}
	open, err := d.Store.OpenNow(ctx, o.ID, act.Actor.Session, act.At)
	if fault.Is(err, fault.NotFound) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	s.Until = &open.ExpiresAt
	return s, d.unseal(ctx, &s)
}

// Open breaks the seal for the session, with a reason that the organisation and
// the audit get.
func (d *Desk) Open(ctx context.Context, act Act, reference, reason string) (State, error) {
	act.At = d.now()
	o, err := d.allowed(ctx, &act, actor.SealedOpen, reference)
	if err != nil {
		return State{}, err
	}
	reason = strings.TrimSpace(reason)
	if n := len([]rune(reason)); n < 10 || n > 500 {
		var bad fault.Fields
		bad.Add("reason", "directory.emergency.error.reason", "say in 10 to 500 characters why")
		return State{Organisation: o}, bad.Err()
	}
	s, err := d.state(ctx, o)
	if err != nil {
		return s, err
	}
	if !s.Present {
		return s, fault.New(fault.Conflict, "%s has left no emergency contact", o.Name)
	}
	opening := Opening{
		ID: event.NewID(), Organisation: o.ID, Person: act.Actor.Person, Session: act.Actor.Session, Reason: reason,
		OpenedAt: act.At, ExpiresAt: act.At.Add(Shown),
	}
	if err := d.Store.OpenSeal(ctx, act, opening); err != nil {
		return s, err
	}
	s.Until = &opening.ExpiresAt
	return s, d.unseal(ctx, &s)
}

// allowed is the organisation when the actor may; the denial is written down.
func (d *Desk) allowed(ctx context.Context, act *Act, action actor.Action, reference string) (constituency.Organisation, error) {
	o, err := d.Store.Organisation(ctx, reference)
	if err != nil {
		return o, err
	}
	if act.Actor.May(action, actor.Object{Organisation: o.ID}).Allowed {
		return o, nil
	}
	if err := d.Store.Deny(ctx, *act, string(action), "emergency", o.ID); err != nil {
		return o, err
	}
	if !act.Actor.SignedIn() {
		return o, fault.New(fault.Unauthenticated, "sign in first")
	}
	return o, fault.New(fault.Forbidden, "you may not do this")
}
