// SPDX-License-Identifier: EUPL-1.2

package alert

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

// By is who acts and in which request.
type By struct {
	actor.Actor
	RequestID string
	Via       string // "link" when an answer link spoke for the person
}

// Named is the person as events name them.
func (b By) Named() event.Person { return event.Person{ID: b.Person, Name: b.Name} }

// Effect is what a change of an alert does beside the alert itself; it commits
// with it.
type Effect struct {
	Action   string          // for the audit
	Events   []event.Payload // for the outbox
	Audience *Audience       // published: bodies, links and deliveries of it
	AllClear bool            // withdrawn: to everybody who was warned
}

// Filter narrows the list of alerts.
type Filter struct {
	States        []State  // empty: all
	Everything    bool     // else only alerts for one of:
	Organisations []string // the own ones
	Mandated      []string // those under a mandate, up to AMBER: TLP 2.0 keeps the rest inside
	After         string
	Limit         int
}

// BodyFilter narrows the board of an alert.
type BodyFilter struct {
	Answer        string // one of Answers, "none" for silent bodies, "" for all
	Organisations []string
	After         string
	Limit         int
}

// Delivery is one line of the list of deliveries.
type Delivery struct {
	ID           string
	Version      int // of the alert
	Kind         string
	Channel      string
	Recipient    string
	Name         string
	Organisation string
	Mandated     int // for how many principals
	State        string
	Attempts     int
	NextAt       *time.Time
	DoneAt       *time.Time
	Reason       string
}

// DeliveryFilter narrows the list of deliveries.
type DeliveryFilter struct {
	State string
	After string
	Limit int
}

// Grant is what an answer link stands for.
type Grant struct {
	Alert        string
	Organisation string
	Person       string // "" for a functional mailbox
}

// CaseCopy is what notification keeps of a case to fill a draft.
type CaseCopy struct {
	ID, Reference, Title, Severity, TLP, Class, What string
	Organisation                                     event.Organisation
	Exercise                                         bool
	Locked                                           bool   // need to know
	Assignee                                         string // id of who works it
}

// ReadableBy reports whether a draft may take from the case for somebody, and
// name it to them: one that is locked only for who may read it (reliability
// model §2.4).
func (c CaseCopy) ReadableBy(a actor.Actor) bool {
	o := actor.Object{Organisation: c.Organisation.ID, Assignee: c.Assignee, Locked: true}
	return !c.Locked || a.May(actor.CaseRead, o).Allowed
}

// Store keeps alerts. Lookups of what is not there are NotFound.
type Store interface {
	Create(ctx context.Context, year int, by By, build func(id, reference string) (Alert, error)) (Alert, error)
	// As reads on behalf of somebody: what the seer may not see is not there.
	As(seer actor.Seer) Reading
	// Update loads the alert under a lock, changes and saves it with its effect.
	Update(ctx context.Context, idOrReference string, by By, change func(a *Alert) (Effect, error)) (Alert, error)
	// Answer does the same for one body of an alert.
	Answer(ctx context.Context, alert, organisation string, by By, change func(a *Alert, b *Body) (event.PollAnswered, error)) (Body, error)
	// Counts sums up the answers of each alert: numbers of all its bodies.
	Counts(ctx context.Context, alerts ...string) (map[string]Count, error)
	Grant(ctx context.Context, tokenHash []byte) (Grant, error)
	Wishes(ctx context.Context) (Wishes, error)
	// Backlog counts the messages that wait and says since when.
	Backlog(ctx context.Context) (n int, oldest time.Time, err error)
}

// Reading is what one reader sees of alerts.
type Reading interface {
	Alert(ctx context.Context, idOrReference string) (Alert, error)
	Alerts(ctx context.Context, f Filter) ([]Alert, string, error)
	Bodies(ctx context.Context, alert string, f BodyFilter) ([]Body, string, error)
	// BodiesOf returns the bodies of several alerts that are among organisations.
	BodiesOf(ctx context.Context, alerts, organisations []string) (map[string][]Body, error)
	Deliveries(ctx context.Context, alert string, f DeliveryFilter) ([]Delivery, string, error)
	DeliveryTally(ctx context.Context, alert string) (map[string]int, error)
	Case(ctx context.Context, id string) (CaseCopy, error)
}

// SeerOf is what a person sees of alerts: as reader, answerer or editor.
func SeerOf(a actor.Actor) actor.Seer {
	return a.Seer(actor.AlertRead, actor.PollAnswer, actor.AlertWork, actor.AlertDraft, actor.DeliveryRead)
}

// Desk is the one place that works with alerts; page and API call it alike.
type Desk struct {
	Store    Store
	Register Register
	Now      func() time.Time
}

