// SPDX-License-Identifier: EUPL-1.2

package contact

import (
	"context"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// The rhythm of the yearly question (domain facts §5): a reminder, then a task
// for somebody who calls; the link outlives both.
const (
	RemindAfter   = 14 * 24 * time.Hour
	EscalateAfter = 14 * 24 * time.Hour // after the reminder
	LinkLife      = 60 * 24 * time.Hour
	batch         = 100
)

// Check is one question to a contact whether everything is still right.
type Check struct {
	ID         string
	Contact    string
	AskedAt    time.Time
	AnsweredAt *time.Time
	ExpiresAt  time.Time
}

// Open reports whether the link may still be used to answer.
func (c Check) Open(at time.Time) bool { return c.AnsweredAt == nil && at.Before(c.ExpiresAt) }

// Question is a check to send: the contact, its organisation and the link's
// secret, of which only the digest is kept.
type Question struct {
	Check        string
	Contact      Contact
	Organisation constituency.Organisation
	ExpiresAt    time.Time
}

// CheckStore keeps the questions.
type CheckStore interface {
	// DueForCheck lists contacts with an address that were confirmed before the
	// time, or never, and not asked since it.
	DueForCheck(ctx context.Context, before time.Time, limit int) ([]Question, error)
	// DueForReminder lists questions that were asked before the time, not reminded of and not answered.
	DueForReminder(ctx context.Context, before, at time.Time, limit int) ([]Question, error)
	// AskContact stores the digest of the link and the mail that carries it.
	AskContact(ctx context.Context, act Act, q Question, sum []byte, mail event.NoticeWanted) error
	// RemindContact is AskContact for a question that was asked before.
	RemindContact(ctx context.Context, act Act, q Question, sum []byte, mail event.NoticeWanted) error
	// Escalate makes tasks of questions reminded of before the time, and of old
	// contacts that cannot be asked by mail. It returns how many.
	Escalate(ctx context.Context, act Act, before, old time.Time) (int, error)
	// CheckOf finds the question of a link; NotFound.
	CheckOf(ctx context.Context, sum []byte) (Check, Contact, constituency.Organisation, error)
	// AnswerCheck notes the answer: the contact is right, or a wish that becomes a task.
	AnswerCheck(ctx context.Context, act Act, check, wish string) error
	// ForgetContacts deletes what was removed before the time.
	ForgetContacts(ctx context.Context, act Act, before time.Time) (int, error)
}

// Links makes the secrets of links.
type Links interface {
	NewLink() string
	Sum(text string) []byte
}

// Checks asks contacts once a year and takes their answers.
type Checks struct {
	Store CheckStore
	Links Links
	Now   func() time.Time
	Fresh time.Duration
}

func (c *Checks) now() time.Time { return c.Now().UTC().Truncate(time.Microsecond) }

// Round asks, reminds and hands over what is due. It returns how many mails it
// wants sent.
func (c *Checks) Round(ctx context.Context) (int, error) {
	act := Act{Actor: actor.System("directory"), At: c.now()}
	due, err := c.Store.DueForCheck(ctx, act.At.Add(-c.Fresh), batch)
	if err != nil {
		return 0, err
	}
	for _, q := range due {
		q.Check, q.ExpiresAt = event.NewID(), act.At.Add(LinkLife)
		if err := c.send(ctx, act, q, c.Store.AskContact); err != nil {
			return 0, err
		}
	}
	again, err := c.Store.DueForReminder(ctx, act.At.Add(-RemindAfter), act.At, batch)
	if err != nil {
		return len(due), err
	}
	for _, q := range again {
		if err := c.send(ctx, act, q, c.Store.RemindContact); err != nil {
			return len(due), err
		}
	}
	if _, err := c.Store.Escalate(ctx, act, act.At.Add(-EscalateAfter), act.At.Add(-c.Fresh)); err != nil {
		return len(due) + len(again), err
	}
	_, err = c.Store.ForgetContacts(ctx, act, act.At.Add(-Keep))
	return len(due) + len(again), err
}

func (c *Checks) send(ctx context.Context, act Act, q Question,
	keep func(context.Context, Act, Question, []byte, event.NoticeWanted) error,
) error {
	link := c.Links.NewLink()
	return keep(ctx, act, q, c.Links.Sum(link), event.NoticeWanted{
		ID: event.NewID(), Kind: "contact_check", Topic: "contact_check-" + q.Contact.ID, Person: q.Contact.Person,
		Name: q.Contact.Name, Email: q.Contact.Email, Language: "de",
		Organisation: event.Organisation{
			ID: q.Organisation.ID, AGS: q.Organisation.AGS, Name: q.Organisation.Name, Level: string(q.Organisation.Level), Kreis: q.Organisation.Kreis,
		},
		Path: "/verzeichnis/bestaetigen/" + link, ExpiresAt: &q.ExpiresAt,
	})
}

// Of finds the question of a link. A link that was never given or is over does
// not exist; one that was answered says so.
func (c *Checks) Of(ctx context.Context, link string) (Check, Contact, constituency.Organisation, error) {
	link = strings.ToLower(strings.TrimSpace(link))
	check, x, o, err := c.Store.CheckOf(ctx, c.Links.Sum(link))
	if err == nil && !c.now().Before(check.ExpiresAt) {
		err = fault.New(fault.NotFound, "this link is over")
	}
	return check, x, o, err
}

// MaxWish is the longest wish for a change.
const MaxWish = 1000

// Answer confirms the contact, or with a wish asks for a change: who holds the
// link may say that something is wrong, but not put another number in its place.
func (c *Checks) Answer(ctx context.Context, act Act, link, wish string, change bool) error {
	act.At = c.now()
	check, _, _, err := c.Of(ctx, link)
	if err != nil {
		return err
	}
	wish = strings.TrimSpace(wish)
	if change && (wish == "" || len([]rune(wish)) > MaxWish) {
		var bad fault.Fields
		bad.Add("wish", "directory.check.error.wish", "say in 1 to 1000 characters what is different")
		return bad.Err()
	}
	if !check.Open(act.At) {
		return nil // a second tap
	}
	return c.Store.AnswerCheck(ctx, act, check.ID, wish)
}
