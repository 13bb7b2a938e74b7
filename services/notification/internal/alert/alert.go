// SPDX-License-Identifier: EUPL-1.2

// Package alert holds the rules of warnings: who may draft and release them,
// who gets them, and how a body answers. It knows no database, no mail and no
// HTTP.
package alert

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

// State of an alert (design §7).
type State string

// The states.
const (
	Draft     State = "draft"
	Published State = "published"
	Withdrawn State = "withdrawn"
)

// Severities lists the CERT's view of how bad it is, worst first.
func Severities() []string { return []string{"critical", "high", "medium", "low"} }

// SeverityRank is 0 for the worst; unknown words come last.
func SeverityRank(s string) int {
	for i, x := range Severities() {
		if x == s {
			return i
		}
	}
	return len(Severities())
}

// MandatoryLevel is the warning level from which everybody gets an alert,
// whatever they subscribed to (domain page §6).
const MandatoryLevel = 3

// Content is what an editor writes.
type Content struct {
	Title        string
	Summary      string // plain words for the head of the administration
	Text         string // technical; lines "1. …" are the steps to take
	Changes      string // what is new in this version
	Severity     string
	WarningLevel int
	TLP          tlp.Label
	Category     string
	Products     []event.Product
	CVEs         []string
	CaseID       string
	Audience     event.Audience
	Poll         *event.Poll
	Exercise     bool
	ValidUntil   *time.Time
}

// Version is one version of an alert: a draft, or published and fixed for ever.
type Version struct {
	Number int
	Content
	Author       event.Person
	Contributors []string // everybody who wrote at it; none of them may release it
	CreatedAt    time.Time
	Approver     event.Person
	PublishedAt  *time.Time
	AudienceSize int
}

// Alert is a warning with its published version and the draft of the next.
type Alert struct {
	ID          string
	Reference   string // W-2026-0018
	State       State
	Revision    int // grows with each change: the entity tag
	Current     *Version
	Draft       *Version
	CreatedAt   time.Time
	WithdrawnAt *time.Time
	WithdrawnBy event.Person
}

// Reference writes the number of an alert as people read it out on the phone.
func Reference(year int, number int64) string { return fmt.Sprintf("W-%d-%04d", year, number) }

// Shown is the version to look at: the published one, else the draft.
func (a *Alert) Shown() *Version {
	if a.Current != nil {
		return a.Current
	}
	return a.Draft
}

// Open reports whether the alert takes answers at now: published, neither
// withdrawn nor past its end.
func (a *Alert) Open(now time.Time) bool {
	return a.State == Published && a.Current != nil &&
		(a.Current.ValidUntil == nil || now.Before(*a.Current.ValidUntil))
}

// EndedAt is when the alert stopped taking answers, nil while it is open.
func (a *Alert) EndedAt(now time.Time) *time.Time {
	switch {
	case a.WithdrawnAt != nil:
		return a.WithdrawnAt
	case a.Current != nil && a.Current.ValidUntil != nil && !now.Before(*a.Current.ValidUntil):
		return a.Current.ValidUntil
	}
	return nil
}

// New starts the draft of an alert. Nobody sees it outside the CERT.
func New(id, reference string, author event.Person, c Content, now time.Time) (Alert, error) {
	if err := c.check(now); err != nil {
		return Alert{}, err
	}
	return Alert{
		ID: id, Reference: reference, State: Draft, Revision: 1, CreatedAt: now,
		Draft: &Version{Number: 1, Content: c, Author: author, Contributors: []string{author.ID}, CreatedAt: now},
	}, nil
}

// Edit changes the draft. A published alert gets the draft of its next version;
// what is published stays as it is.
func (a *Alert) Edit(by event.Person, c Content, now time.Time) error {
	if a.State == Withdrawn {
		return fault.New(fault.Conflict, "alert %s was withdrawn", a.Reference)
	}
	if err := c.check(now); err != nil {
		return err
	}
	if a.Draft == nil {
		a.Draft = &Version{Number: a.Current.Number + 1, Author: by, CreatedAt: now}
	}
	a.Draft.Content = c
	a.Draft.contribute(by.ID)
	a.Revision++
	return nil
}

func (v *Version) contribute(person string) {
	if !slices.Contains(v.Contributors, person) {
		v.Contributors = append(v.Contributors, person)
	}
}

// Release publishes the draft. Four eyes: whoever wrote at it cannot release
// it. size is how many organisations it is for; without any there is nobody to
// warn and the release is refused.
func (a *Alert) Release(by event.Person, size, recipients int, now time.Time) (event.AlertPublished, error) {
	switch {
	case a.State == Withdrawn:
		return event.AlertPublished{}, fault.New(fault.Conflict, "alert %s was withdrawn", a.Reference)
	case a.Draft == nil:
		return event.AlertPublished{}, fault.New(fault.Conflict, "alert %s has no draft to release", a.Reference)
	}
	if slices.Contains(a.Draft.Contributors, by.ID) {
		return event.AlertPublished{}, fault.New(fault.Conflict, "you wrote at this draft: a second person has to release it")
	}
	if err := a.Draft.releasable(now); err != nil {
		return event.AlertPublished{}, err
	}
	if size == 0 || recipients == 0 {
		return event.AlertPublished{}, fault.New(fault.Invalid,
			"nobody would get this alert: %d organisations and %d recipients match the audience", size, recipients)
	}
	v := *a.Draft
	v.Approver, v.PublishedAt, v.AudienceSize = by, &now, size
	a.Current, a.Draft, a.State = &v, nil, Published
	a.Revision++
	return event.AlertPublished{Alert: a.Event()}, nil
}

// Withdraw ends the alert ("Entwarnung").
func (a *Alert) Withdraw(by event.Person, now time.Time) (event.AlertWithdrawn, error) {
	if a.State != Published {
		return event.AlertWithdrawn{}, fault.New(fault.Conflict, "only a published alert can be withdrawn; %s is not", a.Reference)
	}
	a.State, a.WithdrawnAt, a.WithdrawnBy = Withdrawn, &now, by
	a.Draft = nil
	a.Revision++
	return event.AlertWithdrawn{Alert: a.Event()}, nil
}

// Event is the published version as other services and recipients see it.
func (a *Alert) Event() event.Alert {
	v := a.Shown()
	e := event.Alert{
		ID: a.ID, Reference: a.Reference, Version: v.Number, State: string(a.State),
		Title: v.Title, Summary: v.Summary, Text: v.Text, Severity: v.Severity, WarningLevel: v.WarningLevel,
		TLP: string(v.TLP), Category: v.Category, Products: v.Products, CVEs: v.CVEs, CaseID: v.CaseID,
		Audience: v.Audience, AudienceSize: v.AudienceSize, Poll: v.Poll, Exercise: v.Exercise,
		Author: v.Author, Approver: v.Approver, ValidUntil: v.ValidUntil, WithdrawnAt: a.WithdrawnAt,
	}
	if v.PublishedAt != nil {
		e.PublishedAt = *v.PublishedAt
	}
	return e
}

// MailData is what the mail of an alert is written from: the version, and what
// is new in it. It is fixed with the notice, so that a late mail says what was
// released.
type MailData struct {
	event.Alert
	Changes string `json:"changes,omitempty"`
}

// MailData encodes the shown version for its notice.
func (a *Alert) MailData() []byte {
	b, err := json.Marshal(MailData{Alert: a.Event(), Changes: a.Shown().Changes})
	if err != nil {
		panic("alert: a version cannot be encoded: " + err.Error()) // plain values: cannot happen
	}
	return b
}