// Draft starts an alert.
func (d Desk) Draft(ctx context.Context, by By, c Content) (Alert, error) {
	if !by.May(actor.AlertDraft, actor.Object{}).Allowed {
		return Alert{}, fault.New(fault.Forbidden, "you may not draft alerts")
	}
	now := d.Now()
	return d.Store.Create(ctx, now.Year(), by, func(id, reference string) (Alert, error) {
		return New(id, reference, by.Named(), c, now)
	})
}

// Edit changes the draft that the caller saw as revision.
func (d Desk) Edit(ctx context.Context, by By, id string, revision int, change func(*Content)) (Alert, error) {
	if !by.May(actor.AlertDraft, actor.Object{}).Allowed {
		return Alert{}, fault.New(fault.Forbidden, "you may not draft alerts")
	}
	return d.Store.Update(ctx, id, by, func(a *Alert) (Effect, error) {
		if a.Revision != revision {
			return Effect{}, fault.New(fault.Stale, "somebody changed alert %s since you read it", a.Reference)
		}
		c := a.Shown().Content
		if a.Draft != nil {
			c = a.Draft.Content
		} else {
			c.Changes = ""
		}
		change(&c)
		return Effect{Action: "alert.edit"}, a.Edit(by.Named(), c, d.Now())
	})
}

// Audience is exactly who would get the draft, or the published version, now.
func (d Desk) Audience(ctx context.Context, a *Alert) (Audience, error) {
	w, err := d.Store.Wishes(ctx)
	if err != nil {
		return Audience{}, err
	}
	v := a.Draft
	if v == nil {
		v = a.Current
	}
	return Select(v.Content, d.Register, w), nil
}

// Release publishes the draft in the revision that the approver read, else Stale.
// The audience is computed again in this moment.
func (d Desk) Release(ctx context.Context, by By, id string, revision int) (Alert, error) {
	if !by.May(actor.AlertApprove, actor.Object{}).Allowed {
		return Alert{}, fault.New(fault.Forbidden, "only an approver may release an alert")
	}
	return d.Store.Update(ctx, id, by, func(a *Alert) (Effect, error) {
		if a.Revision != revision {
			return Effect{}, fault.New(fault.Stale, "somebody changed alert %s since you read it", a.Reference)
		}
		var who Audience
		if a.Draft != nil {
			var err error
			if who, err = d.Audience(ctx, a); err != nil {
				return Effect{}, err
			}
		}
		e, err := a.Release(by.Named(), len(who.Organisations), len(who.Recipients), d.Now())
		e.Bodies = who.Reached()
		return Effect{Action: "alert.release", Events: []event.Payload{e}, Audience: &who}, err
	})
}

// Withdraw ends an alert in the revision that was read, else Stale.
func (d Desk) Withdraw(ctx context.Context, by By, id string, revision int) (Alert, error) {
	if !by.May(actor.AlertApprove, actor.Object{}).Allowed {
		return Alert{}, fault.New(fault.Forbidden, "only an approver may withdraw an alert")
	}
	return d.Store.Update(ctx, id, by, func(a *Alert) (Effect, error) {
		if a.Revision != revision {
			return Effect{}, fault.New(fault.Stale, "somebody changed alert %s since you read it", a.Reference)
		}
		e, err := a.Withdraw(by.Named(), d.Now())
		return Effect{Action: "alert.withdraw", Events: []event.Payload{e}, AllClear: true}, err
	})
}

// Readable are the alerts a person may read: all for the CERT, else those for
// own and mandated bodies. False when nothing may be read.
func Readable(a actor.Actor) (organisations []string, everything, ok bool) {
	v := a.View(actor.AlertRead)
	return v.Organisations, v.Everything, !v.Empty()
}

// Listed narrows a list to what the person may read one by one.
func (f Filter) Listed(a actor.Actor) Filter {
	s := a.Seer(actor.AlertRead)
	f.Everything, f.Organisations, f.Mandated = a.View(actor.AlertRead).Everything, s.Organisations, s.Mandated
	return f
}

// ForAgents reports whether those who act under a mandate may know an alert of
// this label (TLP 2.0: AMBER reaches clients, AMBER+STRICT does not).
func ForAgents(l tlp.Label) bool { return l == tlp.Amber || l.MailShowsText() }

// MayRead reports whether a signed-in person may read the published alert.
// bodies are those of its audience that the person reaches.
func MayRead(a actor.Actor, v *Version, bodies []Body) bool {
	if a.View(actor.AlertRead).Everything {
		return true
	}
	for _, b := range bodies {
		d := a.May(actor.AlertRead, actor.Object{Organisation: b.Organisation.ID})
		if d.Allowed && (d.OnBehalfOf == "" || ForAgents(v.TLP)) {
			return true
		}
	}
	return false
}

// Answerable are the bodies of an alert for which a person may answer now:
// their own, and principals under a mandate with the scope "polls".
func (d Desk) Answerable(ctx context.Context, a actor.Actor, alertID string) ([]Body, error) {
	orgs := a.View(actor.PollAnswer).Organisations
	if len(orgs) == 0 {
		return nil, nil
	}
	bodies, _, err := d.Store.As(SeerOf(a)).Bodies(ctx, alertID, BodyFilter{Organisations: orgs, Limit: len(orgs)})
	return bodies, err
}

// AnswerableOf is Answerable for a list of alerts.
func (d Desk) AnswerableOf(ctx context.Context, a actor.Actor, alerts []string) (map[string][]Body, error) {
	orgs := a.View(actor.PollAnswer).Organisations
	if len(orgs) == 0 || len(alerts) == 0 {
		return map[string][]Body{}, nil
	}
	return d.Store.As(SeerOf(a)).BodiesOf(ctx, alerts, orgs)
}

// Granted are the bodies for which an answer link speaks. person is who the
// link belongs to now (the zero actor for a functional mailbox): a mandate that
// was revoked or a person who left takes the bodies away.
func (d Desk) Granted(ctx context.Context, g Grant, person actor.Actor) ([]Body, error) {
	if g.Person != "" {
		return d.Answerable(ctx, person, g.Alert)
	}
	box := actor.Seer{Organisations: []string{g.Organisation}}
	bodies, _, err := d.Store.As(box).Bodies(ctx, g.Alert, BodyFilter{Organisations: []string{g.Organisation}, Limit: 1})
	return bodies, err
}

// Answer takes the reply for a body. allowed are the bodies the caller may
// answer for, from Answerable or Granted.
func (d Desk) Answer(ctx context.Context, by By, alertID, organisation string, allowed []Body, r Reply) (Body, error) {
	if !slices.ContainsFunc(allowed, func(b Body) bool { return b.Organisation.ID == organisation }) {
		return Body{}, fault.New(fault.NotFound, "you cannot answer for this organisation")
	}
	may := by.May(actor.PollAnswer, actor.Object{Organisation: organisation})
	onBehalf, agent := may.OnBehalfOf, d.agent(by.Actor, may)
	var as Body
	body, err := d.Store.Answer(ctx, alertID, organisation, by, func(a *Alert, b *Body) (event.PollAnswered, error) {
		if onBehalf != "" && (a.Current == nil || !ForAgents(a.Current.TLP)) {
			return event.PollAnswered{}, fault.New(fault.NotFound, "you cannot answer for this organisation")
		}
		as = *b
		e, err := a.Answer(b, r, by.Named(), onBehalf, agent, d.Now())
		if err == nil && as.says(*b) {
			err = errSaid
		}
		return e, err
	})
	if errors.Is(err, errSaid) {
		return as, nil
	}
	return body, err
}

// agent is the organisation that acts under the mandate of a decision, nil
// without one.
func (d Desk) agent(a actor.Actor, may actor.Decision) *event.Organisation {
	i := slices.IndexFunc(a.Mandates, func(m actor.Mandate) bool { return m.ID == may.Mandate })
	if may.OnBehalfOf == "" || i < 0 {
		return nil
	}
	id := a.Mandates[i].Agent
	for _, o := range d.Register.Organisations() {
		if o.ID == id {
			return &o.Organisation
		}
	}
	return &event.Organisation{ID: id}
}

// errSaid leaves an answer as it is that says what was said: a second tap makes
// no second version, event or line in the history.
var errSaid = errors.New("said already")

// says reports whether b says the same as other, to the same version of the alert.
func (b Body) says(other Body) bool {
	return b.Answer != "" && b.Answer == other.Answer && b.Detail == other.Detail && b.Text == other.Text &&
		b.AlertVersion == other.AlertVersion && b.OnBehalf == other.OnBehalf && b.AnsweredBy == other.AnsweredBy
}

// FromCase fills a draft from what is known of a case. The title names no
// organisation: who was hit is nobody's business. From AMBER+STRICT on there is
// none: what the CERT wrote about the case is not on its way to everybody. Nor is
// that of a locked case.
func FromCase(c CaseCopy) Content {
	title := ""
	if l, err := tlp.Parse(c.TLP); err == nil && l.MailShowsTitle() && !c.Locked {
		title = strings.Trim(strings.ReplaceAll(c.Title, c.Organisation.Name, ""), " –")
	}
	level := map[string]int{"critical": 3, "high": 2}[c.Severity]
	return Content{
		Severity: c.Severity, WarningLevel: max(1, level), TLP: tlp.Green, CaseID: c.ID, Exercise: c.Exercise,
		Title: title, Poll: &event.Poll{},
	}
}
